"""What any TaskStore must do. A test file for a store imports everything here and gives the fixture `open_store`."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from tools.tasks.samples import (
    BROKEN,
    DONE,
    ELSEWHERE,
    FAR_FUTURE,
    HERE,
    OTHER,
    WORKER,
    OpenStore,
    added,
    answered,
    asking,
    deliver,
    look,
    new_group,
    new_task,
    running,
    states,
)

from longcall.errors import Failure, StaleClaimError
from longcall.models import AttemptState, TaskKind, TaskState
from longcall.tasks.store import Ending, TaskStore


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncGenerator[TaskStore]:
    """Returns an empty store."""
    async with open_store() as opened:
        yield opened


async def test_a_new_task_waits_as_it_was_handed_in(store: TaskStore):
    new = new_task("how?", project="/there")
    await store.add([new])
    task = await look(store, new.id)
    assert (task.state, task.kind, task.parent) == (TaskState.QUEUED, TaskKind.CALL, None)
    assert (task.environment, task.project, task.model, task.head) == (HERE, "/there", "demo/echo", "how?")
    assert task.call == asking("how?")
    assert (task.text, task.chars, task.attempts, task.members) == ("", 0, (), ())
    assert (task.started_at, task.finished_at, task.delivered_at) == (None, None, None)


async def test_an_unknown_id_has_no_task(store: TaskStore):
    await added(store, new_task())
    assert await store.task("0" * 32) is None


async def test_tasks_are_added_all_or_none(store: TaskStore):
    [known] = await added(store, new_task())
    parent, member = new_group(1)
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        await store.add([parent, replace(member, id=known)])
    assert await store.task(parent.id) is None
    await store.add([parent, member])
    assert await store.task(parent.id) is not None


async def test_the_oldest_tasks_are_claimed_first_and_no_more_than_asked_for(store: TaskStore):
    tasks = [await added(store, new_task(f"question {number}")) for number in range(5)]
    ids = [task for [task] in tasks]
    assert {claim.id for claim in await store.claim(HERE, WORKER, 2)} == set(ids[:2])
    assert {claim.id for claim in await store.claim(HERE, WORKER, 2)} == set(ids[2:4])
    assert await states(store, ids) == [TaskState.RUNNING] * 4 + [TaskState.QUEUED]


async def test_tasks_added_at_once_are_claimed_in_their_order(store: TaskStore):
    _parent, *ids = await added(store, *new_group(20))
    assert [claim.id for claim in await store.claim(HERE, WORKER, 12)] == ids[:12]
    assert [claim.id for claim in await store.claim(HERE, WORKER, 12)] == ids[12:]


async def test_a_claim_carries_the_call(store: TaskStore):
    [task] = await added(store, new_task("how?"))
    [claim] = await store.claim(HERE, WORKER, 1)
    assert (claim.id, claim.call, claim.handle) == (task, asking("how?"), None)
    assert 0 <= claim.spent_s < claim.call.timeout_s


async def test_a_worker_claims_only_tasks_of_its_environment(store: TaskStore):
    ours, theirs = await added(store, new_task(), new_task(environment=ELSEWHERE))
    assert [claim.id for claim in await store.claim(HERE, WORKER, 10)] == [ours]
    assert await states(store, [ours, theirs]) == [TaskState.RUNNING, TaskState.QUEUED]
    assert [claim.id for claim in await store.claim(ELSEWHERE, OTHER, 10)] == [theirs]


async def test_a_task_is_claimed_once(store: TaskStore):
    await running(store, new_task())
    assert await store.claim(HERE, OTHER, 10) == []
    assert await store.claim(HERE, WORKER, 10) == []


async def test_two_users_of_the_store_never_claim_the_same_task(store: TaskStore, open_store: OpenStore):
    ids = await added(store, *(new_task() for _ in range(6)))
    async with open_store() as other:
        ours = [claim.id for claim in await store.claim(HERE, WORKER, 3)]
        theirs = [claim.id for claim in await other.claim(HERE, OTHER, 10)]
    assert sorted(ours + theirs) == sorted(ids)


async def test_a_group_is_never_claimed(store: TaskStore):
    parent, *members = new_group(2)
    await store.add([parent, *members])
    assert {claim.id for claim in await store.claim(HERE, WORKER, 10)} == {member.id for member in members}
    group = await look(store, parent.id)
    assert (group.kind, group.state, group.call) == (TaskKind.GROUP, TaskState.RUNNING, None)


async def test_members_come_with_their_group_in_order(store: TaskStore):
    parent, *members = new_group(3)
    await store.add([parent, *members])
    assert [member.id for member in (await look(store, parent.id)).members] == [member.id for member in members]
    assert (await look(store, members[0].id)).parent == parent.id


async def test_whether_tasks_wait_is_told_for_each_environment(store: TaskStore):
    assert not await store.has_queued(HERE)
    await added(store, new_task())
    assert await store.has_queued(HERE)
    assert not await store.has_queued(ELSEWHERE)
    await store.claim(HERE, WORKER, 1)
    assert not await store.has_queued(HERE)


async def test_a_request_is_written_down_before_it_leaves(store: TaskStore):
    [task] = await running(store, new_task())
    assert await store.mark_sent(task, WORKER, "demo/other") == 1
    [attempt] = (await look(store, task)).attempts
    assert (attempt.number, attempt.model, attempt.state) == (1, "demo/other", AttemptState.SENT)
    assert (attempt.ended_at, attempt.usage, attempt.cost_usd, attempt.failure) == (None, None, None, None)


async def test_retries_are_numbered_and_the_failed_ones_kept(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.end_attempt(task, WORKER, BROKEN)
    assert await store.mark_sent(task, WORKER, "demo/echo") == 2
    await store.finish(task, WORKER, answered())
    first, second = (await look(store, task)).attempts
    assert (first.number, first.state, first.failure) == (1, AttemptState.FAILED, BROKEN)
    assert (second.number, second.state, second.usage, second.cost_usd) == (2, AttemptState.ANSWERED, DONE.usage, 0.25)


async def test_only_the_holder_of_a_task_may_send(store: TaskStore):
    [task] = await running(store, new_task())
    with pytest.raises(StaleClaimError):
        await store.mark_sent(task, OTHER, "demo/echo")
    assert (await look(store, task)).attempts == ()
    assert await store.mark_sent(task, WORKER, "demo/echo") == 1


async def test_nothing_is_sent_for_a_task_that_waits_or_has_ended(store: TaskStore):
    [waiting] = await added(store, new_task())
    with pytest.raises(StaleClaimError):
        await store.mark_sent(waiting, WORKER, "demo/echo")
    [ended] = await running(store, new_task())
    await store.finish(ended, WORKER, answered())
    with pytest.raises(StaleClaimError):
        await store.mark_sent(ended, WORKER, "demo/echo")


async def test_nothing_is_sent_once_the_cancel_was_asked_for(store: TaskStore):
    [task] = await running(store, new_task())
    await store.cancel(task)
    with pytest.raises(StaleClaimError):
        await store.mark_sent(task, WORKER, "demo/echo")
    assert (await look(store, task)).attempts == ()


async def test_only_the_holder_of_a_task_may_end_its_attempt(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.end_attempt(task, OTHER, BROKEN)
    assert (await look(store, task)).attempts[0].state is AttemptState.SENT
    await store.end_attempt(task, WORKER, BROKEN)
    assert (await look(store, task)).attempts[0].state is AttemptState.FAILED


async def test_an_answer_ends_a_task_with_all_that_is_known_of_it(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    assert await store.finish(task, WORKER, answered("because"))
    found = await look(store, task)
    assert (found.state, found.text, found.chars, found.completion) == (TaskState.COMPLETED, "because", 7, DONE)
    assert found.finished_at is not None
    assert found.failure is None


async def test_a_failure_ends_a_task_with_its_reason(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    assert await store.finish(task, WORKER, Ending(TaskState.FAILED, AttemptState.FAILED, failure=BROKEN))
    found = await look(store, task)
    assert (found.state, found.failure, found.completion) == (TaskState.FAILED, BROKEN, None)
    assert found.attempts[0].failure == BROKEN


async def test_streamed_text_is_seen_in_order_while_it_comes(store: TaskStore):
    one, two = await running(store, new_task(), new_task(), sent=True)
    await store.add_pieces(WORKER, [(one, "a"), (two, "x"), (one, "b")])
    await store.add_pieces(WORKER, [(one, "c")])
    first, second = await look(store, one), await look(store, two)
    assert (first.text, first.chars) == ("abc", 3)
    assert (second.text, second.chars) == ("x", 1)


async def test_an_ending_without_text_keeps_the_streamed_pieces_in_order(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    expected = [f"{number} " for number in range(30)]
    for piece in expected:
        await store.add_pieces(WORKER, [(task, piece)])
    await store.finish(task, WORKER, Ending(TaskState.FAILED, AttemptState.FAILED, failure=BROKEN))
    assert (await look(store, task)).text == "".join(expected)


async def test_an_ending_with_text_takes_the_place_of_the_streamed_pieces(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.add_pieces(WORKER, [(task, "hal")])
    await store.finish(task, WORKER, answered("half and all"))
    found = await look(store, task)
    assert (found.text, found.chars) == ("half and all", 12)


async def test_text_from_a_worker_that_does_not_hold_the_task_is_not_taken(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.add_pieces(OTHER, [(task, "forged")])
    assert (await look(store, task)).text == ""
    await store.add_pieces(WORKER, [(task, "true")])
    assert (await look(store, task)).text == "true"


async def test_a_stale_worker_changes_nothing_by_finishing(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    before = await look(store, task)
    assert not await store.finish(task, OTHER, answered("stale"))
    assert await look(store, task) == before
    assert await store.last_ending() == 0


async def test_a_task_ends_once(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.finish(task, WORKER, answered("first"))
    before = await look(store, task)
    assert not await store.finish(task, WORKER, answered("second"))
    assert await look(store, task) == before


async def test_a_delivery_is_written_down_once(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.finish(task, WORKER, answered())
    assert (await look(store, task)).delivered_at is None
    await deliver(store, task)
    delivered = await look(store, task)
    assert delivered.delivered_at is not None
    await deliver(store, task)
    assert await look(store, task) == delivered


async def test_the_delivery_of_a_group_is_that_of_its_members(store: TaskStore):
    parent, *members = new_group(2)
    ids = await running(store, parent, *members)
    for task in ids:
        await store.finish(task, WORKER, answered())
    await deliver(store, parent.id)
    assert None not in [(await look(store, task)).delivered_at for task in [parent.id, *ids]]


async def test_a_task_that_has_not_ended_is_not_delivered(store: TaskStore):
    [task] = await running(store, new_task())
    await deliver(store, task)
    assert (await look(store, task)).delivered_at is None


async def test_the_newest_tasks_of_a_project_are_listed_without_members(store: TaskStore):
    ours = [(await added(store, new_task(project="/ours")))[0] for _ in range(3)]
    [theirs] = await added(store, new_task(project="/theirs"))
    parent, *members = new_group(2)
    await added(store, parent, *members)
    assert [task.id for task in await store.recent("/ours", 10)] == ours[::-1]
    assert [task.id for task in await store.recent("/ours", 2)] == ours[:0:-1]
    assert [task.id for task in await store.recent(None, 10)] == [parent.id, theirs, *ours[::-1]]
    assert await store.recent("/nobody's", 10) == []


async def test_tasks_that_have_not_ended_can_be_listed_alone(store: TaskStore):
    ended, going = await running(store, new_task(), new_task(project="/elsewhere"))
    [waiting] = await added(store, new_task(principal="ann"))
    await store.finish(ended, WORKER, answered("because"))
    assert [task.id for task in await store.recent(None, 10, active=True)] == [waiting, going]
    assert [task.id for task in await store.recent(None, 10, active=True, principal="ann")] == [waiting]
    assert {ended, going, waiting} == {task.id for task in await store.recent(None, 10)}


async def test_listed_tasks_know_how_long_their_text_is_but_not_the_text(store: TaskStore):
    ended, going = await running(store, new_task(), new_task(), sent=True)
    await store.finish(ended, WORKER, answered("because"))
    await store.add_pieces(WORKER, [(going, "be"), (going, "cause")])
    listed = await store.recent("/project", 10)
    assert [(task.id, task.chars, task.text) for task in listed] == [(going, 7, ""), (ended, 7, "")]


async def test_a_task_is_found_by_the_beginning_of_its_id(store: TaskStore):
    tasks = [replace(new_task(), id=start + "0" * 24) for start in ("abcd0000", "abcd1111", "abcd2222", "b0000000")]
    await added(store, *tasks)
    assert await store.find("b") == [tasks[3].id]
    assert await store.find("abcd1") == [tasks[1].id]
    assert await store.find(tasks[2].id) == [tasks[2].id]
    assert await store.find("c") == []
    several = await store.find("abcd")
    assert len(several) == 2
    assert set(several) < {task.id for task in tasks[:3]}


async def test_a_prune_takes_only_what_ended_before(store: TaskStore):
    ended, going = await running(store, new_task(), new_task(), sent=True)
    [waiting] = await added(store, new_task())
    await store.finish(ended, WORKER, answered())
    finished_at = (await look(store, ended)).finished_at
    assert finished_at is not None
    assert await store.prune(finished_at) == []
    assert await store.prune(finished_at + 1) == [ended]
    assert await store.task(ended) is None
    assert await states(store, [going, waiting]) == [TaskState.RUNNING, TaskState.QUEUED]


async def test_a_prune_takes_a_group_with_everything_that_belongs_to_it(store: TaskStore):
    parent, *members = new_group(2)
    ids = await running(store, parent, *members, sent=True)
    await store.finish(ids[0], WORKER, answered())
    assert await store.prune(FAR_FUTURE) == []
    await store.finish(ids[1], WORKER, answered())
    assert parent.id in await store.prune(FAR_FUTURE)
    assert [await store.task(task) for task in [parent.id, *ids]] == [None] * 3
    assert await store.endings(0) == []


async def test_changes_are_seen_whoever_made_them(store: TaskStore, open_store: OpenStore):
    async with open_store() as other:
        before = await store.changes()
        await added(other, new_task())
        theirs = await store.changes()
        await added(store, new_task())
        ours = await store.changes()
    assert len({before, theirs, ours}) == 3


async def test_reading_is_no_change(store: TaskStore, open_store: OpenStore):
    [task] = await added(store, new_task())
    async with open_store() as other:
        before = await store.changes()
        await other.task(task)
        await other.recent(None, 10)
        await store.task(task)
        assert await store.changes() == before
        await other.cancel(task)
        assert await store.changes() != before


async def test_a_worker_is_rung_at_the_door_it_was_enrolled_with(store: TaskStore):
    assert await store.doorbell(HERE) is None
    await store.enrol(WORKER, HERE, 1, 4001)
    await store.enrol("elsewhere", ELSEWHERE, 2, 4002)
    assert (await store.doorbell(HERE), await store.doorbell(ELSEWHERE)) == (4001, 4002)


async def test_a_later_worker_takes_the_place_of_an_earlier_one(store: TaskStore):
    await store.enrol(WORKER, HERE, 1, 4001)
    await store.enrol(OTHER, HERE, 2, None)
    assert await store.doorbell(HERE) is None
    await store.enrol(WORKER, HERE, 3, 4003)
    assert await store.doorbell(HERE) == 4003


@pytest.mark.parametrize(
    "text",
    [
        "", "žluťoučký kůň 🐎", "a\0b", "\0", "\r\n\t\x1b[31m", "\ufeff\u202e\uffff", "'; DROP TABLE tasks; --",
        "x" * 2_000_000,
    ],
    ids=["empty", "unicode", "nul inside", "nul alone", "controls", "odd points", "sql", "2 MB"],
)  # fmt: skip
async def test_any_text_survives(store: TaskStore, open_store: OpenStore, text: str):
    answered_whole, streamed = await running(store, new_task(f"?{text}"), new_task(), sent=True)
    await store.add_pieces(WORKER, [(streamed, text)])
    await store.finish(answered_whole, WORKER, answered(text))
    await store.finish(streamed, WORKER, Ending(TaskState.FAILED, AttemptState.FAILED, failure=Failure("x", text)))
    async with open_store() as other:
        whole, partial = await look(other, answered_whole), await look(other, streamed)
    assert whole.call == asking(f"?{text}")
    assert (whole.text, partial.text) == (text, text)
    assert partial.failure == Failure("x", text)
