"""Nothing acknowledged is lost, and nothing is sent twice, whoever is killed with SIGKILL and whenever."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.endpoint import HALF, REST
from support.mocks import aimock
from support.processes import (
    attached,
    call,
    clean_environ,
    front_processes,
    kill,
    rows,
    state,
    until,
    worker_processes,
)
from support.scripted import ScriptedEndpoint
from support.wire import wired


async def _task_of(home: Path, head: str) -> str:
    def look() -> Any:
        made = (home / "tasks.sqlite3").exists() and rows(home, "SELECT 1 FROM sqlite_master WHERE name = 'tasks'")
        return made and rows(home, "SELECT id FROM tasks WHERE head = ?", head)

    return (await until(look))[0]["id"]


def _attempts(home: Path, task_id: str) -> list[str]:
    return [row["state"] for row in rows(home, "SELECT state FROM attempts WHERE task = ? ORDER BY number", task_id)]


async def test_the_answer_of_a_call_whose_front_was_killed_is_read_from_a_new_front(
    shared: dict[str, str], endpoint: ScriptedEndpoint, prompt: str
) -> None:
    home = Path(shared["LONGCALL_HOME"])
    async with wired(shared) as front:
        await front.call("llm_call", prompt=prompt, model="openai/silent")
        await until(lambda: endpoint.asked(prompt))
        front.process.kill()
        await front.process.wait()
    task_id = await _task_of(home, prompt)
    assert endpoint.states(prompt) == ["open"]
    endpoint.release(prompt)
    async with attached(shared) as new_front:
        result = await call(new_front, "poll_task", task_id=task_id, wait_s=45)
    assert (result["status"], result["text"], result["attempts"]) == ("completed", HALF + REST, 1)
    assert endpoint.states(prompt) == ["answered"]


async def test_a_front_killed_while_a_stream_comes_in_costs_one_request_at_the_provider(
    home: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    answer = "Every word of it. " * 20
    slow = {"match": {}, "response": {"content": answer}, "streamingProfile": {"ttft": 100, "tps": 40}}
    with aimock([slow], tmp_path) as provider:
        environ |= provider.environ()
        async with wired(environ) as front:
            await front.call("llm_call", prompt="once", model="openai/gpt-4o")
            task_id = await _task_of(home, "once")
            await until(lambda: rows(home, "SELECT 1 FROM pieces WHERE task = ?", task_id))
            front.process.kill()
            await front.process.wait()
        assert state(home, task_id) == "running"
        async with attached(environ) as new_front:
            result = await call(new_front, "poll_task", task_id=task_id, wait_s=45)
        assert (result["status"], result["text"]) == ("completed", answer)
        assert len(provider.journal()) == 1


async def test_what_a_killed_worker_had_not_sent_runs_under_the_next_one(
    home: Path, environ: dict[str, str], endpoint: ScriptedEndpoint, prompt: str
) -> None:
    environ |= endpoint.environ() | {"LONGCALL_MAX_IN_FLIGHT": "1"}
    queued_prompt = f"{prompt}-queued"
    async with attached(environ) as front:
        claimed = (await call(front, "start_task", prompt=prompt, model="openai/at-once"))["task_id"]
        queued = (await call(front, "start_task", prompt=queued_prompt, model="openai/at-once"))["task_id"]
        # Its first task makes the worker import LiteLLM for seconds: taken, and nothing sent.
        await until(lambda: state(home, claimed) == "running")
        kill(worker_processes(home))
        assert (state(home, claimed), state(home, queued)) == ("running", "queued")
        assert _attempts(home, claimed) == _attempts(home, queued) == []
        for task_id in (claimed, queued):
            result = await call(front, "poll_task", task_id=task_id, wait_s=45)
            assert (result["status"], result["text"], result["attempts"]) == ("completed", HALF + REST, 1)
    assert endpoint.states(prompt) == endpoint.states(queued_prompt) == ["answered"]


@dataclass(frozen=True)
class _Wreck:
    """A store whose only worker was killed while the provider was at two of its tasks."""

    environ: dict[str, str]
    endpoint: ScriptedEndpoint
    silent: str
    """Sent; not even headers had come back."""
    half: str
    """Sent; HALF had come back and was stored."""

    @property
    def home(self) -> Path:
        return Path(self.environ["LONGCALL_HOME"])


@pytest.fixture(scope="module")
def wreck_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    home = tmp_path_factory.mktemp("wreck") / "home"
    yield home
    kill(front_processes(home) + worker_processes(home))


@pytest.fixture(scope="module")
async def wreck(wreck_home: Path, endpoint: ScriptedEndpoint) -> _Wreck:
    environ = clean_environ(wreck_home, **endpoint.environ())
    async with attached(environ) as front:
        silent = (await call(front, "start_task", prompt="wreck-silent", model="openai/silent"))["task_id"]
        half = (await call(front, "start_task", prompt="wreck-half", model="openai/half"))["task_id"]
        await until(lambda: endpoint.asked("wreck-silent"))
        await until(lambda: rows(wreck_home, "SELECT 1 FROM pieces WHERE task = ?", half))
        kill(worker_processes(wreck_home))
        assert (state(wreck_home, silent), state(wreck_home, half)) == ("running", "running")
    return _Wreck(environ, endpoint, silent, half)


async def test_a_request_that_a_killed_worker_had_sent_is_interrupted_and_never_sent_again(wreck: _Wreck) -> None:
    for _ in range(2):
        async with attached(wreck.environ) as front:
            result = await call(front, "poll_task", task_id=wreck.silent, wait_s=45)
            assert (result["status"], result["attempts"]) == ("interrupted", 1)
            assert result["error"]["retryable"] is False
            # The new worker lives and works on; only what may have been paid for is left alone.
            assert (await call(front, "llm_call", prompt="on", model="demo/echo"))["status"] == "completed"
    assert _attempts(wreck.home, wreck.silent) == ["lost"]
    assert wreck.endpoint.states("wreck-silent") == ["hung up"]


async def test_the_text_that_had_streamed_in_before_the_worker_was_killed_stays_readable(wreck: _Wreck) -> None:
    async with attached(wreck.environ) as front:
        half = await call(front, "poll_task", task_id=wreck.half, wait_s=45)
        silent = await call(front, "poll_task", task_id=wreck.silent, wait_s=45)
    assert (half["status"], half["text"]) == ("interrupted", HALF)
    assert not silent.get("text")
    assert wreck.endpoint.states("wreck-half") == ["hung up"]


async def test_front_and_worker_killed_together_leave_a_task_whose_fate_the_next_front_tells(
    home: Path, environ: dict[str, str]
) -> None:
    async with wired(environ) as front:
        await front.call("llm_call", prompt="one two three four five", model="demo/stall")
        task_id = await _task_of(home, "one two three four five")
        await until(lambda: rows(home, "SELECT 1 FROM pieces WHERE task = ?", task_id))
        kill(front_processes(home) + worker_processes(home))
        await front.process.wait()
    assert (state(home, task_id), worker_processes(home)) == ("running", [])
    async with attached(environ) as new_front:
        result = await call(new_front, "poll_task", task_id=task_id, wait_s=45)
    assert (result["status"], result["text"], result["attempts"]) == ("interrupted", "one two three ", 1)
