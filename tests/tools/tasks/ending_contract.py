"""What any TaskStore must do when tasks end: cancels, groups, dead workers. Imported beside `store_contract`."""

from tools.tasks.samples import (
    BROKEN,
    ELSEWHERE,
    FAR_FUTURE,
    HERE,
    OTHER,
    WORKER,
    added,
    answered,
    look,
    new_group,
    new_task,
    running,
    states,
)

from longcall.models import AttemptState, TaskState
from longcall.tasks.recovery import Recovery
from longcall.tasks.store import Ending, TaskStore


async def test_a_waiting_task_is_cancelled_on_the_spot(store: TaskStore):
    [task, other] = await added(store, new_task(), new_task())
    await store.cancel(task)
    assert await states(store, [task, other]) == [TaskState.CANCELLED, TaskState.QUEUED]
    assert [claim.id for claim in await store.claim(HERE, WORKER, 10)] == [other]


async def test_the_cancel_of_a_running_task_is_told_to_its_worker(store: TaskStore):
    task, _other = await running(store, new_task(), new_task(), sent=True)
    await store.cancel(task)
    assert await store.cancel_requests(HERE, WORKER) == [task]
    assert await store.cancel_requests(HERE, OTHER) == []
    assert await store.cancel_requests(ELSEWHERE, WORKER) == []
    found = await look(store, task)
    assert (found.state, found.cancel_requested) == (TaskState.RUNNING, True)


async def test_a_cancelled_task_asks_for_nothing_once_it_has_ended(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.cancel(task)
    assert await store.finish(task, WORKER, Ending(TaskState.CANCELLED, AttemptState.CANCELLED))
    assert await store.cancel_requests(HERE, WORKER) == []
    found = await look(store, task)
    assert (found.state, found.attempts[0].state) == (TaskState.CANCELLED, AttemptState.CANCELLED)


async def test_a_cancel_that_comes_too_late_changes_nothing(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.finish(task, WORKER, answered())
    before = await look(store, task)
    await store.cancel(task)
    assert await look(store, task) == before


async def test_the_cancel_of_a_group_reaches_every_member(store: TaskStore):
    parent, *members = new_group(3)
    await store.add([parent, *members])
    [claim] = await store.claim(HERE, WORKER, 1)
    await store.cancel(parent.id)
    waiting = [member.id for member in members if member.id != claim.id]
    assert await states(store, waiting) == [TaskState.CANCELLED] * 2
    assert await store.cancel_requests(HERE, WORKER) == [claim.id]
    assert (await look(store, parent.id)).state is TaskState.RUNNING
    await store.finish(claim.id, WORKER, Ending(TaskState.CANCELLED, AttemptState.CANCELLED))
    assert (await look(store, parent.id)).state.is_final


async def test_a_group_ends_with_its_last_answer_and_not_before(store: TaskStore):
    parent, *members = new_group(2)
    first, last = await running(store, parent, *members, sent=True)
    await store.finish(first, WORKER, answered())
    assert (await look(store, parent.id)).state is TaskState.RUNNING
    await store.finish(last, WORKER, Ending(TaskState.FAILED, AttemptState.FAILED, failure=BROKEN))
    group = await look(store, parent.id)
    assert group.state is TaskState.COMPLETED
    assert group.finished_at is not None


async def test_a_group_ends_when_its_waiting_members_are_cancelled(store: TaskStore):
    parent, *members = new_group(2)
    await added(store, parent, *members)
    await store.cancel(members[0].id)
    assert (await look(store, parent.id)).state is TaskState.RUNNING
    await store.cancel(members[1].id)
    assert (await look(store, parent.id)).state.is_final


async def test_a_group_ends_when_the_death_of_a_worker_ends_its_members(store: TaskStore):
    parent, *members = new_group(2)
    await running(store, parent, *members, sent=True)
    await store.recover(HERE, OTHER)
    assert (await look(store, parent.id)).state.is_final


async def test_a_group_goes_on_when_a_member_waits_again(store: TaskStore):
    parent, *members = new_group(2)
    first, _ = await running(store, parent, *members)
    await store.mark_sent(first, WORKER, "demo/echo")
    assert await store.recover(HERE, OTHER) == Recovery(requeued=1, interrupted=1)
    assert (await look(store, parent.id)).state is TaskState.RUNNING


async def test_a_dead_workers_sent_task_is_interrupted_and_keeps_its_text(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.add_pieces(WORKER, [(task, "half "), (task, "an answer")])
    assert await store.recover(HERE, OTHER) == Recovery(interrupted=1)
    found = await look(store, task)
    assert (found.state, found.text) == (TaskState.INTERRUPTED, "half an answer")
    assert found.attempts[0].state is AttemptState.LOST
    assert found.failure is not None
    assert found.failure.code == "interrupted"
    assert await store.claim(HERE, OTHER, 10) == []


async def test_a_dead_workers_unsent_task_waits_again(store: TaskStore):
    [task] = await running(store, new_task())
    assert await store.recover(HERE, OTHER) == Recovery(requeued=1)
    assert (await look(store, task)).state is TaskState.QUEUED
    assert [claim.id for claim in await store.claim(HERE, OTHER, 10)] == [task]
    assert not await store.finish(task, WORKER, answered("from the dead"))


async def test_a_dead_workers_task_between_two_requests_waits_again(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.end_attempt(task, WORKER, BROKEN)
    assert await store.recover(HERE, OTHER) == Recovery(requeued=1)
    await store.claim(HERE, OTHER, 1)
    assert await store.mark_sent(task, OTHER, "demo/echo") == 2


async def test_a_dead_workers_unsent_task_stays_cancelled(store: TaskStore):
    [task] = await running(store, new_task())
    await store.cancel(task)
    assert await store.recover(HERE, OTHER) == Recovery(cancelled=1)
    assert (await look(store, task)).state is TaskState.CANCELLED
    assert await store.claim(HERE, OTHER, 10) == []


async def test_recovery_leaves_a_workers_own_tasks_alone(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    before = await look(store, task)
    assert await store.recover(HERE, WORKER) == Recovery()
    assert await look(store, task) == before
    assert await store.recover(HERE, None) == Recovery(interrupted=1)


async def test_recovery_leaves_other_environments_alone(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    assert await store.recover(ELSEWHERE, OTHER) == Recovery()
    assert (await look(store, task)).state is TaskState.RUNNING


async def test_endings_are_numbered_in_their_order(store: TaskStore):
    one, two = await running(store, new_task(), new_task(), sent=True)
    assert (await store.last_ending(), await store.endings(0)) == (0, [])
    await store.finish(two, WORKER, answered())
    await store.finish(one, WORKER, answered())
    (first, second), last = await store.endings(0), await store.last_ending()
    assert (first[1], second[1]) == (two, one)
    assert first[0] < second[0] == last
    assert await store.endings(first[0]) == [second]


async def test_every_road_to_an_end_is_numbered(store: TaskStore):
    finished, lost = await running(store, new_task(), new_task(), sent=True)
    [cancelled] = await added(store, new_task())
    await store.finish(finished, WORKER, answered())
    await store.cancel(cancelled)
    await store.recover(HERE, OTHER)
    assert [task for _, task in await store.endings(0)] == [finished, cancelled, lost]


async def test_the_end_of_a_group_is_numbered_after_its_last_member(store: TaskStore):
    parent, *members = new_group(1)
    [member] = await running(store, parent, *members, sent=True)
    await store.finish(member, WORKER, answered())
    assert [task for _, task in await store.endings(0)] == [member, parent.id]


async def test_numbers_of_endings_are_not_used_again_after_a_prune(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.finish(task, WORKER, answered())
    last = await store.last_ending()
    assert await store.prune(FAR_FUTURE) == [task]
    assert (await store.last_ending(), await store.endings(0)) == (last, [])
    [task] = await running(store, new_task(), sent=True)
    await store.finish(task, WORKER, answered())
    assert await store.last_ending() > last
