"""What any TaskStore must do for calls that outlive their worker: sent again, or fetched. Beside `store_contract`."""

import pytest
from tools.tasks.samples import BROKEN, HERE, OTHER, WORKER, added, answered, look, new_group, new_task, running

from longcall.errors import StaleClaimError
from longcall.models import AttemptState, TaskState
from longcall.tasks.recovery import Recovery
from longcall.tasks.store import TaskStore

THIRD = "worker-3"


async def test_a_call_that_wants_it_is_sent_again_after_a_crash(store: TaskStore):
    [task] = await running(store, new_task(on_interrupt="retry"), sent=True)
    await store.add_pieces(WORKER, [(task, "half ")])
    assert await store.recover(HERE, OTHER) == Recovery(resent=1)
    found = await look(store, task)
    assert (found.state, found.text, found.attempts[0].state) == (TaskState.QUEUED, "", AttemptState.LOST)
    [claim] = await store.claim(HERE, OTHER, 10)
    assert (claim.id, claim.handle) == (task, None)
    assert await store.mark_sent(task, OTHER, "demo/echo") == 2
    await store.finish(task, OTHER, answered("whole"))
    assert (await look(store, task)).text == "whole"


async def test_no_call_is_sent_more_than_three_times(store: TaskStore):
    [task] = await added(store, new_task(on_interrupt="retry"))
    for number, worker in enumerate((WORKER, OTHER, THIRD), 1):
        assert [claim.id for claim in await store.claim(HERE, worker, 10)] == [task]
        assert await store.mark_sent(task, worker, "demo/echo") == number
        recovery = await store.recover(HERE, f"after {worker}")
        assert recovery == (Recovery(resent=1) if number < 3 else Recovery(interrupted=1))
    found = await look(store, task)
    assert (found.state, [attempt.state for attempt in found.attempts]) == (
        TaskState.INTERRUPTED, [AttemptState.LOST] * 3,
    )  # fmt: skip
    assert await store.claim(HERE, WORKER, 10) == []


async def test_refused_requests_count_among_the_three(store: TaskStore):
    [task] = await running(store, new_task(on_interrupt="retry"), sent=True)
    for _ in range(2):
        await store.end_attempt(task, WORKER, BROKEN)
        await store.mark_sent(task, WORKER, "demo/echo")
    assert await store.recover(HERE, OTHER) == Recovery(interrupted=1)


async def test_a_call_whose_cancel_was_asked_for_is_not_sent_again(store: TaskStore):
    [task] = await running(store, new_task(on_interrupt="retry"), sent=True)
    await store.cancel(task)
    assert await store.recover(HERE, OTHER) == Recovery(interrupted=1)
    assert (await look(store, task)).state is TaskState.INTERRUPTED


async def test_an_answer_that_the_provider_keeps_waits_to_be_fetched(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.note_handle(task, WORKER, "resp_1")
    await store.add_pieces(WORKER, [(task, "half ")])
    assert await store.recover(HERE, OTHER) == Recovery(resumable=1)
    found = await look(store, task)
    assert (found.state, found.text) == (TaskState.QUEUED, "")
    assert [attempt.state for attempt in found.attempts] == [AttemptState.SENT]
    [claim] = await store.claim(HERE, OTHER, 10)
    assert (claim.id, claim.handle) == (task, "resp_1")
    await store.add_pieces(OTHER, [(task, "half "), (task, "and all")])
    assert (await look(store, task)).text == "half and all"
    await store.finish(task, OTHER, answered("half and all"))
    assert [attempt.state for attempt in (await look(store, task)).attempts] == [AttemptState.ANSWERED]


async def test_an_answer_is_fetched_however_often_workers_die(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.note_handle(task, WORKER, "resp_1")
    for number in range(5):
        assert await store.recover(HERE, f"worker {number}") == Recovery(resumable=1)
        assert [claim.handle for claim in await store.claim(HERE, f"worker {number}", 1)] == ["resp_1"]
    assert len((await look(store, task)).attempts) == 1


async def test_the_cancel_of_an_answer_to_be_fetched_reaches_the_next_worker(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.note_handle(task, WORKER, "resp_1")
    await store.cancel(task)
    assert await store.recover(HERE, OTHER) == Recovery(resumable=1)
    await store.claim(HERE, OTHER, 1)
    assert await store.cancel_requests(HERE, OTHER) == [task]


@pytest.mark.parametrize("holder", [OTHER, WORKER])
async def test_only_the_holder_of_a_task_may_note_where_its_answer_is_kept(store: TaskStore, holder: str):
    [task] = await running(store, new_task(), sent=True)
    await store.note_handle(task, holder, "resp_1")
    expected = Recovery(resumable=1) if holder == WORKER else Recovery(interrupted=1)
    assert await store.recover(HERE, THIRD) == expected


async def test_a_handle_belongs_to_its_request_alone(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.note_handle(task, WORKER, "resp_1")
    await store.end_attempt(task, WORKER, BROKEN)
    await store.mark_sent(task, WORKER, "demo/echo")
    assert await store.recover(HERE, OTHER) == Recovery(interrupted=1)


async def test_a_dead_worker_writes_nothing_into_a_task_that_was_given_on(store: TaskStore):
    [task] = await running(store, new_task(on_interrupt="retry"), sent=True)
    await store.recover(HERE, OTHER)
    await store.claim(HERE, OTHER, 1)
    await store.mark_sent(task, OTHER, "demo/echo")
    before = await look(store, task)
    await store.note_handle(task, WORKER, "resp_1")
    await store.end_attempt(task, WORKER, BROKEN)
    await store.add_pieces(WORKER, [(task, "from the dead")])
    assert not await store.finish(task, WORKER, answered("from the dead"))
    with pytest.raises(StaleClaimError):
        await store.mark_sent(task, WORKER, "demo/echo")
    assert await look(store, task) == before
    assert await store.recover(HERE, THIRD) == Recovery(resent=1)


async def test_what_nobody_can_stop_at_its_provider_can_be_given_up(store: TaskStore):
    wanted, unwanted = await running(store, new_task(), new_task(), sent=True)
    for task in (wanted, unwanted):
        await store.note_handle(task, WORKER, "resp_1")
    await store.cancel(unwanted)
    assert await store.recover(HERE, None) == Recovery(resumable=2)
    for task in (wanted, unwanted):
        await store.abandon(task)
    kept, given_up = await look(store, wanted), await look(store, unwanted)
    assert (kept.state, kept.attempts[0].state) == (TaskState.QUEUED, AttemptState.SENT)
    assert (given_up.state, given_up.attempts[0].state) == (TaskState.CANCELLED, AttemptState.LOST)
    assert given_up.failure is not None
    assert "may answer and bill it" in given_up.failure.message
    assert [claim.id for claim in await store.claim(HERE, OTHER, 10)] == [wanted]


async def test_a_group_that_nobody_can_stop_at_its_provider_can_be_given_up(store: TaskStore):
    parent, *members = new_group(2)
    for task in await running(store, parent, *members, sent=True):
        await store.note_handle(task, WORKER, "batch_1")
    await store.cancel(parent.id)
    await store.recover(HERE, None)
    await store.abandon(parent.id)
    found = await look(store, parent.id)
    assert found.state.is_final
    assert [member.state for member in found.members] == [TaskState.CANCELLED] * 2
