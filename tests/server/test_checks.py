"""Answers that hold, as hosts ask for them: checks, another answer, and a person who decides."""

import json
from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult
from support.processes import attached, call, error_text, shown, structured

PERSON = '{"name": "Ada", "born": 1815}'
SCHEMA: dict[str, Any] = {"type": "object", "required": ["name"], "properties": {"born": {"type": "integer"}}}
COMMANDS = {"mcp_config": {"mcpServers": {"x": {"command": "x"}}}}
FAILED_CHARS = 10_000
"""Claude Code cuts the results of failed calls here."""


async def test_a_wrong_answer_is_asked_for_again_with_what_was_wrong(client: Client) -> None:
    result = await call(client, "llm_call", prompt=PERSON, model="demo/slip", validate=["json"])
    assert (result["status"], result["text"], result["attempts"]) == ("completed", PERSON, 2)
    first, second = result["validation"]["attempts"]
    assert (first["n"], first["valid"], second["valid"]) == (1, False, True)
    assert first["issues"][0].startswith("json: ")
    assert (result["validation"]["valid"], result["validation"]["returned"]) == (True, "passed")
    wrong = await call(client, "poll_task", task_id=result["task_id"], attempt=1)
    assert wrong["text"] == PERSON[: len(PERSON) // 2]


async def test_an_answer_that_is_right_at_once_is_asked_for_once(client: Client) -> None:
    result = await call(client, "llm_call", prompt=PERSON, model="demo/echo", validate=["json"])
    assert (result["status"], result["attempts"], result["validation"]["valid"]) == ("completed", 1, True)
    assert "warnings" not in result


async def test_a_schema_alone_is_checked(client: Client) -> None:
    good = await call(client, "llm_call", prompt=PERSON, model="demo/echo", response_schema=SCHEMA)
    assert (good["status"], good["validation"]["valid"]) == ("completed", True)
    once = {"retry": {"max_attempts": 1}}
    asked = {"prompt": '{"born": "1815"}', "model": "demo/echo", "response_schema": SCHEMA, **once}
    bad = await client.call_tool("llm_call", asked)
    assert bad.is_error
    told = structured(bad)
    assert (told["status"], told["error"]["code"], told["text"]) == ("failed", "validation_failed", '{"born": "1815"}')
    assert "/born" in [issue.get("path") for issue in told["validation"]["issues"]]
    assert "feedback_next" in told["validation"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"validate": ["jsno"]}, "json"),
        ({"validate": [{"type": "regex", "pattern": "("}]}, "regex"),
        ({"validate": [{"type": "regex", "pattern": "a", "mood": "search"}]}, "mood"),
        ({"validate": [{"type": "judge", "prompt": "Is it good?"}]}, "TEXT_TO_VALIDATE"),
        ({"retry": {"max_attempts": 0}}, "max_attempts"),
        ({"retry": {"attempts": 2}}, "attempts"),
        ({"response_schema": {"type": "no such type"}}, "response_schema"),
        ({"model": "meta-task/x"}, "validate"),
        ({"validate": [{"type": "judge", "criteria": ["good"], **COMMANDS}], "model": "max/"}, "name `servers`"),
        ({"retry": {"tool_stage": {"after": 1, **COMMANDS}}, "model": "max/", "validate": ["json"]}, "name `servers`"),
        ({"retry": {"tool_stage": {"after": 1, "servers": ["x"]}}, "validate": ["json"]}, "cannot be handed tools"),
    ],
)
async def test_what_cannot_be_checked_so_is_told_before_anything_is_asked(
    one_client: Client, arguments: dict[str, Any], complaint: str
) -> None:
    before = await call(one_client, "poll_task")
    said = await error_text(one_client, "llm_call", **{"prompt": "x", "model": "demo/echo", **arguments})
    assert complaint in said
    assert "\n" not in said
    assert await call(one_client, "poll_task") == before


async def test_somebody_decides_and_the_task_goes_on_from_there(client: Client) -> None:
    retry = {"max_attempts_before_human": 1}
    doubtful = await call(client, "llm_call", prompt="[1, 2", model="demo/echo", validate=["json"], retry=retry)
    assert (doubtful["status"], doubtful["text"]) == ("needs_review", "[1, 2")
    assert "start_task(resume=" in doubtful["next"]
    again = await call(client, "start_task", resume=doubtful["task_id"], guidance="[1, 2]")
    assert (again["status"], again["task_id"]) == ("working", doubtful["task_id"])
    done = await call(client, "poll_task", task_id=doubtful["task_id"], wait_s=45)
    assert (done["status"], done["text"], done["attempts"]) == ("completed", "[1, 2]", 2)
    said = await error_text(client, "start_task", resume=doubtful["task_id"], guidance="more")
    assert "needs no review" in said


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"resume": "0" * 32, "guidance": "x"}, "No task has the id"),
        ({"resume": "0" * 32, "guidance": "x", "prompt": "y"}, "guidance"),
        ({"guidance": "x", "prompt": "y", "model": "demo/echo"}, "resume"),
    ],
)
async def test_guidance_goes_to_a_task_that_waits_for_it(
    one_client: Client, arguments: dict[str, Any], complaint: str
) -> None:
    assert complaint in await error_text(one_client, "start_task", **arguments)


@pytest.mark.parametrize(("wanted", "text"), [("return_best", "aaaaa"), ("return_last", "aaaaazzzzz")])
async def test_the_best_or_the_last_answer_can_be_had_although_none_passed(
    one_client: Client, wanted: str, text: str
) -> None:
    checks = [{"type": "contains", "all": ["b"], "none": ["z"]}, {"type": "length", "max": 5}]
    retry = {"on_exhausted": wanted, "max_attempts": 2}
    asked = {"prompt": "aaaaazzzzz", "model": "demo/slip", "validate": checks, "retry": retry}
    result = await call(one_client, "llm_call", **asked)
    assert (result["status"], result["text"], result["validation"]["valid"]) == ("completed", text, False)
    assert any("failed its checks" in warning for warning in result["warnings"])


async def test_a_failed_call_is_told_whole_within_what_hosts_show(one_client: Client) -> None:
    checks = [{"type": "contains", "all": [f"word {number} " * 30]} for number in range(40)]
    asked = {"prompt": "x " * 20_000, "model": "demo/echo", "validate": checks}
    result: CallToolResult = await one_client.call_tool("llm_call", asked)
    assert result.is_error
    assert len(shown(result)) < FAILED_CHARS
    first, _, _ = shown(result).partition("\n\n")
    assert json.loads(first)["validation"]["more_issues"] > 0


async def test_the_text_that_was_given_is_what_is_checked(one_client: Client) -> None:
    asked = {"prompt": "no JSON", "model": "meta-task/check", "validate": ["json"]}
    result = structured(await one_client.call_tool("llm_call", asked))
    assert (result["status"], result["text"], result["attempts"]) == ("failed", "no JSON", 0)
    good = await call(one_client, "llm_call", prompt="[]", model="meta-task/check", validate=["json"])
    assert (good["status"], good["text"], good["attempts"]) == ("completed", "[]", 0)


async def test_progress_says_which_attempt_it_is_and_what_was_wrong(home: Any, environ: dict[str, str]) -> None:
    del home
    heard: list[str] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        del progress, total
        heard.append(message or "")

    async with attached(environ) as front:
        asked = {"prompt": "x", "model": "demo/slow-2.5", "validate": [{"type": "contains", "all": ["Grace"]}]}
        await front.call_tool("llm_call", asked | {"retry": {"max_attempts": 2, "stop_without_progress": False}},
                              progress_callback=listen)  # fmt: skip
    assert any("attempt 1/2" in message for message in heard)
    assert any("attempt 2/2: 1 issue before" in message for message in heard)
