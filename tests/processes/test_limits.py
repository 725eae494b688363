"""Workers that were thought dead, and workers that run out of what the system gives them."""

import signal
from pathlib import Path

import psutil
import pytest
from mcp import Client
from support.endpoint import HALF, REST
from support.processes import attached, call, clean_environ, rows, state, until, worker_processes
from support.scripted import ScriptedEndpoint

MANY = 24


async def _pieces(home: Path, task_id: str) -> None:
    await until(lambda: rows(home, "SELECT 1 FROM pieces WHERE task = ?", task_id))


async def test_a_worker_that_was_paused_and_replaced_changes_nothing_when_it_goes_on(
    tmp_path: Path, endpoint: ScriptedEndpoint, prompt: str
) -> None:
    home = tmp_path / "home"
    environ = clean_environ(home, **endpoint.environ())
    async with attached(environ) as front:
        task_id = (await call(front, "start_task", prompt=prompt, model="openai/half"))["task_id"]
        await _pieces(home, task_id)
        (paused,) = worker_processes(home)
        paused.send_signal(signal.SIGSTOP)
        for lock in (home / "workers").glob("*.lock"):
            lock.unlink()  # without this the lock it still holds keeps every other worker away
        found = await call(front, "poll_task", task_id=task_id, wait_s=45)
        assert (found["status"], found["text"]) == ("interrupted", HALF)
        endpoint.release(prompt)
        paused.send_signal(signal.SIGCONT)
        await until(lambda: paused not in worker_processes(home))  # it ends what it had begun, and leaves
        again = await call(front, "poll_task", task_id=task_id)
    assert (again["status"], again["text"]) == ("interrupted", HALF)
    assert len(endpoint.asked(prompt)) == 1


async def test_a_worker_that_was_only_paused_goes_on_and_answers(
    tmp_path: Path, endpoint: ScriptedEndpoint, prompt: str
) -> None:
    home = tmp_path / "home"
    environ = clean_environ(home, **endpoint.environ())
    async with attached(environ) as front:
        task_id = (await call(front, "start_task", prompt=prompt, model="openai/half"))["task_id"]
        await _pieces(home, task_id)
        (paused,) = worker_processes(home)
        paused.send_signal(signal.SIGSTOP)
        assert (await call(front, "poll_task", task_id=task_id, wait_s=1))["status"] == "working"
        endpoint.release(prompt)
        paused.send_signal(signal.SIGCONT)
        found = await call(front, "poll_task", task_id=task_id, wait_s=45)
    assert (found["status"], found["text"], found["attempts"]) == ("completed", HALF + REST, 1)


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="only Linux limits another process's files")
async def test_a_worker_out_of_file_handles_fails_what_it_cannot_connect_and_lives_on(
    tmp_path: Path, endpoint: ScriptedEndpoint, prompt: str
) -> None:
    home = tmp_path / "home"
    environ = clean_environ(home, **endpoint.environ(), LONGCALL_ATTEMPTS="1")
    async with attached(environ) as front:
        assert (await _ask(front, f"{prompt}-first"))["status"] == "completed"
        (worker,) = worker_processes(home)
        plenty = worker.rlimit(psutil.RLIMIT_NOFILE)
        worker.rlimit(psutil.RLIMIT_NOFILE, (worker.num_fds() + 6, plenty[1]))
        prompts = [f"{prompt}-{number}" for number in range(MANY)]
        begun = await call(front, "start_task", prompts=prompts, model="openai/silent")
        ids = [task["task_id"] for task in begun["tasks"]]
        await until(lambda: [task_id for task_id in ids if state(home, task_id) == "failed"])
        worker.rlimit(psutil.RLIMIT_NOFILE, plenty)
        await until(
            lambda: all(endpoint.asked(p) or state(home, t) == "failed" for p, t in zip(prompts, ids, strict=True))
        )
        for each in prompts:
            endpoint.release(each)
        await call(front, "poll_task", task_id=begun["task_id"], wait_s=45)
        ended = [await call(front, "poll_task", task_id=task_id) for task_id in ids]
        assert {result["status"] for result in ended} == {"completed", "failed"}
        assert {result["error"]["code"] for result in ended if result["status"] == "failed"} == {"unreachable"}
        assert (await _ask(front, f"{prompt}-last"))["status"] == "completed"
    assert [process.pid for process in worker_processes(home)] == [worker.pid]
    assert all(len(endpoint.asked(each)) <= 1 for each in prompts)


async def _ask(front: Client, prompt: str) -> dict[str, object]:
    return await call(front, "llm_call", prompt=prompt, model="openai/at-once", wait_s=45)
