"""The worker under faults: poison from a provider or in the store, a full disk, its own death, a lock that is gone."""

import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest
from support.processes import PATIENCE_S
from tools.tasks.bench import DONE, Answers, Bench, bench, briefly, half, prompt_of, told
from tools.tasks.samples import HERE, OTHER, WORKER, added, look, new_task

from longcall.call import Call
from longcall.models import AttemptState, TaskState
from longcall.providers import Event, Handle, Sending
from longcall.tasks.store import Ending
from longcall.tasks.transactions import fetch_all
from longcall.tasks.unsaved import Unsaved, keep, kept

__all__ = ["bench"]

FULL = """
import sys
from pathlib import Path
import anyio
from longcall.caller import Caller
from longcall.models import Completion, Usage
from longcall.providers import Provider
from longcall.backoff import Backoff
from longcall.tasks.database import open_database
from longcall.tasks.doorbell import open_doorbell
from longcall.tasks.sqlite import SqliteStore
from longcall.tasks.worker import Worker

class FillsDisk(Provider):
    async def stream(self, call, sending):
        await sending()
        await database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchall())
        yield "x" * 1_000_000
        if sys.argv[2] == "complete":
            yield Completion("really", "stop", Usage(1, 1), cost_usd=0.5)

async def work():
    global database
    home = Path(sys.argv[1])
    async with open_database(home / "tasks.sqlite3") as database, open_doorbell() as bell:
        caller = Caller(lambda model: FillsDisk(), Backoff())
        await Worker(name="dead", environment="e" * 16, store=SqliteStore(database), bell=bell, caller=caller,
                     unsaved=home / "unsaved", max_in_flight=1, idle_s=3600).run()

anyio.run(work)
"""


async def test_halves_of_a_character_that_come_apart_are_joined(bench: Bench):
    async def answer(_call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        for piece in ("a horse: \ud83d", "\udc0e", " and half of one: \ud83d"):
            yield piece
        yield DONE

    async with bench.working(Answers(answer)):
        [task] = await bench.add(new_task())
        found = await bench.end(task)
    assert (found.state, found.text) == (TaskState.COMPLETED, "a horse: 🐎 and half of one: ")


@pytest.mark.parametrize(
    ("said", "stored"), [("\ud83dx", "\ufffdx"), ("\udc0e", "\ufffd"), ("a\0b", "a\ufffdb")], ids=["high", "low", "nul"]
)
async def test_what_no_store_takes_is_replaced_and_harms_no_other_task(bench: Bench, said: str, stored: str):
    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        yield said if prompt_of(call) == "bad" else "good"
        yield DONE

    async with bench.working(Answers(answer)):
        bad, good = await bench.add(new_task("bad"), new_task("good"))
        found = await bench.end(bad)
        assert (await bench.end(good)).text == "good"
    assert (found.state, found.text, found.chars) == (TaskState.COMPLETED, stored, len(stored))


async def test_an_impossible_cost_from_a_provider_harms_no_other_task(bench: Bench):
    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        yield replace(DONE, cost_usd=-1.0) if prompt_of(call) == "bad" else DONE

    async with bench.working(Answers(answer)):
        bad, good = await bench.add(new_task("bad"), new_task("good"))
        assert (await bench.end(good)).state is TaskState.COMPLETED
        found = await bench.end(bad)
    assert found.failure is not None
    assert (found.state, found.failure.code) == (TaskState.FAILED, "internal")


async def unread(bench: Bench) -> tuple[str, str]:
    """Adds a task whose call another edition wrote, and one that can be read; returns their ids."""
    bad, good = await added(bench.store, new_task("bad"), new_task("good"))
    sql = "UPDATE tasks SET call = '{\"model\": 5}' WHERE id = ?"
    await bench.database.write(lambda connection: connection.execute(sql, (bad,)).fetchall())
    return bad, good


async def test_a_call_that_cannot_be_read_fails_alone(bench: Bench):
    bad, good = await unread(bench)
    async with bench.working(Answers(briefly)):
        assert (await bench.end(good)).text == "so: good"
    [row] = await bench.database.read(partial(fetch_all, "task", {"task": bad}))
    assert row["state"] == TaskState.FAILED
    assert "cannot read the call" in row["failure"]


async def test_a_call_that_cannot_be_read_can_still_be_looked_at(bench: Bench):
    bad, good = await unread(bench)
    async with bench.working(Answers(briefly)):
        await bench.end(good)
    assert (await look(bench.store, bad)).state is TaskState.FAILED


async def test_an_ending_that_the_store_cannot_take_is_kept_until_it_can(
    bench: Bench, caplog: pytest.LogCaptureFixture
):
    sent, gate = anyio.Event(), anyio.Event()

    async def answer(_call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        sent.set()
        await gate.wait()
        yield "x" * 1_000_000
        yield DONE

    async with bench.working(Answers(answer)):
        [task] = await bench.add(new_task())
        await sent.wait()
        await bench.pages(1)
        gate.set()
        await told(caplog, f"the ending of {task} is kept")
        assert (await look(bench.store, task)).state is TaskState.RUNNING
        assert [unsaved.task for unsaved in kept(bench.unsaved)] == [task]
        await bench.pages(1_000_000)
        found = await bench.end(task)
        await bench.until_unsaved_is_empty()
    assert (found.state, len(found.text), found.completion) == (TaskState.COMPLETED, 1_000_000, DONE)
    assert [attempt.state for attempt in found.attempts] == [AttemptState.ANSWERED]


async def test_nothing_is_sent_that_cannot_be_written_down_first(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    ready, gate = anyio.Event(), anyio.Event()
    sent: list[str] = []

    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        ready.set()
        await gate.wait()
        await sending()
        sent.append(prompt_of(call))
        yield DONE

    await bench.database.write(lambda connection: connection.execute("PRAGMA busy_timeout = 50").fetchall())
    with closing(sqlite3.connect(tmp_path / "tasks.sqlite3", isolation_level=None)) as other:
        async with bench.working(Answers(answer)):
            [task] = await bench.add(new_task())
            await ready.wait()
            other.execute("BEGIN IMMEDIATE")
            gate.set()
            await told(caplog, f"the ending of {task} is kept")
            other.execute("ROLLBACK")
            found = await bench.end(task)
    assert found.failure is not None
    assert (found.failure.code, found.attempts, sent) == ("store", (), [])


async def fill(bench: Bench, how: str) -> str:
    """Has the process of a worker be killed whose task ended while the disk was full; returns the task."""
    [task] = await added(bench.store, new_task())
    command = [sys.executable, "-c", FULL, str(bench.home), how]
    with subprocess.Popen(command) as process:  # noqa: ASYNC220  # its start is all that blocks
        try:
            with anyio.fail_after(PATIENCE_S):
                while not list(kept(bench.unsaved)):  # noqa: ASYNC110  # another process's file sets no event
                    await anyio.sleep(0.01)
        finally:
            process.kill()
    assert (await look(bench.store, task)).state is TaskState.RUNNING
    return task


async def test_an_ending_that_its_worker_could_not_store_is_stored_by_the_next(bench: Bench):
    task = await fill(bench, "complete")
    async with bench.working(Answers(briefly), name=OTHER):
        found = await bench.end(task)
        await bench.until_unsaved_is_empty()
    assert (found.state, len(found.text), found.completion) == (TaskState.COMPLETED, 1_000_000, DONE)
    assert [attempt.state for attempt in found.attempts] == [AttemptState.ANSWERED]


async def test_the_text_of_a_failure_that_its_worker_could_not_store_is_kept_too(bench: Bench):
    task = await fill(bench, "break off")
    async with bench.working(Answers(briefly), name=OTHER):
        found = await bench.end(task)
    assert (found.state, len(found.text)) == (TaskState.FAILED, 1_000_000)


async def ended_unsaved(bench: Bench, ending: Ending) -> str:
    """Returns a task of a dead worker whose ending is in a file."""
    [task] = await added(bench.store, new_task())
    await bench.store.claim(HERE, "dead", 1)
    await bench.store.mark_sent(task, "dead", "demo/echo")
    keep(bench.unsaved, Unsaved(task, "dead", ending))
    return task


async def test_an_ending_in_a_file_that_comes_too_late_changes_nothing(bench: Bench):
    task = await ended_unsaved(bench, Ending(TaskState.COMPLETED, AttemptState.ANSWERED, "late", DONE))
    await bench.store.finish(task, "dead", Ending(TaskState.COMPLETED, AttemptState.ANSWERED, "first", DONE))
    before = await look(bench.store, task)
    async with bench.working(Answers(briefly)):
        await bench.until_unsaved_is_empty()
    assert await look(bench.store, task) == before


async def test_an_impossible_ending_in_a_file_harms_no_worker(bench: Bench):
    costly = replace(DONE, cost_usd=-1.0)
    await ended_unsaved(bench, Ending(TaskState.COMPLETED, AttemptState.ANSWERED, "paid", costly))
    async with bench.working(Answers(briefly)):
        [task] = await bench.add(new_task("why?"))
        assert (await bench.end(task)).text == "so: why?"


async def test_an_ending_in_a_file_waits_until_the_store_can_take_it(bench: Bench, caplog: pytest.LogCaptureFixture):
    text = "x" * 1_000_000
    task = await ended_unsaved(bench, Ending(TaskState.COMPLETED, AttemptState.ANSWERED, text, DONE))
    await bench.pages(1)
    async with bench.working(Answers(briefly)):
        await told(caplog, task)
        await bench.pages(1_000_000)
        assert (await bench.end(task)).text == text


async def test_without_its_lock_a_worker_ends_what_runs_and_begins_nothing(bench: Bench):
    holds, going, gate = True, anyio.Event(), anyio.Event()

    async def answer(_call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        going.set()
        await gate.wait()
        yield "to the end"
        yield DONE

    async with bench.working(Answers(answer), holds_lock=lambda: holds):
        [first] = await bench.add(new_task("first"))
        await going.wait()
        holds = False
        [second] = await bench.add(new_task("second"))
        gate.set()
        await bench.left.wait()
    assert (await look(bench.store, first)).text == "to the end"
    assert (await look(bench.store, second)).state is TaskState.QUEUED


async def test_with_its_lock_a_worker_stays_for_the_next_task(bench: Bench):
    async with bench.working(Answers(briefly), holds_lock=lambda: True):
        for prompt in ("first", "second"):
            [task] = await bench.add(new_task(prompt))
            assert (await bench.end(task)).text == f"so: {prompt}"
        assert not bench.left.is_set()


async def test_an_answer_that_the_provider_keeps_is_fetched_by_the_next_worker(bench: Bench):
    asked: list[str] = []

    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        asked.append(prompt_of(call))
        yield Handle("resp_1")
        async for event in half(call, nothing):
            yield event

    async def fetch(_call: Call, handle: Handle) -> AsyncGenerator[Event]:
        yield f"half an answer, and all of {handle.name}"
        yield DONE

    provider = Answers(answer, fetch)
    async with bench.working(provider) as scope:
        [task] = await bench.add(new_task())
        await bench.until(task, lambda found: bool(found.text))
        scope.cancel()
    async with bench.working(provider, name=OTHER):
        found = await bench.end(task)
    assert (found.state, found.text) == (TaskState.COMPLETED, "half an answer, and all of resp_1")
    assert ([attempt.state for attempt in found.attempts], len(asked)) == ([AttemptState.ANSWERED], 1)


async def test_a_provider_that_keeps_no_answers_is_not_asked_again(bench: Bench):
    [task] = await added(bench.store, new_task())
    await bench.store.claim(HERE, WORKER, 1)
    await bench.store.mark_sent(task, WORKER, "demo/echo")
    await bench.store.note_handle(task, WORKER, "resp_1")
    async with bench.working(Answers(briefly), name=OTHER):
        found = await bench.end(task)
    assert found.failure is not None
    assert (found.state, found.failure.code, len(found.attempts)) == (TaskState.FAILED, "lost", 1)


async def nothing() -> None:
    """Writes nothing down."""
