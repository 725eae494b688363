"""Answers of several models become one: by their vote, or by the choice of another; and a choice is paid for once."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support.mocks import aimock
from support.processes import attached, call, clean_environ, front_processes, kill, rows, until, worker_processes
from support.scripted import ScriptedEndpoint

MODELS = ["openai/red", "openai/blue", "openai/green"]


def says(model: str, content: str, prompt: str) -> dict[str, Any]:
    return {"match": {"model": model, "userMessage": prompt}, "response": {"content": content}}


def breaks(model: str, prompt: str) -> dict[str, Any]:
    error = {"message": "no such model", "type": "invalid_request_error"}
    return {"match": {"model": model, "userMessage": prompt}, "response": {"error": error, "status": 400}}


FIXTURES = [
    says("red", '{"sum": 4}', "agree"), says("blue", '{"sum":5}', "agree"), says("green", '{ "sum": 4.0 }', "agree"),
    says("red", "one", "differ"), says("blue", "two", "differ"), says("green", "three", "differ"),
    breaks("red", "partly"), says("blue", "Yes", "partly"), says("green", "yes", "partly"),
    breaks("red", "broken"), breaks("blue", "broken"), breaks("green", "broken"),
]  # fmt: skip


@pytest.fixture(scope="module")
def voters(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    """Returns the environment of a store whose models answer as FIXTURES say."""
    folder = tmp_path_factory.mktemp("voters")
    with aimock(FIXTURES, folder) as mock:
        yield clean_environ(folder / "home", **mock.environ(), LONGCALL_ATTEMPTS="1")
    kill(front_processes(folder / "home") + worker_processes(folder / "home"))


async def together(front: Client, **asked: Any) -> dict[str, Any]:
    """Returns what became of a group."""
    begun = await call(front, "start_task", **asked)
    return await call(front, "poll_task", task_id=begun["task_id"], wait_s=45)


async def test_most_of_the_models_agree(voters: dict[str, str]) -> None:
    async with attached(voters) as front:
        result = await together(front, prompt="agree", models=MODELS, combine="vote")
    assert (result["status"], result["text"], "warnings" in result) == ("completed", '{"sum": 4}', False)
    lines = result["tasks"]
    assert result["combined"] == {
        "how": "vote", "from": [lines[0]["task_id"], lines[2]["task_id"]], "members": 3, "answered": 3, "votes": 2,
    }  # fmt: skip
    assert [line["model"] for line in lines] == [*MODELS, "combine/vote"]
    assert [line.get("text") for line in lines] == ['{"sum": 4}', '{"sum":5}', '{ "sum": 4.0 }', None]
    assert list(result)[:4] == ["status", "task_id", "counts", "combined"]


async def test_a_tie_is_said(voters: dict[str, str]) -> None:
    async with attached(voters) as front:
        result = await together(front, prompt="differ", models=MODELS, combine="vote")
    assert (result["status"], result["text"], result["combined"]["tie"]) == ("completed", "one", True)
    assert result["warnings"][0].startswith("Tie: 3 answers have 1 vote each")


async def test_a_result_without_all_of_them_says_so_at_the_top(voters: dict[str, str]) -> None:
    async with attached(voters) as front:
        result = await together(front, prompt="partly", models=MODELS, combine="vote")
    assert (result["status"], result["text"], result["combined"]["votes"]) == ("completed", "Yes", 2)
    assert result["combined"]["degraded"] == "1 of 3 members do not count"
    assert result["warnings"][0] == "Degraded: 1 of 3 members do not count: 1 failed."
    assert result["tasks"][0]["error"]


async def test_no_answer_at_all_is_a_failure(voters: dict[str, str]) -> None:
    async with attached(voters) as front:
        result = await together(front, prompt="broken", models=MODELS, combine="vote")
        alone = await together(front, prompt="broken", models=MODELS)
    assert (result["status"], result["error"]["code"], result.get("text")) == ("failed", "no_answer", None)
    assert result["warnings"] == ["3 of 3 members did not complete; see `tasks`."]
    assert (alone["status"], alone["warnings"]) == ("completed", result["warnings"])


async def test_another_model_chooses_the_best(shared: dict[str, str], endpoint: ScriptedEndpoint, prompt: str) -> None:
    prompts = [f"{prompt} good", f"{prompt} best", f"{prompt} bad"]
    best = {"best": {"model": "openai/chooser", "criteria": "It says best."}}
    async with attached(shared) as front:
        result = await together(front, prompts=prompts, model="openai/echo", combine=best)
        again = await call(front, "poll_task", task_id=result["tasks"][3]["task_id"])
    assert (result["status"], result["text"]) == ("completed", prompts[1])
    assert (result["combined"]["judge"], result["combined"]["reason"]) == ("openai/chooser", "it says so")
    assert result["combined"]["from"] == [result["tasks"][1]["task_id"]]
    assert (again["text"], again["attempts"]) == (prompts[1], 1)
    [asked] = [one for one in endpoint.mock.ask("/requests") if one["model"] == "chooser" and prompt in one["prompt"]]
    assert asked["prompt"].endswith("It says best.")


async def test_a_model_that_babbles_chooses_nothing(shared: dict[str, str], prompt: str) -> None:
    prompts = [f"{prompt} good", f"{prompt} best"]
    async with attached(shared) as front:
        wanted = {"best": {"model": "openai/babbler"}}
        result = await together(front, prompts=prompts, model="openai/echo", combine=wanted)
    assert (result["status"], result["error"]["code"], result.get("text")) == ("failed", "no_choice", None)
    assert [line.get("text") for line in result["tasks"][:2]] == prompts


async def test_a_choice_that_was_open_when_the_worker_was_killed_is_not_asked_for_again(
    tmp_path: Path, endpoint: ScriptedEndpoint, prompt: str
) -> None:
    home = tmp_path / "home"
    prompts = [f"{prompt} good", f"{prompt} best"]
    wanted = {"best": {"model": "openai/chooser", "criteria": "Never say which."}}

    def choosing() -> list[dict[str, str]]:
        requests: list[dict[str, str]] = endpoint.mock.ask("/requests")
        return [one for one in requests if one["model"] == "chooser" and prompt in one["prompt"]]

    async with attached(clean_environ(home, **endpoint.environ())) as front:
        begun = await call(front, "start_task", prompts=prompts, model="openai/echo", combine=wanted)
        await until(choosing)
        kill(worker_processes(home))
        result = await call(front, "poll_task", task_id=begun["task_id"], wait_s=45)
        kill(worker_processes(home))
        later = await call(front, "poll_task", task_id=begun["task_id"])
    assert (result["status"], result["error"]["code"]) == ("interrupted", "interrupted")
    assert "choosing the best answer" in result["error"]["message"]
    assert [line.get("text") for line in result["tasks"][:2]] == prompts
    assert (later["status"], len(choosing())) == ("interrupted", 1)
    assert [row["state"] for row in rows(home, "SELECT state FROM attempts WHERE role = 'judge'")] == ["lost"]


async def test_what_was_combined_is_there_after_the_worker_is_gone(
    home: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    with aimock(FIXTURES, tmp_path) as provider:
        async with attached(environ | provider.environ()) as front:
            result = await together(front, prompt="agree", models=MODELS, combine="vote")
            kill(worker_processes(home))
            again = await call(front, "poll_task", task_id=result["task_id"])
        assert (again["combined"], again["text"]) == (result["combined"], result["text"])
        assert len(provider.journal()) == 3


async def test_a_member_whose_key_was_used_costs_nothing_again(
    shared: dict[str, str], endpoint: ScriptedEndpoint, prompt: str
) -> None:
    keyed = {"prompt": f"{prompt} one", "idempotency_key": prompt}
    async with attached(shared) as front:
        first = await together(front, prompts=[keyed, f"{prompt} two"], model="openai/echo")
        second = await together(front, prompts=[keyed, f"{prompt} three"], model="openai/echo")
        member = await call(front, "poll_task", task_id=second["tasks"][0]["task_id"])
        other = {**keyed, "prompt": f"{prompt} four"}
        refused = await front.call_tool("start_task", {"prompts": [other, "x"], "model": "openai/echo"})
    assert (member["text"], member["cost_usd"], member["attempts"]) == (f"{prompt} one", 0, 0)
    assert first["tasks"][0]["task_id"] in member["warnings"][0]
    assert refused.is_error
    assert len(endpoint.asked(f"{prompt} one")) == 1
    assert len(endpoint.asked(f"{prompt} three")) == 1
