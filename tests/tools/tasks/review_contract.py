"""What any TaskStore must do with answers that need review. Imported beside `store_contract` and `clock_contract`."""

import pytest
from tools.tasks.samples import (
    BROKEN,
    DAY_MS,
    DONE,
    HERE,
    OTHER,
    WORKER,
    SetClock,
    added,
    answered,
    asking,
    deliver,
    doubtful,
    look,
    new_group,
    new_task,
    reviewable,
    running,
    states,
)

from longcall.message import Message
from longcall.models import AttemptState, Decision, Task, TaskState
from longcall.tasks.added import Added, Attached
from longcall.tasks.recovery import Recovery
from longcall.tasks.store import Ending, TaskStore

DECISIONS = pytest.mark.parametrize("decision", list(Decision))
HOUR_MS = 3_600_000
ASKED = "e" * 24


async def guided(store: TaskStore, task: str, guidance: str = "be sure") -> Task:
    """Guides a task that needs it."""
    assert await store.review(task, Decision.GUIDE, guidance)
    return await look(store, task)


async def ended_again(store: TaskStore, task: str, ending: Ending) -> None:
    """Has a worker answer a guided task, the oldest that waits."""
    assert [claim.id for claim in await store.claim(HERE, OTHER, 1)] == [task]
    await store.mark_sent(task, OTHER, "demo/echo")
    assert await store.finish(task, OTHER, ending)


async def test_an_answer_that_needs_review_is_kept_with_what_is_known_of_it(store: TaskStore):
    [task] = await reviewable(store, new_task())
    found = await look(store, task)
    assert (found.state, found.text, found.completion) == (TaskState.NEEDS_REVIEW, "perhaps", DONE)
    assert [attempt.state for attempt in found.attempts] == [AttemptState.ANSWERED]
    assert [ending for _, ending in await store.endings(0)] == [task]


async def test_an_accepted_answer_is_the_tasks_and_says_that_it_was_accepted(store: TaskStore):
    [task] = await reviewable(store, new_task())
    before = await look(store, task)
    assert await store.review(task, Decision.ACCEPT, None)
    found = await look(store, task)
    assert (found.state, found.text, found.finished_at) == (TaskState.COMPLETED, "perhaps", before.finished_at)
    assert found.completion is not None
    *warnings, last = found.completion.warnings
    assert tuple(warnings) == DONE.warnings
    assert last == "accepted by a reviewer although its checks failed"
    assert await store.claim(HERE, OTHER, 10) == []


async def test_a_stopped_task_is_cancelled_and_keeps_its_text(store: TaskStore):
    [task] = await reviewable(store, new_task())
    assert await store.review(task, Decision.STOP, None)
    found = await look(store, task)
    assert (found.state, found.text, found.completion) == (TaskState.CANCELLED, "perhaps", DONE)
    assert found.cancel_requested
    assert await store.claim(HERE, OTHER, 10) == []


async def test_a_guided_task_waits_for_a_worker_with_the_answer_and_the_guidance_as_turns(store: TaskStore):
    [task] = await reviewable(store, new_task("how?", temperature=0.5), text="žluťoučký 'kůň' \"🐎\"\n")
    await deliver(store, task)
    before = await look(store, task)
    found = await guided(store, task, "Mehr Pferde, \\ bitte! 🐎")
    assert (found.state, found.text, found.chars, found.completion) == (TaskState.QUEUED, "", 0, None)
    assert (found.started_at, found.finished_at, found.delivered_at) == (None, None, None)
    assert (found.attempts, found.created_at, found.head) == (before.attempts, before.created_at, before.head)
    [claim] = await store.claim(HERE, OTHER, 10)
    turns = (
        Message(role="assistant", content="žluťoučký 'kůň' \"🐎\"\n"),
        Message(role="user", content="Mehr Pferde, \\ bitte! 🐎"),
    )
    expected = asking("how?").model_copy(update={"temperature": 0.5, "messages": asking("how?").messages + turns})
    assert (claim.id, claim.call, claim.handle) == (task, expected, None)


async def test_an_answer_that_says_nothing_is_no_turn(store: TaskStore):
    [task] = await reviewable(store, new_task("how?"), text=" \n")
    found = await guided(store, task, "say something")
    assert found.call is not None
    assert [turn.content for turn in found.call.messages] == ["how?", "say something"]


async def test_attempts_of_a_guided_task_count_on_and_it_can_be_guided_again(store: TaskStore):
    [task] = await reviewable(store, new_task("how?"))
    await guided(store, task)
    await ended_again(store, task, doubtful("hardly"))
    found = await guided(store, task, "again")
    assert found.call is not None
    assert [turn.content for turn in found.call.messages] == ["how?", "perhaps", "be sure", "hardly", "again"]
    await ended_again(store, task, answered("surely"))
    found = await look(store, task)
    assert (found.state, found.text) == (TaskState.COMPLETED, "surely")
    assert [attempt.number for attempt in found.attempts] == [1, 2, 3]


async def test_a_guided_task_is_told_to_have_ended_once_more_and_no_more_before(store: TaskStore):
    task, other = await reviewable(store, new_task(), new_task())
    seen = await store.last_ending()
    await guided(store, task)
    assert [ending for _, ending in await store.endings(0)] == [other]
    await ended_again(store, task, doubtful())
    assert await store.endings(seen) == [(seen + 1, task)]
    assert await store.last_ending() == seen + 1


@DECISIONS
async def test_a_review_is_decided_once(store: TaskStore, decision: Decision):
    [task] = await reviewable(store, new_task())
    assert await store.review(task, decision, "be sure")
    before = await look(store, task)
    for later in Decision:
        assert not await store.review(task, later, "no, otherwise")
    assert await look(store, task) == before


@DECISIONS
async def test_what_needs_no_review_is_left_as_it_is(store: TaskStore, decision: Decision):
    parent, *_ = await added(store, *new_group(1))
    done, failed, runs = await running(store, new_task(), new_task(), new_task(), sent=True)
    await store.finish(done, WORKER, answered())
    await store.finish(failed, WORKER, Ending(TaskState.FAILED, AttemptState.FAILED, failure=BROKEN))
    [waits] = await added(store, new_task())
    before = [await look(store, task) for task in (parent, done, failed, runs, waits)]
    for task in (*(found.id for found in before), "0" * 32):
        assert not await store.review(task, decision, "be sure")
    assert [await look(store, found.id) for found in before] == before


async def test_the_worker_of_before_cannot_write_to_a_guided_task(store: TaskStore):
    [task] = await reviewable(store, new_task())
    before = await guided(store, task)
    await store.add_pieces(WORKER, [(task, "from before")])
    assert not await store.finish(task, WORKER, answered("from before"))
    assert await look(store, task) == before


async def test_a_cancel_that_the_answer_forestalled_does_not_stop_the_guided_task(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.cancel(task)
    assert await store.finish(task, WORKER, doubtful())
    assert not (await guided(store, task)).cancel_requested
    await ended_again(store, task, answered())


async def test_a_guided_task_can_be_cancelled(store: TaskStore):
    waits, runs = await reviewable(store, new_task(), new_task())
    await guided(store, waits)
    await store.cancel(waits)
    await guided(store, runs)
    await store.claim(HERE, OTHER, 10)
    await store.cancel(runs)
    assert await states(store, [waits, runs]) == [TaskState.CANCELLED, TaskState.RUNNING]
    assert await store.cancel_requests(HERE, OTHER) == [runs]


async def test_the_death_of_its_worker_meets_a_guided_task_like_any_other(store: TaskStore):
    sent, unsent = await reviewable(store, new_task(), new_task())
    await guided(store, sent)
    await guided(store, unsent)
    await store.claim(HERE, OTHER, 10)
    await store.mark_sent(sent, OTHER, "demo/echo")
    assert await store.recover(HERE, "worker-3") == Recovery(requeued=1, interrupted=1)
    assert await states(store, [sent, unsent]) == [TaskState.INTERRUPTED, TaskState.QUEUED]


async def test_the_same_request_attaches_to_a_task_under_review_and_to_the_guided_one(store: TaskStore):
    [task] = await reviewable(store, new_task(request=ASKED))
    assert await store.add([new_task(request=ASKED)]) == Added(task, Attached.UNDELIVERED)
    await deliver(store, task)
    await guided(store, task)
    assert await store.add([new_task(request=ASKED)]) == Added(task, Attached.RUNNING)
    await store.claim(HERE, OTHER, 10)
    await store.cancel(task)
    new = new_task(request=ASKED)
    assert await store.add([new]) == Added(new.id)


async def test_a_stopped_answer_is_handed_to_nobody_who_asks_again(store: TaskStore):
    [task] = await reviewable(store, new_task(request=ASKED))
    assert await store.review(task, Decision.STOP, None)
    new = new_task(request=ASKED)
    assert await store.add([new]) == Added(new.id)


async def test_a_group_that_had_ended_goes_on_with_its_guided_member_and_ends_with_it_again(store: TaskStore):
    parent, *members = new_group(2)
    first, second = await reviewable(store, parent, *members)
    await deliver(store, parent.id)
    seen = await store.last_ending()
    await guided(store, second)
    group = await look(store, parent.id)
    assert (group.state, group.finished_at, group.delivered_at) == (TaskState.RUNNING, None, None)
    assert [task for _, task in await store.endings(0)] == [first]
    await ended_again(store, second, answered())
    group = await look(store, parent.id)
    assert (group.state, group.finished_at is None) == (TaskState.COMPLETED, False)
    assert [task for _, task in await store.endings(seen)] == [second, parent.id]


async def test_a_group_ends_with_the_last_of_its_guided_members(store: TaskStore):
    parent, *members = new_group(2)
    first, second = await reviewable(store, parent, *members)
    await guided(store, first)
    await guided(store, second)
    await ended_again(store, first, answered())
    assert (await look(store, parent.id)).state is TaskState.RUNNING
    await ended_again(store, second, answered())
    assert (await look(store, parent.id)).state is TaskState.COMPLETED


@pytest.mark.parametrize("decision", [Decision.ACCEPT, Decision.STOP])
async def test_a_group_stays_at_its_end_when_a_member_is_accepted_or_stopped(store: TaskStore, decision: Decision):
    parent, *members = new_group(2)
    first, _ = await reviewable(store, parent, *members)
    told = await store.endings(0)
    before = await look(store, parent.id)
    assert await store.review(first, decision, None)
    group = await look(store, parent.id)
    assert (group.state, group.finished_at) == (TaskState.COMPLETED, before.finished_at)
    assert await store.endings(0) == told


async def test_a_guided_member_of_a_group_that_still_runs_leaves_it_running(store: TaskStore):
    parent, *members = new_group(2)
    first, second = await running(store, parent, *members, sent=True)
    await store.finish(first, WORKER, doubtful())
    await guided(store, first)
    await store.finish(second, WORKER, answered())
    assert (await look(store, parent.id)).state is TaskState.RUNNING
    await ended_again(store, first, answered())
    assert (await look(store, parent.id)).state is TaskState.COMPLETED


@pytest.mark.parametrize("boots", [False, True])
async def test_the_deadline_of_a_guided_task_begins_anew(timed: TaskStore, time: SetClock, boots: bool):
    [task] = await reviewable(timed, new_task(timeout_s=3600.0))
    time.spend(5 * HOUR_MS)
    await guided(timed, task)
    time.spend(HOUR_MS // 2)
    if boots:
        time.boot(off_ms=HOUR_MS // 4)
    await timed.fail_overdue(HERE)
    assert (await look(timed, task)).state is TaskState.QUEUED
    [claim] = await timed.claim(HERE, OTHER, 10)
    assert claim.spent_s == (2700.0 if boots else 1800.0)


async def test_a_guided_task_that_waits_for_too_long_fails(timed: TaskStore, time: SetClock):
    [task] = await reviewable(timed, new_task(timeout_s=3600.0))
    await guided(timed, task)
    time.spend(HOUR_MS + 1)
    await timed.fail_overdue(HERE)
    found = await look(timed, task)
    assert found.failure is not None
    assert (found.state, found.failure.code) == (TaskState.FAILED, "timeout")


async def test_a_guided_task_is_kept_from_its_new_end_on(timed: TaskStore, time: SetClock):
    parent, *members = new_group(1)
    alone, done, member = await reviewable(timed, new_task(), new_task(), parent, *members)
    assert await timed.review(done, Decision.ACCEPT, None)
    await timed.advance()
    for task in (alone, member):
        await guided(timed, task)
    time.spend(2 * DAY_MS)
    await timed.advance()
    assert await timed.expire(DAY_MS) == [done]
    for task in (alone, member):
        await ended_again(timed, task, answered())
    assert await timed.expire(DAY_MS) == []
    time.spend(2 * DAY_MS)
    await timed.advance()
    assert sorted(await timed.expire(DAY_MS)) == sorted([alone, member, parent.id])
