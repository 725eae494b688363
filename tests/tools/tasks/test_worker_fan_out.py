"""A worker that combines answers and takes over earlier ones: what it asks for, and what it never asks for twice."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from tools.tasks.bench import Bench, bench
from tools.tasks.checking_bench import JUDGED, Models, down, roles
from tools.tasks.fan_out_keys_contract import ASKED, keyed
from tools.tasks.samples import OTHER, asking, doubtful, look, new_group, new_task, running

from longcall.account import cost_of
from longcall.call import Call, OutputFile
from longcall.combine import Combine, Combined
from longcall.models import Role, Task, TaskState
from longcall.tasks.store import NewTask

__all__ = ["bench"]
NONCE = re.compile(r'"nonce": "([0-9a-f]{16})"')


def choice(call: Call) -> str:
    """Returns the choice of a judge that wants the second answer."""
    nonce = NONCE.search(call.messages[0].text)
    assert nonce is not None
    return json.dumps({"nonce": nonce[1], "best": 2, "reason": "the second"})


def group_of(members: int, how: str = "best", **options: Any) -> list[NewTask]:
    """Returns a group whose answers are combined, by `j` where a model chooses."""
    parent, *children = new_group(members, combine=how)
    combiner = children[-1]
    assert combiner.call is not None
    wanted = Combine(how="best", model="j") if how == "best" else Combine(how="vote")
    call = combiner.call.model_copy(update={"combine": wanted, **options})
    return [parent, *children[:-1], replace(combiner, call=call)]


def combined(task: Task) -> Combined:
    assert task.completion is not None
    assert task.completion.combined is not None
    return task.completion.combined


async def test_members_vote(bench: Bench):
    models = Models(["yes", "no", " Yes"])
    async with bench.working(models.provider):
        group, *members, combiner = await bench.add(*group_of(3, "vote"))
        found = await bench.end(group)
    texts = [(await look(bench.store, member)).text for member in members]
    assert (found.state, found.text.strip().casefold(), sorted(texts)) == (
        TaskState.COMPLETED,
        "yes",
        [" Yes", "no", "yes"],
    )
    assert (combined(found).votes, len(models.sent)) == (2, 3)
    made = await look(bench.store, combiner)
    assert (made.attempts, cost_of(made), cost_of(found)) == ((), 0.0, None)


async def test_a_model_chooses_with_a_request_that_is_written_down(bench: Bench):
    models = Models(["one", "two"], judge=choice)
    async with bench.working(models.provider):
        group, *members, combiner = await bench.add(*group_of(2))
        found = await bench.end(group)
    assert (found.state, found.text) == (TaskState.COMPLETED, (await look(bench.store, members[1])).text)
    assert (combined(found).judge, combined(found).chosen) == ("j", (members[1],))
    made = await look(bench.store, combiner)
    assert (roles(made), cost_of(made), made.text) == ([JUDGED], 0.5, found.text)


async def test_a_model_that_is_down_fails_the_group_and_no_answer_is_lost(bench: Bench):
    models = Models(["one", "two"], judge=down)
    async with bench.working(models.provider):
        group, *members, _ = await bench.add(*group_of(2))
        found = await bench.end(group)
    assert (found.state, found.failure and found.failure.code, found.text) == (TaskState.FAILED, "unavailable", "")
    assert sorted([(await look(bench.store, member)).text for member in members]) == ["one", "two"]


async def test_nonsense_fails_the_group_after_two_requests(bench: Bench):
    models = Models(["one", "two"], judge=lambda _call: "the second")
    async with bench.working(models.provider):
        group, *_, combiner = await bench.add(*group_of(2))
        found = await bench.end(group)
    assert (found.state, found.failure and found.failure.code) == (TaskState.FAILED, "no_choice")
    assert roles(await look(bench.store, combiner)) == [JUDGED, JUDGED]


@pytest.mark.parametrize("nonsense", [False, True])
async def test_a_choice_that_was_paid_for_is_not_paid_for_again(bench: Bench, nonsense: bool):
    reached = anyio.Event()

    def judge(call: Call) -> str:
        return "nonsense" if nonsense and models.models.count("j") == 1 else choice(call)

    async def before(call: Call, _number: int) -> None:
        if models.entered.count("j") == 2 and not reached.is_set():
            reached.set()
            await anyio.sleep_forever()

    models = Models(["one", "two"], judge=judge, before=before)
    async with bench.working(models.provider) as scope:
        group, *_ = await bench.add(*group_of(2))
        if nonsense:  # the worker dies when it is about to ask once more
            await reached.wait()
        else:
            await bench.end(group)
        scope.cancel()
    async with bench.working(models.provider, name=OTHER):
        found = await bench.end(group)
    assert (found.state, models.models.count("j")) == (TaskState.COMPLETED, 2 if nonsense else 1)


@pytest.mark.parametrize(("on_interrupt", "asked"), [("report", 1), ("retry", 2)])
async def test_a_worker_that_dies_while_a_model_chooses_asks_again_only_if_told_to(
    bench: Bench, on_interrupt: str, asked: int
):
    sent = anyio.Event()

    async def during(call: Call, _number: int) -> None:
        if call.model == "j" and not sent.is_set():
            sent.set()
            await anyio.sleep_forever()

    models = Models(["one", "two"], judge=choice, during=during)
    async with bench.working(models.provider) as scope:
        group, *members, _ = await bench.add(*group_of(2, on_interrupt=on_interrupt))
        await sent.wait()
        scope.cancel()
    async with bench.working(models.provider, name=OTHER):
        found = await bench.end(group)
    assert models.models.count("j") == asked
    assert found.state is (TaskState.INTERRUPTED if on_interrupt == "report" else TaskState.COMPLETED)
    assert [bool((await look(bench.store, member)).text) for member in members] == [True, True]


async def test_no_answer_at_all_is_a_failure_for_which_nobody_is_asked(bench: Bench):
    models = Models(["x"], judge=choice, before=_broken)
    async with bench.working(models.provider):
        group, *_ = await bench.add(*group_of(2))
        found = await bench.end(group)
    assert (found.state, found.failure and found.failure.code) == (TaskState.FAILED, "no_answer")
    assert models.sent == []


async def _broken(_call: Call, _number: int) -> None:
    raise RuntimeError("broken before anything is sent")


async def test_an_earlier_answer_is_taken_over_and_nothing_is_sent(bench: Bench):
    models = Models(["paid for", "asked anew"])
    async with bench.working(models.provider):
        [first] = await bench.add(new_task("why?", key="k", request=ASKED))
        await bench.end(first)
        group, second = await bench.add(*keyed("k"))
        await bench.end(group)
        found = await look(bench.store, second)
    assert (found.state, found.text, len(models.sent)) == (TaskState.COMPLETED, "paid for", 1)
    assert (found.attempts, cost_of(found)) == ((), 0.0)
    assert found.completion is not None
    assert first in found.completion.warnings[0]
    assert "nothing more was sent" in found.completion.warnings[0]


async def test_what_needs_review_is_taken_over_with_what_was_found_of_it(bench: Bench):
    [first] = await running(bench.store, new_task(key="k", request=ASKED), sent=True)
    await bench.store.finish(first, "worker-1", doubtful("perhaps"))
    async with bench.working(Models(["x"]).provider):
        group, second = await bench.add(*keyed("k"))
        await bench.end(group)
    found = await look(bench.store, second)
    assert (found.state, found.text) == (TaskState.NEEDS_REVIEW, "perhaps")


async def test_what_was_lost_is_told_as_lost_and_not_sent_again(bench: Bench):
    [first] = await running(bench.store, new_task(key="k", request=ASKED), sent=True)
    models = Models(["x"])
    async with bench.working(models.provider, name=OTHER):
        await bench.end(first)
        group, second = await bench.add(*keyed("k"))
        await bench.end(group)
    found = await look(bench.store, second)
    assert (found.state, models.sent) == (TaskState.INTERRUPTED, [])
    assert found.failure is not None
    assert "was not sent again" in found.failure.message


async def test_the_file_of_an_earlier_answer_is_not_written_again(bench: Bench, tmp_path: Path):
    options = {"output": OutputFile(path=str(tmp_path / "answer.md")), "roots": (str(tmp_path),)}
    call = asking().model_copy(update=options)
    async with bench.working(Models(["written"]).provider):
        [first] = await bench.add(replace(new_task(key="k", request=ASKED), call=call))
        await bench.end(first)
        parent, member = keyed("k")
        group, second = await bench.add(parent, replace(member, call=call))
        await bench.end(group)
    found = await look(bench.store, second)
    assert found.completion is not None
    assert found.completion.written is not None
    assert (found.text, len(found.completion.warnings)) == ("written", 1)


async def test_members_that_wait_for_a_place_are_asked_one_after_the_other(bench: Bench):
    busy: list[int] = []
    most = 0

    async def during(_call: Call, number: int) -> None:
        nonlocal most
        busy.append(number)
        most = max(most, len(busy))
        await anyio.lowlevel.checkpoint()
        busy.remove(number)

    models = Models(["yes"], during=during)
    async with bench.working(models.provider):
        group, *_ = await bench.add(*new_group(9, at_once=2))
        found = await bench.end(group)
    assert (found.state, len(models.sent)) == (TaskState.COMPLETED, 9)
    assert most <= 2
    assert all(attempt.role is Role.ANSWER for member in found.members for attempt in member.attempts)
