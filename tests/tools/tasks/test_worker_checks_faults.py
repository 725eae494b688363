"""A worker whose answers are checked, under faults: its death at every point, a full disk, a deadline."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from tools.tasks.bench import Answers, Bench, bench, told
from tools.tasks.checking_bench import (
    ANSWERED,
    BY_CRITERIA,
    COSTS,
    FREELY,
    JUDGED,
    Models,
    checked_task,
    down,
    judged_text,
    roles,
    verdict,
)
from tools.tasks.samples import BROKEN, HERE, OTHER, added, look

from longcall.call import Call
from longcall.models import AttemptState, Checked, Role, TaskState
from longcall.providers import Event, Handle, Sending
from longcall.tasks.store import NewTask
from longcall.tasks.transactions import fetch_all
from longcall.tasks.unsaved import kept
from longcall.validators.base import Issue
from longcall.validators.judge import Judge

__all__ = ["bench"]

TWO_JUDGES = BY_CRITERIA.model_copy(update={"models": ("j1", "j2")})


def judge(name: str, model: str = "j", **options: Any) -> Judge:
    """Returns a judge who reports freely, so that nothing in its report tells which answer it is about."""
    return FREELY.model_copy(update={"id": name, "models": (model,), **options})


async def die(bench: Bench, models: Models, task: NewTask, at: int) -> str:
    """Has a worker die when it is about to write its request number `at` down; returns the task."""
    reached = anyio.Event()

    async def before(_call: Call, number: int) -> None:
        if number == at:
            reached.set()
            await anyio.sleep_forever()

    models.before = before
    async with bench.working(models.provider) as scope:
        [added_task] = await bench.add(task)
        await reached.wait()
        scope.cancel()
    found = await look(bench.store, added_task)
    assert found.state is TaskState.RUNNING
    models.before = nobody
    return added_task


async def nobody(_call: Call, _number: int) -> None:
    """Lets every request go."""


@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", [BY_CRITERIA, FREELY], ids=["by criteria", "freely"])
async def test_a_worker_that_dies_between_requests_is_followed_by_one_that_goes_on_there(
    bench: Bench, at: int, kind: Judge
):
    models = Models(["wrong", "right"])
    task = await die(bench, models, checked_task(kind), at)
    assert models.models == ["m", "j", "m", "j"][: at - 1]
    async with bench.working(models.provider, name=OTHER):
        found = await bench.end(task)
    assert (found.state, found.text, models.models) == (TaskState.COMPLETED, "right", ["m", "j", "m", "j"])
    assert roles(found) == [ANSWERED, JUDGED, ANSWERED, JUDGED]
    assert [judged_text(call) for call in models.sent if call.model == "j"] == ["wrong", "right"]


async def test_what_a_judge_said_is_not_paid_for_again(bench: Bench):
    models = Models(["right"])
    task = await die(bench, models, checked_task(TWO_JUDGES), 3)
    async with bench.working(models.provider, name=OTHER):
        found = await bench.end(task)
    assert (found.state, models.models) == (TaskState.COMPLETED, ["m", "j1", "j2"])
    assert found.attempts[0].checked is not None
    assert [vote.verdict for vote in found.attempts[0].checked.votes] == ["pass", "pass"]


async def test_a_judge_that_failed_has_no_other_be_paid_for_again(bench: Bench):
    def judging(call: Call) -> str:
        return down(call) if call.model == "j1" else verdict(call)

    judges = BY_CRITERIA.model_copy(update={"models": ("j1", "j2", "j3"), "require": "majority"})
    models = Models(["right"], judging)
    task = await die(bench, models, checked_task(judges), 4)
    async with bench.working(models.provider, name=OTHER):
        found = await bench.end(task)
    assert found.state is TaskState.COMPLETED
    assert [models.models.count(model) for model in ("m", "j2", "j3")] == [1, 1, 1]


async def test_what_one_judge_said_is_not_taken_for_anothers(bench: Bench):
    def judging(call: Call) -> str:
        is_first = "first" in call.messages[1].text
        return down(call) if is_first and models.models.count("j") == 1 else verdict(call)

    first = judge("one", prompt="first: {TEXT_TO_VALIDATE}", on_fail="warn")
    second, third = judge("two", prompt="second: {TEXT_TO_VALIDATE}"), judge("three", "j3")
    models = Models(["right"], judging)
    task = await die(bench, models, checked_task(first, second, third), 4)
    async with bench.working(models.provider, name=OTHER):
        found = await bench.end(task)
    asked = [call.messages[1].text.split(":")[0] for call in models.sent if call.model == "j"]
    assert (found.state, asked) == (TaskState.COMPLETED, ["first", "second", "first"])


@pytest.mark.parametrize("on_interrupt", ["report", "retry"])
async def test_a_worker_that_dies_during_a_judges_request_leaves_the_answer_unjudged(bench: Bench, on_interrupt: str):
    sent = anyio.Event()

    async def during(call: Call, _number: int) -> None:
        if call.model == "j" and not sent.is_set():
            sent.set()
            await anyio.sleep_forever()

    models = Models(["right"], during=during)
    async with bench.working(models.provider) as scope:
        [task] = await bench.add(checked_task(on_interrupt=on_interrupt))
        await sent.wait()
        scope.cancel()
    async with bench.working(models.provider, name=OTHER):
        found = await bench.end(task)
    assert found.text == "right"
    if on_interrupt == "report":
        assert (found.state, models.models) == (TaskState.INTERRUPTED, ["m", "j"])
        assert roles(found) == [ANSWERED, (Role.JUDGE, "lost")]
    else:
        assert (found.state, models.models) == (TaskState.COMPLETED, ["m", "j", "j"])


async def left(bench: Bench, task: NewTask, *, then: AttemptState | None = None, handle: str | None = None) -> str:
    """Returns a task of a dead worker with one answer that failed, and a next request of which this became."""
    [left_task] = await added(bench.store, task)
    await bench.store.claim(HERE, "dead", 1)
    await bench.store.mark_sent(left_task, "dead", "m")
    await bench.store.note_answer(left_task, "dead", Role.ANSWER, "wrong", COSTS)
    await bench.store.note_checked(left_task, "dead", 1, Checked((Issue("v", "c", "It is wrong."),)))
    if then is not None or handle is not None:
        await bench.store.mark_sent(left_task, "dead", "b")
    if then is not None:
        await bench.store.end_attempt(left_task, "dead", BROKEN, then)
    if handle is not None:
        await bench.store.note_handle(left_task, "dead", handle)
    return left_task


async def test_what_broke_off_before_its_worker_died_is_not_sent_again(bench: Bench):
    models = Models(["right"])
    task = await left(bench, checked_task(), then=AttemptState.LOST)
    async with bench.working(models.provider):
        found = await bench.end(task)
    assert (found.state, found.text, models.sent) == (TaskState.FAILED, "wrong", [])
    assert found.failure is not None
    assert found.failure.code == BROKEN.code


@pytest.mark.parametrize(
    ("then", "retry"), [(AttemptState.LOST, {"resend_broken": True}), (AttemptState.FAILED, {})]
)  # fmt: skip
async def test_what_was_refused_or_may_be_paid_again_is_sent_again(
    bench: Bench, then: AttemptState, retry: dict[str, Any]
):
    models = Models(["right"])
    task = await left(bench, checked_task(retry=retry), then=then)
    async with bench.working(models.provider):
        found = await bench.end(task)
    assert (found.state, models.models) == (TaskState.COMPLETED, ["m", "j"])


async def test_what_was_spent_before_a_death_counts(bench: Bench):
    models = Models(["right"])
    task = await left(bench, checked_task(retry={"budget": {"tokens": 20}}))
    async with bench.working(models.provider):
        found = await bench.end(task)
    assert (found.state, found.text, models.sent) == (TaskState.FAILED, "wrong", [])


@pytest.mark.parametrize("retry", [{}, {"budget": {"tokens": 1}}], ids=["no budget", "a budget that is spent"])
async def test_a_next_answer_that_the_provider_keeps_is_fetched_from_whoever_was_asked(
    bench: Bench, retry: dict[str, Any]
):
    fetched: list[str] = []

    async def fetch(call: Call, handle: Handle) -> AsyncGenerator[Event]:
        fetched.append(f"{call.model} {handle.name}")
        yield "right"
        yield COSTS

    models = Models(["asked anew"])
    escalating = {"max_attempts": 2, "escalate": ["b"], "first_delay_s": 3600, "longest_delay_s": 3600, **retry}
    task = await left(bench, checked_task(retry=escalating), handle="resp_1")
    async with bench.working(Answers(models.answer, fetch)):
        found = await bench.end(task)
    assert (fetched, found.text) == (["b resp_1"], "right")
    assert found.attempts[1].checked is not None
    assert found.validation is not None
    assert found.validation.last == 2
    if not retry:
        assert (found.state, models.models) == (TaskState.COMPLETED, ["j"])


async def test_an_answer_that_comes_while_the_disk_is_full_is_kept_and_then_checked(
    bench: Bench, caplog: pytest.LogCaptureFixture
):
    long = "right " * 200_000

    async def during(call: Call, _number: int) -> None:
        if call.model == "m":
            await bench.pages(1)

    models = Models([long], during=during)
    async with bench.working(models.provider):
        [task] = await bench.add(checked_task())
        await told(caplog, f"an answer of {task} is kept until the store takes it")
        assert [(unsaved.task, unsaved.ending.text) for unsaved in kept(bench.unsaved)] == [(task, long)]
        await bench.pages(1_000_000)
        found = await bench.end(task)
        await bench.until_unsaved_is_empty()
    assert (found.state, found.text, models.models) == (TaskState.COMPLETED, long, ["m", "j"])
    assert roles(found) == [ANSWERED, JUDGED]


async def test_a_cancel_while_the_disk_is_full_loses_no_answer(bench: Bench, caplog: pytest.LogCaptureFixture):
    long = "right " * 200_000

    async def during(call: Call, _number: int) -> None:
        if call.model == "m":
            await bench.pages(1)

    models = Models([long], during=during)
    async with bench.working(models.provider):
        [task] = await bench.add(checked_task())
        await told(caplog, f"an answer of {task} is kept until the store takes it")
        await bench.cancel(task)
        await bench.pages(1_000_000)
        found = await bench.end(task)
    assert (found.state, found.text, roles(found)) == (TaskState.CANCELLED, long, [ANSWERED])


async def test_an_answer_that_no_store_takes_keeps_its_text(bench: Bench):
    models = Models(["right"], completion=replace(COSTS, cost_usd=-1.0))
    async with bench.working(models.provider):
        [task] = await bench.add(checked_task())
        found = await bench.end(task)
    assert found.failure is not None
    assert (found.state, found.failure.code, found.text) == (TaskState.FAILED, "internal", "right")


@pytest.mark.parametrize(("at", "model", "outcome"), [(3, "m", "store"), (2, "j", "not_checked")])
async def test_a_request_that_cannot_be_written_down_is_not_sent_and_the_answer_kept(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture, at: int, model: str, outcome: str
):
    ready, gate = anyio.Event(), anyio.Event()

    async def before(_call: Call, number: int) -> None:
        if number == at:
            ready.set()
            await gate.wait()

    models = Models(["wrong", "right"], before=before)
    await bench.database.write(lambda connection: connection.execute("PRAGMA busy_timeout = 50").fetchall())
    with closing(sqlite3.connect(tmp_path / "tasks.sqlite3", isolation_level=None)) as other:
        async with bench.working(models.provider):
            [task] = await bench.add(checked_task())
            await ready.wait()
            other.execute("BEGIN IMMEDIATE")
            gate.set()
            await told(caplog, f"that a request of {task} failed is not stored yet")
            other.execute("ROLLBACK")
            found = await bench.end(task)
    assert models.entered[-1] == model
    assert found.failure is not None
    assert (found.failure.code, found.text, len(models.sent), len(found.attempts)) == (outcome, "wrong", at - 1, at - 1)
    assert found.validation is not None
    assert "could not be written down" in (found.validation.stopped or "")


async def test_a_deadline_during_the_next_answer_keeps_the_one_before(bench: Bench):
    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        if len(models.sent) < 2:
            async for event in models.answer(call, sending):
                yield event
        else:
            await sending()
            yield "half a next one"
            await anyio.sleep_forever()

    models = Models(["wrong"])
    async with bench.working(Answers(answer)):
        [task] = await bench.add(checked_task(timeout_s=3.0))
        found = await bench.end(task)
    assert found.failure is not None
    assert (found.state, found.failure.code, found.text) == (TaskState.FAILED, "timeout", "half a next one")
    assert "kept with their attempts" in found.failure.message
    assert roles(found) == [ANSWERED, JUDGED, (Role.ANSWER, "failed")]
    assert await bench.store.attempt_text(task, 1) == "wrong"


async def test_a_deadline_during_a_judge_keeps_the_answer_as_the_text(bench: Bench):
    async def during(call: Call, _number: int) -> None:
        if call.model == "j":
            await anyio.sleep_forever()

    models = Models(["right"], during=during)
    async with bench.working(models.provider):
        [task] = await bench.add(checked_task(timeout_s=2.0))
        found = await bench.end(task)
    assert found.failure is not None
    assert (found.failure.code, found.text) == ("timeout", "right")
    assert roles(found) == [ANSWERED, (Role.JUDGE, "failed")]


async def written_otherwise(bench: Bench, column: str) -> str:
    """Returns a task of a dead worker, of whose answer another edition wrote a column."""
    task = await left(bench, checked_task())
    sql = f"UPDATE attempts SET {column} = '{{\"issues\": 5}}' WHERE task = ?"
    await bench.database.write(lambda connection: connection.execute(sql, (task,)).fetchall())
    return task


async def test_findings_that_cannot_be_read_are_found_again(bench: Bench):
    models = Models(["right"])
    task = await written_otherwise(bench, "checked")
    assert (await look(bench.store, task)).attempts[0].checked is None
    async with bench.working(models.provider):
        found = await bench.end(task)
    assert (found.state, models.models) == (TaskState.COMPLETED, ["j", "m", "j"])


async def test_an_answer_that_cannot_be_read_fails_its_task_alone(bench: Bench):
    models = Models(["right"])
    bad = await written_otherwise(bench, "completion")
    async with bench.working(models.provider):
        [good] = await bench.add(checked_task())
        assert (await bench.end(good)).state is TaskState.COMPLETED
    [row] = await bench.database.read(partial(fetch_all, "task", {"task": bad}))
    assert (row["state"], row["text"]) == (TaskState.FAILED, "wrong")
    assert "cannot read what was asked" in row["failure"]
