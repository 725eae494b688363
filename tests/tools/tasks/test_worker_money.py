"""A worker that is held to caps."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest
from tools.tasks.bench import DONE, Answers, Bench, bench
from tools.tasks.samples import new_task

from longcall.call import Call
from longcall.errors import ProviderError, StoreError
from longcall.models import Role, Task, TaskState
from longcall.money.prices import Prices
from longcall.providers import Event, Sending
from longcall.retry import Retry
from longcall.settings import PriceSettings, TaskCaps
from longcall.validators import parse_validators

__all__ = ["bench"]
MODEL = "openai/x"
PRICE = PriceSettings(input_usd_per_1m=0, output_usd_per_1m=1_000_000)
PRICES = Prices({MODEL: PRICE}, listed=dict)
"""A token of an answer costs a dollar."""


def capped(*, retry: Retry | None = None, validate: Any = (), **caps: Any) -> Any:
    """Returns a task whose answers take a token at most, and cost half a dollar."""
    validators = parse_validators(validate)
    return new_task(model=MODEL, max_tokens=1, caps=TaskCaps(**caps), validators=validators, retry=retry)


async def done(bench: Bench, task: Any, provider: Answers, prices: Prices = PRICES) -> Task:
    """Has a worker take a task to its end."""
    async with bench.working(provider, prices=prices):
        [made] = await bench.add(task)
        return await bench.until(made, lambda found: found.state.is_final)


async def says(_call: Call, sending: Sending) -> AsyncGenerator[Event]:
    await sending()
    yield "no"
    yield DONE


async def dear(_call: Call, sending: Sending) -> AsyncGenerator[Event]:
    await sending()
    yield "no"
    yield replace(DONE, cost_usd=4.0)


SAYS = Answers(says)


async def test_an_answer_that_is_there_is_kept_when_the_next_has_no_room(bench: Bench):
    found = await done(bench, capped(validate=["json"], call_usd=1.4), SAYS)
    assert (found.state, found.text) == (TaskState.FAILED, "no")
    assert found.failure is not None
    assert found.failure.code == "budget"
    assert "`caps.call_usd` allows $1.4 for this call, of which $0.5 are spent" in found.failure.message
    assert [attempt.cost_usd for attempt in found.attempts] == [0.5]


async def test_the_best_answer_is_returned_where_the_caller_wants_it(bench: Bench):
    retry = Retry(on_exhausted="return_best")
    found = await done(bench, capped(validate=["json"], retry=retry, day_usd=1.4), SAYS)
    assert (found.state, found.text) == (TaskState.COMPLETED, "no")
    assert found.completion is not None
    assert "caps.day_usd" in found.completion.warnings[0]


async def test_with_room_it_is_asked_again_to_the_end(bench: Bench):
    found = await done(bench, capped(validate=["json"], retry=Retry(stop_without_progress=False), day_usd=9), SAYS)
    assert (found.failure and found.failure.code, len(found.attempts)) == ("validation_failed", 3)


async def test_a_judge_is_held_to_the_caps_of_its_task(bench: Bench):
    judged = [{"type": "judge", "criteria": "good", "models": [MODEL]}]
    found = await done(bench, capped(validate=judged, call_usd=1.4), SAYS)
    assert [attempt.role for attempt in found.attempts] == [Role.ANSWER]
    assert found.failure is not None
    assert "caps.call_usd" in found.failure.message
    more = await done(bench, capped(validate=judged, call_usd=1e6), SAYS)
    assert {attempt.role for attempt in more.attempts} == {Role.ANSWER, Role.JUDGE}


async def test_a_price_that_nobody_knows_is_refused_unless_allowed(bench: Bench):
    nothing = Prices(listed=dict)
    found = await done(bench, capped(day_usd=1), SAYS, nothing)
    assert found.failure is not None
    assert (found.failure.code, found.attempts) == ("budget", ())
    assert f'[prices."{MODEL}"]' in found.failure.message
    allowed = await done(bench, capped(day_usd=1, unpriced="allow"), SAYS, nothing)
    assert allowed.state is TaskState.COMPLETED


async def test_a_refusal_by_the_provider_costs_nothing(bench: Bench):
    async def refuses(_call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        raise ProviderError("no_access", "The key was refused.", refused=True)
        yield ""

    async def breaks(_call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        raise ProviderError("incomplete_stream", "It broke off.")
        yield ""

    for provider, usd in ((Answers(refuses), 0.0), (Answers(breaks), 1.0)):
        task = await done(bench, capped(day_usd=9), provider)
        assert (await bench.store.spent(task.id, "call")).usd == usd
    assert (await bench.store.spent(task.id, "day")).usd == 1.0


async def test_most_of_a_cap_that_is_spent_is_told_with_the_answer(bench: Bench):
    await done(bench, capped(), Answers(dear))
    far, near = [await done(bench, capped(day_usd=most, call_usd=1), SAYS) for most in (6, 5.5)]
    assert far.completion == DONE
    assert near.completion == replace(DONE, warnings=("82% of `caps.day_usd` is spent.",))


async def test_a_store_that_cannot_tell_takes_no_answer(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    async def broken(*_: Any) -> Any:
        raise StoreError("not now")

    monkeypatch.setattr(bench.store, "spent", broken)
    found = await done(bench, capped(day_usd=9), SAYS)
    assert (found.state, found.text) == (TaskState.COMPLETED, "no")
