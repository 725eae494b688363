"""Whose keys a task runs with, and what becomes of a task whose keys have gone."""

import sqlite3
from pathlib import Path

import anyio
from support.endpoint import HALF, REST
from support.processes import (
    attached,
    call,
    front_processes,
    kill,
    rows,
    state,
    until,
    worker_processes,
)
from support.scripted import ScriptedEndpoint
from support.wire import wired

HOUR_MS = 3_600_000
KEY = "sk-one-4Zq81LxWmT"
OTHER_KEY = "sk-two-9HvB27RkPd"


async def _call_from_a_front_of_its_own(environ: dict[str, str], prompt: str, answers: list[str]) -> None:
    async with attached(environ) as front:
        answers.append((await call(front, "llm_call", prompt=prompt, model="demo/echo"))["text"])


async def test_fronts_that_start_at_the_same_instant_start_one_worker(home: Path, environ: dict[str, str]) -> None:
    answers: list[str] = []
    async with anyio.create_task_group() as tasks:
        for number in range(4):
            tasks.start_soon(_call_from_a_front_of_its_own, environ, str(number), answers)
    assert sorted(answers) == ["0", "1", "2", "3"]
    assert len(worker_processes(home)) == 1


async def test_fronts_with_different_keys_are_answered_each_with_its_own(
    home: Path, environ: dict[str, str], endpoint: ScriptedEndpoint, prompt: str
) -> None:
    prompts = {KEY: f"{prompt}-one", OTHER_KEY: f"{prompt}-two"}
    async with (
        attached(environ | endpoint.environ(KEY)) as front,
        attached(environ | endpoint.environ(OTHER_KEY)) as other_front,
    ):
        fronts = {KEY: front, OTHER_KEY: other_front}
        started = {
            key: (await call(fronts[key], "start_task", prompt=prompts[key], model="openai/at-once"))["task_id"]
            for key in fronts
        }
        for key, task_id in started.items():
            # Asked through the front that does not hold the key.
            reader = other_front if key == KEY else front
            result = await call(reader, "poll_task", task_id=task_id, wait_s=45)
            assert (result["status"], result["text"]) == ("completed", HALF + REST)
            assert [asked["authorization"] for asked in endpoint.asked(prompts[key])] == [f"Bearer {key}"]
        assert len(worker_processes(home)) == 2
        refused = await call(front, "llm_call", prompt=prompt, model="openai/refused")
        assert (refused["error"]["code"], KEY in str(refused)) == ("no_access", False)
    _assert_only_the_prompt_is_stored(home, prompt)


def _assert_only_the_prompt_is_stored(home: Path, prompt: str) -> None:
    stored = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert prompt.encode() in stored
    for key in (KEY, OTHER_KEY):
        assert key.encode() not in stored


async def _strand(home: Path, environ: dict[str, str], *prompts: str) -> tuple[str, list[str]]:
    """Returns the ids of a task that was running and of queued ones, whose front and worker have been killed."""
    async with wired(environ | {"LONGCALL_MAX_IN_FLIGHT": "1"}) as front:
        running = (await front.result("start_task", prompt="one two three four", model="demo/stall"))["task_id"]
        await until(lambda: rows(home, "SELECT 1 FROM pieces WHERE task = ?", running))
        queued = [(await front.result("start_task", prompt=prompt, model="demo/echo"))["task_id"] for prompt in prompts]
        kill(front_processes(home))
        kill(worker_processes(home))
        await front.process.wait()
    assert [state(home, task_id) for task_id in (running, *queued)] == ["running"] + ["queued"] * len(queued)
    return running, queued


async def test_a_task_whose_keys_nobody_holds_says_so_until_it_is_cancelled_or_they_come_back(
    home: Path, environ: dict[str, str]
) -> None:
    holding = environ | {"OPENAI_API_KEY": KEY}
    running, (given_up, kept) = await _strand(home, holding, "given up", "kept")
    async with attached(environ) as stranger:
        waiting = await call(stranger, "poll_task", task_id=kept, wait_s=0.5)
        assert (waiting["status"], "keys" in waiting["next"]) == ("working", True)
        interrupted = await call(stranger, "poll_task", task_id=running)
        assert (interrupted["status"], interrupted["text"]) == ("interrupted", "one two three ")
        assert (await call(stranger, "cancel_task", task_id=given_up))["status"] == "cancelled"
        assert state(home, kept) == "queued"
        assert not any(worker.environ().get("OPENAI_API_KEY") for worker in worker_processes(home))
    async with attached(holding | {"LONGCALL_MAX_IN_FLIGHT": "1"}) as holder:
        result = await call(holder, "poll_task", task_id=kept, wait_s=45)
        assert (result["status"], result["text"], result.get("next")) == ("completed", "kept", None)
        assert (await call(holder, "poll_task", task_id=given_up))["status"] == "cancelled"


async def test_a_clock_that_was_set_neither_ages_a_task_nor_lets_it_expire(home: Path, environ: dict[str, str]) -> None:
    names = ("from the future", "set forward", "long ago")
    _, (from_the_future, set_forward, long_ago) = await _strand(home, environ, *names)
    _set_back(home, from_the_future, wall=-5 * HOUR_MS, tick=0)
    _set_back(home, set_forward, wall=5 * HOUR_MS, tick=0)
    _set_back(home, long_ago, wall=5 * HOUR_MS, tick=5 * HOUR_MS)
    async with attached(environ) as stranger:
        waiting = await call(stranger, "poll_task", task_id=from_the_future)
        assert (waiting["status"], waiting["elapsed_s"]) == ("working", 0)
    async with attached(environ | {"LONGCALL_MAX_IN_FLIGHT": "1"}) as front:
        result = await call(front, "poll_task", task_id=from_the_future, wait_s=45)
        assert (result["status"], result["text"], result["elapsed_s"]) == ("completed", "from the future", 0)
        forward = await call(front, "poll_task", task_id=set_forward, wait_s=45)
        assert (forward["status"], forward["text"]) == ("completed", "set forward")
        expired = await call(front, "poll_task", task_id=long_ago, wait_s=45)
        assert (expired["status"], expired["error"]["code"], expired["attempts"]) == ("failed", "timeout", 0)


def _set_back(home: Path, task_id: str, *, wall: int, tick: int) -> None:
    """Makes a task older, by each of the two clocks."""
    connection = sqlite3.connect(home / "tasks.sqlite3", timeout=10)
    with connection:
        connection.execute(
            "UPDATE tasks SET created_at = created_at - ?, created_tick = created_tick - ? WHERE id = ?",
            (wall, tick, task_id),
        )
    connection.close()
