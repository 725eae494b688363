"""What any TaskStore must do with groups that have a limit, or an answer of their own; beside `store_contract`."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tools.tasks.samples import (
    BROKEN,
    HERE,
    OTHER,
    WORKER,
    OpenStore,
    SetClock,
    added,
    answered,
    doubtful,
    look,
    new_group,
    new_task,
    states,
)

from longcall.combine import Combined
from longcall.models import AttemptState, Completion, Decision, TaskState
from longcall.tasks.store import Claim, Ending, TaskStore

FAILED = Ending(TaskState.FAILED, AttemptState.FAILED, failure=BROKEN)
CANCELLED = Ending(TaskState.CANCELLED, AttemptState.CANCELLED)
MADE = Completion("m", "stop", combined=Combined("vote", 2, 2, 2, ("a", "b")))
ENDINGS = [answered(), doubtful(), FAILED, CANCELLED]


async def taken(store: TaskStore, most: int = 100, worker: str = WORKER) -> list[str]:
    """Returns what a worker can take now."""
    return [claim.id for claim in await store.claim(HERE, worker, most)]


async def end(store: TaskStore, tasks: Sequence[str], ending: Ending | None = None) -> None:
    for task in tasks:
        assert await store.finish(task, WORKER, ending or answered())


async def last_claim(store: TaskStore) -> Claim:
    """Returns the one task that can be taken."""
    [claim] = await store.claim(HERE, WORKER, 100)
    return claim


async def test_no_more_members_run_than_may_at_once_and_in_order(store: TaskStore):
    _group, *ids = await added(store, *new_group(7, at_once=3))
    assert await taken(store) == ids[:3]
    assert await taken(store) == []
    await end(store, [ids[1]])
    assert await taken(store) == [ids[3]]
    await end(store, [ids[0], ids[2], ids[3]])
    assert await taken(store) == ids[4:]


async def test_a_group_without_a_limit_has_none(store: TaskStore):
    _group, *ids = await added(store, *new_group(7))
    assert await taken(store) == ids


async def test_the_limit_holds_over_all_workers(store: TaskStore, open_store: OpenStore):
    _group, *ids = await added(store, *new_group(6, at_once=3))
    assert await taken(store, 2) == ids[:2]
    async with open_store() as other:
        assert await taken(other, 10, OTHER) == [ids[2]]
        assert await taken(other, 10, OTHER) == []


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.state.value)
async def test_however_a_member_ends_its_place_goes_to_the_next(store: TaskStore, ending: Ending):
    group, *ids = await added(store, *new_group(4, at_once=1))
    for task in ids:
        assert await taken(store) == [task]
        await end(store, [task], ending)
    assert (await look(store, group)).state is TaskState.COMPLETED


async def test_other_tasks_never_wait_for_a_group_with_a_limit(store: TaskStore):
    _group, *ids = await added(store, *new_group(5, at_once=1))
    [alone] = await added(store, new_task())
    _second, *others = await added(store, *new_group(3, at_once=2))
    assert await taken(store) == [ids[0], alone, *others[:2]]


async def test_what_had_not_sent_anything_keeps_its_place_when_its_worker_dies(store: TaskStore):
    _group, *ids = await added(store, *new_group(4, at_once=2))
    assert await taken(store) == ids[:2]
    await store.mark_sent(ids[0], WORKER, "m")
    await store.recover(HERE, OTHER)
    assert await states(store, ids[:2]) == [TaskState.INTERRUPTED, TaskState.QUEUED]
    assert await taken(store, worker=OTHER) == ids[1:3]


async def test_a_cancel_ends_what_waits_for_a_place_too(store: TaskStore):
    group, *ids = await added(store, *new_group(5, at_once=2, combine="vote"))
    assert await taken(store) == ids[:2]
    await store.cancel(group)
    assert await states(store, ids) == [TaskState.RUNNING] * 2 + [TaskState.CANCELLED] * 4
    assert await taken(store) == []
    await end(store, ids[:2], CANCELLED)
    assert (await look(store, group)).state is TaskState.CANCELLED


async def test_a_member_that_is_cancelled_alone_gives_its_place_to_the_next(store: TaskStore):
    _group, *ids = await added(store, *new_group(4, at_once=1))
    await store.cancel(ids[0])
    assert await states(store, ids[:1]) == [TaskState.CANCELLED]
    await store.cancel(ids[2])
    assert await taken(store) == [ids[1]]
    await end(store, [ids[1]])
    assert await taken(store) == [ids[3]]


async def test_a_member_that_is_asked_again_takes_a_place_like_any_other(store: TaskStore):
    _group, *ids = await added(store, *new_group(4, at_once=1))
    await taken(store)
    await end(store, ids[:1], doubtful())
    assert await store.review(ids[0], Decision.GUIDE, "be sure")
    assert await taken(store) == [ids[1]]
    assert await taken(store) == []
    await end(store, [ids[1]])
    assert await taken(store) == [ids[0]]


async def test_the_deadline_of_what_waits_for_a_place_begins_when_it_is_taken(open_store: OpenStore):
    time = SetClock()
    async with open_store(clock=time.clock) as store:
        ids = (await added(store, *new_group(2, at_once=1)))[1:]
        [alone] = await added(store, new_task())
        time.spend(3_700_000)
        await store.fail_overdue(HERE)
        assert await states(store, [alone, *ids]) == [TaskState.FAILED, TaskState.QUEUED, TaskState.QUEUED]
        claims = await store.claim(HERE, WORKER, 10)
        assert [(claim.id, claim.spent_s) for claim in claims] == [(ids[0], 0.0)]


async def test_answers_are_combined_when_the_last_member_has_ended(store: TaskStore):
    group, *ids, combiner = await added(store, *new_group(3, combine="vote"))
    assert await taken(store) == ids
    await end(store, ids[:1], answered("one"))
    await end(store, ids[1:2], FAILED)
    assert await taken(store) == []
    await end(store, ids[2:], doubtful("three"))
    claim = await last_claim(store)
    assert claim.id == combiner
    assert [(member.id, member.state.value, member.text) for member in claim.members] == [
        (ids[0], "completed", "one"), (ids[1], "failed", ""), (ids[2], "needs_review", "three"),
    ]  # fmt: skip
    assert not (await look(store, group)).state.is_final


async def test_a_group_ends_as_what_was_made_of_its_answers(store: TaskStore):
    group, *ids, combiner = await added(store, *new_group(2, combine="vote", at_once=1))
    for task in [*ids, combiner]:
        assert await taken(store) == [task]
        await end(store, [task], Ending(TaskState.COMPLETED, AttemptState.ANSWERED, "made", MADE))
    found = await look(store, group)
    assert (found.state, found.text, found.completion) == (TaskState.COMPLETED, "made", MADE)
    assert [task for _, task in await store.endings(0)] == [*ids, combiner, group]


@pytest.mark.parametrize("ending", [FAILED, CANCELLED], ids=lambda ending: ending.state.value)
async def test_a_group_whose_answers_could_not_be_combined_says_so(store: TaskStore, ending: Ending):
    group, *ids, combiner = await added(store, *new_group(2, combine="best"))
    await taken(store)
    await end(store, ids)
    await taken(store)
    await end(store, [combiner], ending)
    found = await look(store, group)
    assert (found.state, found.failure, found.text) == (ending.state, ending.failure, "")


async def test_what_was_choosing_when_its_worker_died_is_interrupted_with_its_group(store: TaskStore):
    group, *ids, combiner = await added(store, *new_group(2, combine="best"))
    await taken(store)
    await end(store, ids)
    await taken(store)
    await store.mark_sent(combiner, WORKER, "m")
    await store.recover(HERE, OTHER)
    found = await look(store, group)
    assert found.state is TaskState.INTERRUPTED
    assert found.failure is not None
    assert "choosing the best answer" in found.failure.message
    assert await taken(store, worker=OTHER) == []


async def test_what_had_asked_nobody_yet_is_combined_by_the_next_worker(store: TaskStore):
    _group, *ids, combiner = await added(store, *new_group(2, combine="best"))
    await taken(store)
    await end(store, ids)
    assert await taken(store) == [combiner]
    await store.recover(HERE, OTHER)
    assert await taken(store, worker=OTHER) == [combiner]


@pytest.mark.parametrize("decision", [Decision.ACCEPT, Decision.GUIDE])
async def test_answers_are_combined_anew_when_a_reviewer_decides(store: TaskStore, decision: Decision):
    group, *ids, combiner = await added(store, *new_group(2, combine="vote"))
    await taken(store)
    await end(store, ids[:1])
    await end(store, ids[1:], doubtful())
    await taken(store)
    await end(store, [combiner])
    assert (await look(store, group)).text == "because"
    assert await store.review(ids[1], decision, "be sure")
    reopened = await look(store, group)
    assert (reopened.state, reopened.text, reopened.completion) == (TaskState.RUNNING, "", None)
    if decision is Decision.GUIDE:
        assert await taken(store) == [ids[1]]
        await end(store, ids[1:])
    claim = await last_claim(store)
    assert (claim.id, [member.state for member in claim.members]) == (combiner, [TaskState.COMPLETED] * 2)
    await end(store, [combiner], answered("anew"))
    assert (await look(store, group)).text == "anew"


async def test_an_answer_that_a_reviewer_gives_up_changes_nothing(store: TaskStore):
    group, *ids, combiner = await added(store, *new_group(2, combine="vote"))
    await taken(store)
    await end(store, ids, doubtful())
    await taken(store)
    await end(store, [combiner], FAILED)
    assert await store.review(ids[1], Decision.STOP, None)
    assert ((await look(store, group)).state, await taken(store)) == (TaskState.FAILED, [])


async def test_the_texts_of_members_that_ended_are_read_apart(store: TaskStore):
    group, *ids = await added(store, *new_group(4))
    await taken(store)
    await end(store, ids[1:3], answered("text"))
    assert await store.texts(group, 0, 3) == {ids[1]: "text", ids[2]: "text"}
    assert await store.texts(group, 2, 3) == {ids[2]: "text"}
    assert [member.text for member in (await look(store, group)).members] == [""] * 4


async def test_a_group_that_failed_is_asked_anew(store: TaskStore):
    first = new_group(1, request="r" * 24, combine="vote")
    _group, member, combiner = await added(store, *first)
    await taken(store)
    await end(store, [member], FAILED)
    await taken(store)
    await end(store, [combiner], FAILED)
    again = [replace(task) for task in new_group(1, request="r" * 24, combine="vote")]
    assert (await store.add(again)).id == again[0].id
