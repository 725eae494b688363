"""What any TaskStore must do with idempotency keys of members. Imported beside `store_contract`."""

from dataclasses import replace

import pytest
from tools.tasks.fan_out_contract import CANCELLED, FAILED, end, last_claim, taken
from tools.tasks.samples import HERE, OTHER, WORKER, added, answered, doubtful, look, new_group, new_task

from longcall.errors import KeyConflictError
from longcall.models import AttemptState, Decision, TaskState
from longcall.tasks.added import Added, Attached
from longcall.tasks.store import Ending, NewTask, TaskStore

ASKED = "q" * 24
OTHERWISE = "p" * 24


def keyed(*keys: str | None, request: str = ASKED, at_once: int | None = None, principal: str = "") -> list[NewTask]:
    """Returns a group with a member for each key, which all ask the same."""
    group, *members = new_group(len(keys), at_once=at_once, principal=principal)
    asked = [
        replace(member, idempotency_key=key, request=request if key else None)
        for member, key in zip(members, keys, strict=True)
    ]
    return [group, *asked]


async def test_a_member_whose_key_has_an_answer_takes_it_over(store: TaskStore):
    [first] = await added(store, new_task(key="k", request=ASKED))
    await taken(store)
    await end(store, [first], answered("paid for"))
    _group, second = await added(store, *keyed("k"))
    claim = await last_claim(store)
    assert (claim.id, claim.earlier and claim.earlier.id) == (second, first)
    assert claim.earlier is not None
    assert (claim.earlier.state, claim.earlier.text) == (TaskState.COMPLETED, "paid for")


async def test_a_member_waits_for_what_is_at_work_under_its_key(store: TaskStore):
    _group, first, other = await added(store, *keyed("k", None))
    _second_group, second = await added(store, *keyed("k"))
    assert await taken(store) == [first, other]
    await end(store, [other])
    assert await taken(store) == []
    await end(store, [first], doubtful("perhaps"))
    claim = await last_claim(store)
    assert (claim.id, claim.earlier and claim.earlier.text) == (second, "perhaps")


async def test_two_members_of_one_group_with_one_key_are_asked_once(store: TaskStore):
    _group, first, second = await added(store, *keyed("k", "k"))
    assert await taken(store) == [first]
    await end(store, [first])
    assert (await last_claim(store)).earlier is not None
    assert (await look(store, second)).state is TaskState.RUNNING


@pytest.mark.parametrize("ending", [FAILED, CANCELLED], ids=lambda ending: ending.state.value)
@pytest.mark.parametrize("waits", [True, False])
async def test_a_member_whose_key_came_to_nothing_is_asked(store: TaskStore, ending: Ending, waits: bool):
    _group, first = await added(store, *keyed("k"))
    await taken(store)
    if not waits:
        await end(store, [first], ending)
    _second_group, second = await added(store, *keyed("k"))
    if waits:
        await end(store, [first], ending)
    claim = await last_claim(store)
    assert (claim.id, claim.earlier) == (second, None)


async def test_of_many_that_waited_for_nothing_one_is_asked_at_a_time(store: TaskStore):
    _group, *ids = await added(store, *keyed("k", "k", "k"))
    for task, ending in zip(ids, (FAILED, FAILED, answered()), strict=True):
        assert await taken(store) == [task]
        await end(store, [task], ending)


async def test_what_was_lost_under_a_key_is_lost_for_the_next_too_unless_it_may_be_paid_again(store: TaskStore):
    _group, first = await added(store, *keyed("k"))
    await taken(store)
    await store.mark_sent(first, WORKER, "m")
    await store.recover(HERE, OTHER)
    _second_group, second = await added(store, *keyed("k"))
    lost = (await last_claim(store)).earlier
    assert lost is not None
    assert (lost.id, lost.state) == (first, TaskState.INTERRUPTED)
    await end(store, [second], Ending(TaskState.INTERRUPTED, AttemptState.CANCELLED, failure=lost.failure))
    group, member = keyed("k")
    assert member.call is not None
    willing = replace(member, call=member.call.model_copy(update={"on_interrupt": "retry"}))
    await added(store, group, willing)
    claim = await last_claim(store)
    assert (claim.id, claim.earlier) == (willing.id, None)


async def test_a_member_that_waits_takes_no_place_and_then_one_like_any_other(store: TaskStore):
    [first] = await added(store, new_task(key="k", request=ASKED))
    assert await taken(store) == [first]
    _group, waiting, *ids = await added(store, *keyed("k", None, None, None, at_once=2))
    assert await taken(store) == ids[:2]
    await end(store, [first], FAILED)
    assert await taken(store) == []
    await end(store, ids[:1])
    assert await taken(store) == [waiting]
    await end(store, [waiting])
    assert await taken(store) == [ids[2]]


async def test_a_key_used_for_another_request_refuses_the_whole_group(store: TaskStore):
    [first] = await added(store, new_task(key="k", request=OTHERWISE))
    group = keyed(None, "k")
    with pytest.raises(KeyConflictError, match=rf"'k' was used for another request \(task {first}\)"):
        await store.add(group)
    assert await store.task(group[0].id) is None
    assert await taken(store) == [first]


async def test_the_key_of_a_member_is_known_to_a_call_of_its_own(store: TaskStore):
    _group, first = await added(store, *keyed("k"))
    assert await store.add([new_task(key="k", request=ASKED)]) == Added(first, Attached.KEY)
    with pytest.raises(KeyConflictError):
        await store.add([new_task(key="k", request=OTHERWISE)])
    await taken(store)
    await end(store, [first], FAILED)
    alone = new_task(key="k", request=ASKED)
    assert await store.add([alone]) == Added(alone.id)


async def test_keys_of_others_are_none_of_ones_own(store: TaskStore):
    await added(store, *keyed("k", principal="ann"))
    await taken(store)
    theirs = keyed("k", request=OTHERWISE, principal="bob")
    assert await store.add(theirs) == Added(theirs[0].id)
    assert (await last_claim(store)).earlier is None


async def test_a_member_is_asked_where_what_had_its_key_is_gone(store: TaskStore):
    [first] = await added(store, new_task(key="k", request=ASKED))
    await taken(store)
    await end(store, [first])
    _group, second = await added(store, *keyed("k"))
    assert await store.prune(1 << 52) == [first]
    claim = await last_claim(store)
    assert (claim.id, claim.earlier) == (second, None)


async def test_a_member_that_took_an_answer_over_is_asked_itself_when_a_reviewer_wants_it_better(store: TaskStore):
    [first] = await added(store, new_task(key="k", request=ASKED))
    await taken(store)
    await end(store, [first], doubtful())
    _group, second = await added(store, *keyed("k", at_once=1))
    await taken(store)
    await end(store, [second], doubtful())
    assert await store.review(second, Decision.GUIDE, "be sure")
    claim = await last_claim(store)
    assert (claim.id, claim.earlier) == (second, None)
