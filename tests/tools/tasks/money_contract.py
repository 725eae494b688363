"""What any TaskStore must do about money: caps held before a request leaves, and spending kept beyond the tasks."""

from dataclasses import replace
from typing import Any

import anyio
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
    SetClock,
    answered,
    look,
    new_task,
    running,
)

from longcall.errors import ProviderError, StaleClaimError
from longcall.models import AttemptState, Completion, Role, TaskState, Usage
from longcall.money.estimate import Estimate
from longcall.money.toll import Toll
from longcall.money.usage import Line
from longcall.settings import TaskCaps
from longcall.tasks.store import Ending, TaskStore

DAY_MS = 86_400_000


def toll(usd: float | None = 0.25, tokens: int = 100, **caps: Any) -> Toll:
    """Returns a request that may cost so much, and the caps that it is held to."""
    return Toll("m", Estimate(0, tokens, usd), TaskCaps(**caps) if caps else None)


def cost(usd: float | None, usage: Usage | None = None) -> Completion:
    """Returns how an answer ended that cost so much."""
    return replace(DONE, cost_usd=usd, usage=usage)


async def send(store: TaskStore, task: str, asked: Toll, role: Role = Role.ANSWER) -> int:
    """Has a request be written down."""
    return await store.mark_sent(task, WORKER, asked.model, role, None, asked)


async def refused(store: TaskStore, task: str, asked: Toll) -> str:
    """Has a request be refused; returns the sentence."""
    before = await look(store, task)
    with pytest.raises(ProviderError) as error:
        await send(store, task, asked)
    assert (error.value.failure.code, error.value.failure.retryable) == ("budget", False)
    assert await look(store, task) == before
    return error.value.failure.message


async def counted(store: TaskStore) -> tuple[float, int]:
    """Returns what counts against caps of what has ended today."""
    lines = await store.spending(1)
    return sum(line.counted_usd for line in lines), sum(line.counted_tokens for line in lines)


async def test_estimates_of_what_is_under_way_fill_the_cap_of_a_day(store: TaskStore):
    tasks = await running(store, *(new_task() for _ in range(5)))
    capped = toll(day_usd=1)
    for task in tasks[:4]:
        assert await send(store, task, capped) == 1
    assert "`caps.day_usd` allows $1 for a day" in await refused(store, tasks[4], capped)
    assert await send(store, tasks[4], toll()) == 1  # without a cap it goes


async def test_what_it_cost_takes_the_place_of_the_estimate(store: TaskStore):
    first, second, third = await running(store, *(new_task() for _ in range(3)))
    capped = toll(0.6, day_usd=1)
    await send(store, first, capped)
    await refused(store, second, capped)
    await store.finish(first, WORKER, replace(answered(), completion=cost(0.1)))
    await send(store, second, capped)
    await store.finish(second, WORKER, replace(answered(), completion=cost(0.4)))
    said = await refused(store, third, capped)
    assert "$0.5 are spent, $0 are held for requests under way, and $0.5 are left; this one to m may cost $0.6" in said
    assert await counted(store) == (pytest.approx(0.5), 200)


@pytest.mark.parametrize(
    ("ending", "usd"),
    [
        (replace(answered(), completion=cost(None)), 0.6),
        (Ending(TaskState.CANCELLED, AttemptState.CANCELLED), 0.6),
        (Ending(TaskState.FAILED, AttemptState.FAILED, failure=BROKEN), 0.6),
        (Ending(TaskState.FAILED, AttemptState.FAILED, failure=BROKEN, refused=True), 0.0),
    ],
)
async def test_what_nobody_knows_the_cost_of_counts_at_its_estimate(store: TaskStore, ending: Ending, usd: float):
    [task] = await running(store, new_task())
    await send(store, task, toll(0.6))
    await store.finish(task, WORKER, ending)
    [line] = await store.spending(1)
    assert (line.requests, line.cost_usd, line.counted_usd) == (1, 0, usd)
    assert (line.unpriced, line.counted_tokens) == ((1, 100) if usd else (0, 0))


@pytest.mark.parametrize(("state", "usd"), [(AttemptState.LOST, 0.6), (AttemptState.FAILED, 0.0)])
async def test_a_request_that_was_turned_away_counts_for_nothing(store: TaskStore, state: AttemptState, usd: float):
    [task] = await running(store, new_task())
    await send(store, task, toll(0.6))
    await store.end_attempt(task, WORKER, BROKEN, state)
    assert (await counted(store))[0] == usd


@pytest.mark.parametrize("wanted", ["report", "retry"])
async def test_a_request_whose_worker_died_counts_once_and_at_its_estimate(store: TaskStore, wanted: str):
    lost, other = await running(store, new_task(on_interrupt=wanted), new_task())
    capped = toll(0.6, day_usd=1)
    await send(store, lost, capped)
    await store.recover(HERE, None)
    assert await counted(store) == (0.6, 100)
    await store.recover(HERE, None)
    assert not await store.finish(lost, WORKER, answered())
    assert await counted(store) == (0.6, 100)
    await store.claim(HERE, OTHER, 10)
    with pytest.raises(ProviderError):
        await store.mark_sent(other, OTHER, "m", toll=capped)
    assert await store.mark_sent(other, OTHER, "m", toll=toll(0.4, day_usd=1)) == 1


async def test_caps_hold_for_everybody_on_the_store(store: TaskStore, open_store: OpenStore):
    [ours] = await running(store, new_task())
    [theirs] = await running(store, new_task(project="/elsewhere", principal="ann"))
    async with open_store() as other:
        await send(other, theirs, toll(0.7))
    await refused(store, ours, toll(0.7, day_usd=1))
    await send(store, ours, toll(0.3, day_usd=1))


async def test_many_at_once_never_pass_a_cap(store: TaskStore, open_store: OpenStore):
    tasks = await running(store, *(new_task() for _ in range(60)))
    sent: list[str] = []

    async def attempt(of: TaskStore, task: str) -> None:
        try:
            await send(of, task, toll(0.1, day_usd=1))
        except ProviderError:
            return
        sent.append(task)

    async with open_store() as other, anyio.create_task_group() as group:
        for place, task in enumerate(tasks):
            group.start_soon(attempt, other if place % 2 else store, task)
    assert len(sent) == 10


async def test_the_cap_of_a_call_counts_all_its_requests_and_no_others(store: TaskStore):
    task, other = await running(store, new_task(), new_task())
    capped = toll(0.4, call_usd=1)
    await send(store, other, toll(5.0))
    await send(store, task, capped)
    await store.note_answer(task, WORKER, Role.ANSWER, "no", cost(0.4))
    await send(store, task, capped, Role.JUDGE)
    await store.note_answer(task, WORKER, Role.JUDGE, "fail", cost(0.4))
    assert "allows $1 for this call, of which $0.8 are spent" in await refused(store, task, capped)
    assert await send(store, task, toll(0.1, call_usd=1)) == 3


async def test_the_cap_of_a_project_counts_its_tasks_of_all_days(store: TaskStore, open_store: OpenStore):
    clock = SetClock()
    async with open_store(clock=clock.clock) as dated:
        first, second, elsewhere = await running(dated, new_task(), new_task(), new_task(project="/other"))
        await send(dated, first, toll(0.7))
        await dated.finish(first, WORKER, replace(answered(), completion=cost(0.7)))
        clock.spend(40 * DAY_MS)
        await refused(dated, second, toll(0.7, project_usd=1))
        await send(dated, elsewhere, toll(0.7, project_usd=1))
        await send(dated, second, toll(0.2, project_usd=1))
        assert (await dated.spent(second, "project")).open_usd == 0.2


async def test_the_cap_of_a_day_begins_anew_but_what_is_under_way_counts(store: TaskStore, open_store: OpenStore):
    clock = SetClock()
    async with open_store(clock=clock.clock) as dated:
        ended, going, new = await running(dated, new_task(), new_task(), new_task())
        await send(dated, ended, toll(0.5))
        await dated.finish(ended, WORKER, replace(answered(), completion=cost(0.5)))
        await send(dated, going, toll(0.3))
        await refused(dated, new, toll(0.3, day_usd=1))
        clock.spend(DAY_MS)
        await refused(dated, new, toll(0.8, day_usd=1))
        await send(dated, new, toll(0.7, day_usd=1))


async def test_tokens_are_capped_too_and_counted_as_the_provider_counts_them(store: TaskStore):
    first, second, third = await running(store, *(new_task() for _ in range(3)))
    capped = toll(None, 60, day_tokens=100, unpriced="allow")
    await send(store, first, capped)
    assert "`caps.day_tokens` allows 100 tokens for a day" in await refused(store, second, capped)
    await store.finish(first, WORKER, replace(answered(), completion=cost(None, Usage(30, 9))))
    await send(store, second, capped)
    await store.finish(second, WORKER, replace(answered(), completion=cost(None, Usage(30, 9))))
    await refused(store, third, capped)
    assert await counted(store) == (0, 78)


async def test_what_costs_nothing_by_estimate_counts_for_nothing_in_dollars(store: TaskStore):
    [task] = await running(store, new_task())
    await send(store, task, toll(0.0, day_usd=0))
    await store.finish(task, WORKER, replace(answered(), completion=cost(0.5, Usage(3, 2))))
    [line] = await store.spending(1)
    assert (line.cost_usd, line.counted_usd, line.counted_tokens) == (0.5, 0, 5)
    assert (await look(store, task)).attempts[0].cost_usd == 0.5


async def test_a_request_that_is_not_its_to_send_is_told_apart_from_one_without_room(store: TaskStore):
    [task] = await running(store, new_task())
    with pytest.raises(StaleClaimError):
        await store.mark_sent(task, OTHER, "m", toll=toll(5, day_usd=1))


async def test_the_text_so_far_stays_when_the_next_request_has_no_room(store: TaskStore):
    [task] = await running(store, new_task())
    await send(store, task, toll(0.9))
    await store.note_answer(task, WORKER, Role.ANSWER, "the first", cost(0.9))
    await refused(store, task, toll(0.9, day_usd=1))
    assert (await look(store, task)).text == "the first"


async def test_spending_is_added_up_and_outlives_the_tasks(store: TaskStore, open_store: OpenStore):
    clock = SetClock()
    usage = Usage(10, 5, 4, 2)
    async with open_store(clock=clock.clock) as dated:
        for project, principal in (("/a", ""), ("/a", ""), ("/b", "ann")):
            [task] = await running(dated, new_task(project=project, principal=principal))
            await send(dated, task, toll())
            await dated.finish(task, WORKER, replace(answered(), completion=cost(0.25, usage)))
        clock.spend(DAY_MS)
        [unpriced] = await running(dated, new_task(project="/a", environment=HERE))
        await send(dated, unpriced, toll(None))
        await dated.finish(unpriced, WORKER, replace(answered(), completion=cost(None)))
        assert len(await dated.prune(FAR_FUTURE)) == 4
        lines = await dated.spending(2)
        assert await dated.spending(1) == lines[2:]
    first = Line("2027-01-15", "/a", "", "m", 2, 0, 20, 10, 8, 4, 0.5, 0.5, 30)
    ann = Line("2027-01-15", "/b", "ann", "m", 1, 0, 10, 5, 4, 2, 0.25, 0.25, 15)
    later = Line("2027-01-16", "/a", "", "m", 1, 1, 0, 0, 0, 0, 0, 0, 100)
    assert lines == [first, ann, later]


async def test_turns_and_judges_are_booked_once_each(store: TaskStore):
    [task] = await running(store, new_task())
    for role in (Role.ANSWER, Role.JUDGE):
        await send(store, task, toll(), role)
        await store.note_answer(task, WORKER, role, "so", cost(0.125))
    await store.finish(task, WORKER, answered("so"))
    [line] = await store.spending(1)
    assert (line.requests, line.cost_usd) == (2, 0.25)
    assert sum(attempt.cost_usd or 0 for attempt in (await look(store, task)).attempts) == line.cost_usd
    assert (await store.spent(task, "call")).usd == 0.25


async def test_a_worker_elsewhere_is_held_to_the_same_cap(store: TaskStore):
    [ours] = await running(store, new_task())
    await store.add([new := new_task(environment=ELSEWHERE)])
    await store.claim(ELSEWHERE, OTHER, 1)
    await store.mark_sent(new.id, OTHER, "m", toll=toll(0.9))
    await refused(store, ours, toll(0.2, day_usd=1))
