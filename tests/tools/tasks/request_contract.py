"""What any TaskStore must do when a request is handed in again. Imported beside `store_contract`."""

from dataclasses import replace

import pytest
from tools.tasks.samples import (
    BROKEN,
    ELSEWHERE,
    FAR_FUTURE,
    HERE,
    OTHER,
    WORKER,
    added,
    answered,
    deliver,
    look,
    new_group,
    new_task,
    running,
)

from longcall.errors import KeyConflictError
from longcall.models import AttemptState, TaskState
from longcall.tasks.added import Added, Attached
from longcall.tasks.store import Ending, TaskStore

SAME = "a" * 64
OTHER_REQUEST = "a" * 63 + "b"
FAILED = Ending(TaskState.FAILED, AttemptState.FAILED, failure=BROKEN)
CANCELLED = Ending(TaskState.CANCELLED, AttemptState.CANCELLED)


async def again(store: TaskStore, *, fresh: bool = False) -> Added:
    """Hands SAME in once more."""
    return await store.add([new_task(request=SAME)], fresh=fresh)


async def is_asked_anew(store: TaskStore) -> bool:
    """Whether SAME, handed in once more, becomes a task of its own."""
    new = new_task(request=SAME)
    result = await store.add([new])
    return result == Added(new.id) and await store.task(new.id) is not None


async def test_a_request_that_waits_is_not_asked_twice(store: TaskStore):
    [task] = await added(store, new_task(request=SAME))
    assert await again(store) == Added(task, Attached.RUNNING)
    assert [claim.id for claim in await store.claim(HERE, WORKER, 10)] == [task]


async def test_a_request_that_runs_is_not_asked_twice(store: TaskStore):
    [task] = await running(store, new_task(request=SAME), sent=True)
    new = new_task(request=SAME)
    assert await store.add([new]) == Added(task, Attached.RUNNING)
    assert await store.task(new.id) is None


async def test_an_answer_that_nobody_was_handed_is_handed_to_whoever_asks_again(store: TaskStore):
    [task] = await running(store, new_task(request=SAME), sent=True)
    await store.finish(task, WORKER, answered())
    assert await again(store) == Added(task, Attached.UNDELIVERED)
    await deliver(store, task)
    assert await is_asked_anew(store)


async def test_another_request_is_a_task_of_its_own(store: TaskStore):
    await added(store, new_task(request=SAME), new_task(request=OTHER_REQUEST), new_task(request="b" * 64))
    assert len(await store.claim(HERE, WORKER, 10)) == 3


async def test_a_failed_request_is_asked_anew(store: TaskStore):
    [task] = await running(store, new_task(request=SAME), sent=True)
    await store.finish(task, WORKER, FAILED)
    assert await is_asked_anew(store)


async def test_a_cancelled_request_is_asked_anew(store: TaskStore):
    [task] = await running(store, new_task(request=SAME), sent=True)
    await store.finish(task, WORKER, CANCELLED)
    assert await is_asked_anew(store)


async def test_a_request_whose_cancel_was_asked_for_is_asked_anew(store: TaskStore):
    [task] = await running(store, new_task(request=SAME), sent=True)
    await store.cancel(task)
    assert await is_asked_anew(store)


async def test_an_interrupted_request_is_asked_anew(store: TaskStore):
    [task] = await running(store, new_task(request=SAME), sent=True)
    await store.recover(HERE, OTHER)
    assert (await look(store, task)).state is TaskState.INTERRUPTED
    assert await is_asked_anew(store)


async def test_a_fresh_request_is_asked_anew_and_then_answers_for_both(store: TaskStore):
    [task] = await added(store, new_task(request=SAME))
    fresh = await again(store, fresh=True)
    assert fresh.attached is None
    assert fresh.id != task
    assert len(await store.claim(HERE, WORKER, 10)) == 2
    assert await again(store) == Added(fresh.id, Attached.RUNNING)


async def test_the_same_request_under_other_keys_is_another(store: TaskStore):
    await added(store, new_task(request=SAME))
    theirs = new_task(request=SAME, environment=ELSEWHERE)
    assert await store.add([theirs]) == Added(theirs.id)
    assert [claim.id for claim in await store.claim(ELSEWHERE, OTHER, 10)] == [theirs.id]


async def test_a_key_answers_with_its_task_whatever_has_become_of_it(store: TaskStore):
    [task] = await running(store, new_task(request=SAME, key="k"), sent=True)
    assert await store.add([new_task(request=SAME, key="k")]) == Added(task, Attached.KEY)
    await store.finish(task, WORKER, FAILED)
    await deliver(store, task)
    assert await store.add([new_task(request=SAME, key="k")]) == Added(task, Attached.KEY)
    assert await store.add([new_task(request=SAME, key="k")], fresh=True) == Added(task, Attached.KEY)
    assert await store.claim(HERE, WORKER, 10) == []


async def test_a_new_key_is_a_new_task_whoever_asks_the_same(store: TaskStore):
    first, second = await added(store, new_task(request=SAME, key="k"), new_task(request=SAME, key="l"))
    assert {claim.id for claim in await store.claim(HERE, WORKER, 10)} == {first, second}


async def test_a_key_used_for_another_request_is_told_with_its_task(store: TaskStore):
    [task] = await added(store, new_task(request=SAME, key="k"))
    new = new_task(request=OTHER_REQUEST, key="k")
    with pytest.raises(KeyConflictError, match=rf"'k' was used for another request \(task {task}\)"):
        await store.add([new])
    assert await store.task(new.id) is None
    assert [claim.id for claim in await store.claim(HERE, WORKER, 10)] == [task]


async def test_the_same_key_under_other_keys_of_providers_is_another(store: TaskStore):
    await added(store, new_task(request=SAME, key="k"))
    theirs = new_task(request=OTHER_REQUEST, key="k", environment=ELSEWHERE)
    assert await store.add([theirs]) == Added(theirs.id)


async def test_a_key_is_free_again_when_its_task_is_gone(store: TaskStore):
    [task] = await running(store, new_task(request=SAME, key="k"), sent=True)
    await store.finish(task, WORKER, answered())
    assert await store.prune(FAR_FUTURE) == [task]
    new = new_task(request=OTHER_REQUEST, key="k")
    assert await store.add([new]) == Added(new.id)


async def test_a_group_is_compared_as_a_whole(store: TaskStore):
    parent, *members = new_group(2, request=f"{SAME} {OTHER_REQUEST}")
    await store.add([parent, *members])
    assert await store.add(new_group(2, request=f"{SAME} {OTHER_REQUEST}")) == Added(parent.id, Attached.RUNNING)
    reversed_group = new_group(2, request=f"{OTHER_REQUEST} {SAME}")
    assert await store.add(reversed_group) == Added(reversed_group[0].id)
    assert len(await store.claim(HERE, WORKER, 10)) == 4


async def test_a_request_does_not_attach_to_the_member_of_a_group(store: TaskStore):
    group = new_group(1, request=f"{SAME} {OTHER_REQUEST}")
    await store.add(group)
    alone = new_task(request=SAME)
    assert await store.add([alone]) == Added(alone.id)


async def test_members_of_groups_never_attach_to_each_other(store: TaskStore):
    await store.add(new_group(3, request=SAME))
    await store.add(new_group(3, request=OTHER_REQUEST))
    assert len(await store.claim(HERE, WORKER, 10)) == 6


async def test_a_group_whose_answers_were_handed_out_is_asked_anew(store: TaskStore):
    parent, *members = new_group(1, request=SAME)
    [member] = await running(store, parent, *members, sent=True)
    await store.finish(member, WORKER, answered())
    assert await store.add(new_group(1, request=SAME)) == Added(parent.id, Attached.UNDELIVERED)
    await deliver(store, parent.id)
    new = new_group(1, request=SAME)
    assert await store.add(new) == Added(new[0].id)


async def test_a_request_is_added_whole_or_not_when_its_id_is_taken(store: TaskStore):
    [known] = await added(store, new_task())
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        await store.add([replace(new_task(request=SAME), id=known)])
    assert await is_asked_anew(store)
