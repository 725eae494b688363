"""What any store must do with turns and the uses of tools in them."""

import pytest
from tools.tasks.samples import HERE, WORKER, added, new_task

from longcall.errors import StaleClaimError
from longcall.models import Completion, Role, Step, StepState
from longcall.tasks.store import TaskStore

DONE = Completion("really", "tool_calls", cost_usd=0.5)
WANTED = [Step(0, 1, "a", "read", '{"path": "x"}'), Step(0, 2, "b", "write", "{}")]
TOLD = Step(1, 1, "a", "read", "{}", StepState.DONE, "half a \ud83d", 7)


async def turned(store: TaskStore) -> str:
    """Returns a task at work, whose model has asked for two tools."""
    [task] = await added(store, new_task())
    await store.claim(HERE, WORKER, 1)
    await store.mark_sent(task, WORKER, "m")
    assert await store.note_turn(task, WORKER, "let me look", DONE, WANTED) == 1
    return task


async def test_a_turn_is_an_attempt_of_its_own_kind_with_its_steps(store: TaskStore) -> None:
    task = await turned(store)
    found = await store.task(task)
    assert found is not None
    assert [(one.role, one.cost_usd) for one in found.attempts] == [(Role.TURN, 0.5)]
    assert [(one.attempt, one.number, one.id, one.tool, one.state) for one in found.steps] == [
        (1, 1, "a", "read", StepState.ASKED), (1, 2, "b", "write", StepState.ASKED),
    ]  # fmt: skip
    assert found.text == "let me look"


async def test_a_turn_needs_a_request_that_was_sent(store: TaskStore) -> None:
    task = await turned(store)
    with pytest.raises(StaleClaimError):
        await store.note_turn(task, WORKER, "again", DONE, WANTED)
    found = await store.task(task)
    assert found is not None
    assert len(found.steps) == 2


async def test_a_step_is_begun_once_and_ends_once(store: TaskStore) -> None:
    task = await turned(store)
    await store.begin_step(task, WORKER, 1, 1)
    with pytest.raises(StaleClaimError):
        await store.begin_step(task, WORKER, 1, 1)
    await store.end_step(task, WORKER, TOLD)
    with pytest.raises(StaleClaimError):
        await store.end_step(task, WORKER, TOLD)
    found = await store.task(task)
    assert found is not None
    assert (found.steps[0].state, found.steps[0].result, found.steps[0].ms) == (StepState.DONE, "half a \ufffd", 7)


async def test_another_worker_changes_no_step(store: TaskStore) -> None:
    task = await turned(store)
    with pytest.raises(StaleClaimError):
        await store.begin_step(task, "another", 1, 1)
    with pytest.raises(StaleClaimError):
        await store.end_step(task, "another", TOLD)


async def test_no_tool_is_called_for_a_task_that_is_to_be_cancelled(store: TaskStore) -> None:
    task = await turned(store)
    await store.cancel(task)
    with pytest.raises(StaleClaimError):
        await store.begin_step(task, WORKER, 1, 1)


async def test_a_later_worker_is_handed_the_turn_and_what_its_tools_said(store: TaskStore) -> None:
    task = await turned(store)
    await store.begin_step(task, WORKER, 1, 1)
    await store.end_step(task, WORKER, TOLD)
    await store.begin_step(task, WORKER, 1, 2)
    assert (await store.recover(HERE, "later")).requeued == 1
    [claim] = await store.claim(HERE, "later", 1)
    assert [(one.role, one.text) for one in claim.past] == [(Role.TURN, "let me look")]
    assert [one.state for one in claim.steps] == [StepState.DONE, StepState.BEGUN]


async def test_steps_go_with_their_task(store: TaskStore) -> None:
    task = await turned(store)
    await store.cancel(task)
    await store.recover(HERE, "later")
    assert task in await store.prune(2**53)
    assert await store.task(task) is None
