"""A wait that ends never stops the work; a cancel stops it, wherever it comes from."""

from pathlib import Path

import anyio
from support.endpoint import HALF, REST
from support.processes import attached, call, rows, state, until
from support.scripted import ScriptedEndpoint
from support.wire import wired

EXIT_S = 10.0


async def test_a_host_that_closes_stdin_in_mid_call_ends_the_front_and_not_the_work(
    home: Path, environ: dict[str, str]
) -> None:
    async with wired(environ) as front:
        await front.call("llm_call", prompt="a story", model="demo/slow-3")
        await until(lambda: (home / "workers").exists() and rows(home, "SELECT 1 FROM pieces"))
        with anyio.fail_after(EXIT_S):
            assert await front.hang_up() == 0
    task_id = rows(home, "SELECT id FROM tasks")[0]["id"]
    assert state(home, task_id) == "running"
    async with attached(environ) as new_front:
        result = await call(new_front, "poll_task", task_id=task_id, wait_s=45)
    assert (result["status"], result["attempts"]) == ("completed", 1)
    assert result["text"].endswith("this last one.")


async def test_a_wait_that_runs_out_leaves_the_request_open_for_a_later_poll(
    shared: dict[str, str], endpoint: ScriptedEndpoint, prompt: str
) -> None:
    async with attached(shared) as front:
        waited = await call(front, "llm_call", prompt=prompt, model="openai/silent", wait_s=0.5)
        assert (waited["status"], waited.get("text")) == ("working", None)
        await until(lambda: endpoint.states(prompt) == ["open"])
        endpoint.release(prompt)
        result = await call(front, "poll_task", task_id=waited["task_id"], wait_s=45)
    assert (result["status"], result["text"]) == ("completed", HALF + REST)
    assert endpoint.states(prompt) == ["answered"]


async def test_a_request_that_the_client_cancels_is_answered_to_a_later_poll(
    shared: dict[str, str], endpoint: ScriptedEndpoint, prompt: str
) -> None:
    async with attached(shared) as front:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(front.call_tool, "llm_call", {"prompt": prompt, "model": "openai/silent"})
            await until(lambda: endpoint.states(prompt) == ["open"])
            tasks.cancel_scope.cancel()
        listed = await call(front, "poll_task")
        task_id = next(task["task_id"] for task in listed["tasks"] if task["head"] == prompt)
        assert (await call(front, "poll_task", task_id=task_id))["status"] == "working"
        endpoint.release(prompt)
        result = await call(front, "poll_task", task_id=task_id, wait_s=45)
    assert (result["status"], result["text"]) == ("completed", HALF + REST)
    assert endpoint.states(prompt) == ["answered"]


async def test_a_cancel_from_another_front_closes_the_connection_to_the_provider(
    shared: dict[str, str], endpoint: ScriptedEndpoint, prompt: str
) -> None:
    untouched = f"{prompt}-untouched"
    async with attached(shared) as front, attached(shared) as other_front:
        task_id = (await call(front, "start_task", prompt=prompt, model="openai/half"))["task_id"]
        other_id = (await call(front, "start_task", prompt=untouched, model="openai/half"))["task_id"]
        home = Path(shared["LONGCALL_HOME"])
        for started in (task_id, other_id):
            await until(lambda task=started: rows(home, "SELECT 1 FROM pieces WHERE task = ?", task))
        cancelled = await call(other_front, "cancel_task", task_id=task_id)
        assert (cancelled["status"], cancelled["text"], cancelled["attempts"]) == ("cancelled", HALF, 1)
        await until(lambda: endpoint.states(prompt) == ["hung up"])
        assert endpoint.states(untouched) == ["open"]
        endpoint.release(untouched)
        assert (await call(front, "poll_task", task_id=other_id, wait_s=45))["status"] == "completed"
        assert (await call(front, "poll_task", task_id=task_id))["status"] == "cancelled"


async def test_a_cancel_that_comes_after_the_answer_changes_nothing(shared: dict[str, str], prompt: str) -> None:
    async with attached(shared) as front, attached(shared) as other_front:
        answered = await call(front, "llm_call", prompt=prompt, model="demo/echo")
        cancelled = await call(other_front, "cancel_task", task_id=answered["task_id"])
    assert (cancelled["status"], cancelled["text"]) == ("completed", prompt)
