"""What any TaskStore must do while clocks are set and machines booted. Imported beside `store_contract`."""

from collections.abc import AsyncGenerator, Callable

import pytest
from tools.tasks.samples import (
    DAY_MS,
    ELSEWHERE,
    HERE,
    OTHER,
    WORKER,
    YEAR_MS,
    OpenStore,
    SetClock,
    added,
    answered,
    deliver,
    look,
    new_group,
    new_task,
    running,
)

from longcall.models import TaskState
from longcall.tasks.store import TaskStore

WEEK_MS = 7 * DAY_MS
HOUR_MS = 3_600_000


@pytest.fixture
def time() -> SetClock:
    """Returns the clock of `timed`."""
    return SetClock()


@pytest.fixture
async def timed(open_store: OpenStore, time: SetClock) -> AsyncGenerator[TaskStore]:
    """Returns an empty store that goes by `time`."""
    async with open_store(clock=time.clock) as opened:
        yield opened


def set_by(ms: int) -> Callable[[SetClock], None]:
    """Returns what sets the wall's clock."""

    def change(time: SetClock) -> None:
        time.wall += ms

    return change


CHANGES = pytest.mark.parametrize(
    "change",
    [
        pytest.param(set_by(0), id="left alone"),
        pytest.param(set_by(DAY_MS), id="set forward by a day"),
        pytest.param(set_by(-DAY_MS), id="set back by a day"),
    ],
)


async def state_after_look(store: TaskStore, task: str) -> TaskState:
    """Returns a task's state once overdue ones have failed."""
    await store.fail_overdue(HERE)
    return (await look(store, task)).state


@CHANGES
async def test_a_task_fails_when_its_time_ran_out_while_it_waited(
    timed: TaskStore, time: SetClock, change: Callable[[SetClock], None]
):
    [task] = await added(timed, new_task(timeout_s=60.0))
    time.spend(30_000)
    change(time)
    time.spend(29_999)
    assert await state_after_look(timed, task) is TaskState.QUEUED
    time.spend(2)
    found = await state_after_look(timed, task)
    failure = (await look(timed, task)).failure
    assert failure is not None
    assert (found, failure.code, failure.retryable) == (TaskState.FAILED, "timeout", True)
    assert await timed.claim(HERE, WORKER, 10) == []


async def test_only_waiting_tasks_of_the_environment_run_out_of_time(timed: TaskStore, time: SetClock):
    [going] = await running(timed, new_task(timeout_s=1.0), sent=True)
    patient, theirs = await added(timed, new_task(), new_task(timeout_s=1.0, environment=ELSEWHERE))
    time.spend(60_000)
    await timed.fail_overdue(HERE)
    found = [(await look(timed, task)).state for task in (going, patient, theirs)]
    assert found == [TaskState.RUNNING, TaskState.QUEUED, TaskState.QUEUED]


async def test_a_group_ends_when_the_time_of_its_last_member_runs_out(timed: TaskStore, time: SetClock):
    parent, member = new_group(1)
    await timed.add([parent, member])
    time.spend(HOUR_MS)
    assert await state_after_look(timed, parent.id) is TaskState.RUNNING
    time.spend(1)
    assert await state_after_look(timed, parent.id) is TaskState.COMPLETED
    assert [task for _, task in await timed.endings(0)] == [member.id, parent.id]


async def test_after_a_boot_the_walls_clock_says_what_has_run_out(timed: TaskStore, time: SetClock):
    short, long = await added(timed, new_task(timeout_s=60.0), new_task(timeout_s=7200.0))
    time.boot(off_ms=HOUR_MS)
    assert await state_after_look(timed, short) is TaskState.FAILED
    assert await state_after_look(timed, long) is TaskState.QUEUED


@CHANGES
async def test_a_claim_says_how_much_of_its_time_has_gone_by(
    timed: TaskStore, time: SetClock, change: Callable[[SetClock], None]
):
    await added(timed, new_task(timeout_s=60.0))
    time.spend(20_000)
    change(time)
    [claim] = await timed.claim(HERE, WORKER, 1)
    assert claim.spent_s == 20


async def test_a_claim_never_says_that_more_time_has_gone_by_than_there_was(timed: TaskStore, time: SetClock):
    await added(timed, new_task(timeout_s=60.0))
    time.spend(HOUR_MS)
    assert [claim.spent_s for claim in await timed.claim(HERE, WORKER, 1)] == [60.0]


async def ended(store: TaskStore) -> str:
    """Returns a task that has just ended, in a store whose time is counted."""
    await store.advance()
    [task] = await running(store, new_task(), sent=True)
    await store.finish(task, WORKER, answered())
    return task


async def test_what_ended_long_ago_expires(timed: TaskStore, time: SetClock):
    task = await ended(timed)
    time.spend(WEEK_MS)
    await timed.advance()
    assert await timed.expire(WEEK_MS) == []
    assert await timed.task(task) is not None
    time.spend(1)
    await timed.advance()
    assert await timed.expire(WEEK_MS) == [task]
    assert await timed.task(task) is None


@pytest.mark.parametrize("jump", [YEAR_MS, -YEAR_MS])
async def test_a_jump_of_the_walls_clock_expires_nothing_and_real_time_does(
    timed: TaskStore, time: SetClock, jump: int
):
    task = await ended(timed)
    time.wall += jump
    await timed.advance()
    assert await timed.expire(WEEK_MS) == []
    time.spend(WEEK_MS + 1)
    await timed.advance()
    assert await timed.expire(WEEK_MS) == [task]


async def test_a_boot_counts_a_day_at_most(timed: TaskStore, time: SetClock):
    task = await ended(timed)
    time.boot(off_ms=YEAR_MS)
    await timed.advance()
    assert await timed.expire(DAY_MS) == []
    assert await timed.expire(DAY_MS - 1) == [task]


async def test_a_boot_with_the_clock_set_back_counts_nothing(timed: TaskStore, time: SetClock):
    task = await ended(timed)
    time.boot(off_ms=-YEAR_MS)
    await timed.advance()
    assert await timed.expire(0) == []
    time.spend(1)
    await timed.advance()
    assert await timed.expire(0) == [task]


async def test_a_store_counts_no_time_before_its_first_count(timed: TaskStore, time: SetClock):
    [task] = await running(timed, new_task(), sent=True)
    await timed.finish(task, WORKER, answered())
    time.spend(YEAR_MS)
    await timed.advance()
    assert await timed.expire(0) == []
    assert await timed.task(task) is not None


async def test_what_has_not_ended_never_expires(timed: TaskStore, time: SetClock):
    await timed.advance()
    [going] = await running(timed, new_task(), sent=True)
    [waiting] = await added(timed, new_task())
    parent, *members = new_group(2)
    group = await running(timed, parent, *members)
    await timed.finish(group[0], WORKER, answered())
    time.spend(YEAR_MS)
    await timed.advance()
    assert await timed.expire(0) == []
    assert None not in [await timed.task(task) for task in (going, waiting, parent.id, *group)]


async def test_a_group_expires_with_its_members(timed: TaskStore, time: SetClock):
    await timed.advance()
    parent, *members = new_group(2)
    ids = await running(timed, parent, *members, sent=True)
    for task in ids:
        await timed.finish(task, WORKER, answered())
    time.spend(2)
    await timed.advance()
    assert parent.id in await timed.expire(1)
    assert [await timed.task(task) for task in (parent.id, *ids)] == [None] * 3


async def test_numbers_of_endings_are_not_used_again_after_an_expiry(timed: TaskStore, time: SetClock):
    task = await ended(timed)
    last = await timed.last_ending()
    time.spend(2)
    await timed.advance()
    assert await timed.expire(1) == [task]
    assert (await timed.last_ending(), await timed.endings(0)) == (last, [])
    task = await ended(timed)
    assert await timed.endings(last) == [(last + 1, task)]


async def test_times_shown_never_run_backwards(timed: TaskStore, time: SetClock):
    [answered_task] = await added(timed, new_task())
    time.wall -= DAY_MS
    await timed.claim(HERE, WORKER, 1)
    time.wall -= DAY_MS
    await timed.mark_sent(answered_task, WORKER, "demo/echo")
    time.wall -= DAY_MS
    await timed.finish(answered_task, WORKER, answered())
    time.wall -= DAY_MS
    await deliver(timed, answered_task)
    found = await look(timed, answered_task)
    times = [found.created_at, found.started_at, found.finished_at, found.delivered_at]
    assert times == [SetClock().wall] * 4
    assert found.age_s() == 0


async def test_times_of_attempts_never_run_backwards(timed: TaskStore, time: SetClock):
    [task] = await running(timed, new_task(), sent=True)
    time.wall -= DAY_MS
    await timed.finish(task, WORKER, answered())
    [attempt] = (await look(timed, task)).attempts
    assert attempt.ended_at == attempt.sent_at


@pytest.mark.parametrize("road", ["cancelled", "interrupted", "overdue"])
async def test_no_road_to_an_end_lets_a_task_end_before_it_began(timed: TaskStore, time: SetClock, road: str):
    [task] = await added(timed, new_task(timeout_s=1.0))
    if road == "interrupted":
        await timed.claim(HERE, WORKER, 1)
        await timed.mark_sent(task, WORKER, "demo/echo")
    time.wall -= DAY_MS
    if road == "cancelled":
        await timed.cancel(task)
    elif road == "interrupted":
        await timed.recover(HERE, OTHER)
    else:
        time.boot(off_ms=2 * DAY_MS)
        await timed.fail_overdue(HERE)
    found = await look(timed, task)
    assert found.state.is_final
    assert found.finished_at is not None
    assert found.finished_at >= found.created_at
