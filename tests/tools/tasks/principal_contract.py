"""What any TaskStore must do with tasks of several principals. Imported beside `store_contract`."""

from dataclasses import replace

import pytest
from tools.tasks.samples import (
    HERE,
    WORKER,
    added,
    answered,
    look,
    new_group,
    new_task,
    reviewable,
    running,
)

from longcall.errors import KeyConflictError
from longcall.tasks.added import Added, Attached
from longcall.tasks.store import TaskStore

ASKED = "c" * 24
ANOTHER = "d" * 24
NAMES = ["", "ann", "Ann", "žluťoučký 🐎"]


@pytest.mark.parametrize("name", NAMES)
async def test_a_task_knows_who_made_it(store: TaskStore, name: str):
    [task] = await added(store, new_task(principal=name))
    assert (await look(store, task)).principal == name


async def test_the_same_request_of_another_principal_is_another(store: TaskStore):
    ids = [(await added(store, new_task(request=ASKED, principal=name)))[0] for name in NAMES]
    assert len(set(ids)) == len(NAMES)
    for task, name in zip(ids, NAMES, strict=True):
        assert await store.add([new_task(request=ASKED, principal=name)]) == Added(task, Attached.RUNNING)
    assert len(await store.claim(HERE, WORKER, 10)) == len(NAMES)


async def test_an_answer_that_nobody_was_handed_is_not_handed_to_another_principal(store: TaskStore):
    [answer] = await running(store, new_task(request=ASKED, principal="ann"), sent=True)
    await store.finish(answer, WORKER, answered())
    [doubt] = await reviewable(store, new_task(request=ANOTHER, principal="ann"))
    for request, task in ((ASKED, answer), (ANOTHER, doubt)):
        theirs = new_task(request=request, principal="bob")
        assert await store.add([theirs]) == Added(theirs.id)
        assert await store.add([new_task(request=request, principal="ann")]) == Added(task, Attached.UNDELIVERED)


async def test_the_same_idempotency_key_of_another_principal_is_another(store: TaskStore):
    [ours] = await added(store, new_task(request=ASKED, key="k", principal="ann"))
    theirs = new_task(request=ANOTHER, key="k", principal="bob")
    assert await store.add([theirs]) == Added(theirs.id)
    assert await store.add([new_task(request=ASKED, key="k", principal="ann")]) == Added(ours, Attached.KEY)
    with pytest.raises(KeyConflictError, match=ours):
        await store.add([new_task(request=ANOTHER, key="k", principal="ann")])


async def test_a_group_and_its_members_belong_to_who_made_it(store: TaskStore):
    parent, *members = new_group(2, principal="ann")
    await added(store, parent, *(replace(member, principal="bob") for member in members))
    group = await look(store, parent.id)
    assert {group.principal, *(member.principal for member in group.members)} == {"ann"}


async def test_the_same_group_of_another_principal_is_another(store: TaskStore):
    ours, theirs = (new_group(2, request=ASKED, principal=name) for name in ("ann", "bob"))
    assert await store.add(ours) == Added(ours[0].id)
    assert await store.add(theirs) == Added(theirs[0].id)
    assert await store.add(new_group(2, request=ASKED, principal="bob")) == Added(theirs[0].id, Attached.RUNNING)


async def test_recent_tasks_are_those_of_a_principal_or_of_all(store: TaskStore):
    local, ann, bob = await added(store, new_task(), new_task(principal="ann"), new_task(principal="bob"))
    [elsewhere] = await added(store, new_task(principal="ann", project="/elsewhere"))
    for project, principal, expected in (
        ("/project", "", [local]), ("/project", "ann", [ann]), (None, "ann", [elsewhere, ann]), (None, "an", []),
        ("/project", None, [bob, ann, local]), (None, None, [elsewhere, bob, ann, local]),
    ):  # fmt: skip
        assert [task.id for task in await store.recent(project, 10, principal=principal)] == expected
