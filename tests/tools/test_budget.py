"""What requests have cost, and whether another may leave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longcall.budget import Spent, reached, within
from longcall.calling import new_call
from longcall.errors import Failure
from longcall.models import Attempt, AttemptState, Completion, Role, Usage
from longcall.retry import Budget

ASKED = 400
BROKE = Failure("incomplete_stream", "It broke off.")


def attempt(state: AttemptState, cost_usd: float | None = None, usage: Usage | None = None, **kept: str) -> Attempt:
    """Returns an attempt of an earlier worker."""
    completion = Completion("m", "stop", usage, cost_usd) if state is AttemptState.ANSWERED else None
    failure = BROKE if state is AttemptState.FAILED else None
    return Attempt(1, "m", state, 1, 2, usage, cost_usd, failure, completion=completion, text=kept.get("text"))


def test_what_is_counted_is_added_up():
    spent = (
        Spent()
        .plus(Completion("m", "stop", Usage(10, 5), 0.25), 999)
        .plus(Completion("m", "stop", Usage(1, 2), 0.5), 9)
    )
    assert spent == Spent(18, 0.75)


def test_what_nobody_counted_is_estimated_from_the_texts():
    assert Spent().plus(Completion("m", "stop", None, 0.0), 400) == Spent(100, 0.0)


def test_one_unknown_price_makes_the_sum_unknown():
    known, unknown = Completion("m", "stop", Usage(1, 1), 0.5), Completion("m", "stop", Usage(1, 1))
    assert Spent().plus(known, 0).is_price_known
    spent = Spent().plus(unknown, 0).plus(known, 0)
    assert (spent.usd, spent.is_price_known) == (0.5, False)


def test_a_request_that_told_nothing_has_no_known_price():
    assert Spent().plus_unknown(400) == Spent(100, 0.0, is_price_known=False)


def test_attempts_of_an_earlier_worker_count():
    past = (
        attempt(AttemptState.ANSWERED, 0.5, Usage(3, 4)),
        attempt(AttemptState.ANSWERED, 0.25, None, text="x" * 400),
    )
    assert Spent().of(past, ASKED) == Spent(7 + (ASKED + 400) // 4, 0.75)


def test_a_judge_of_an_earlier_worker_counts_too():
    judged = Attempt(2, "j", AttemptState.ANSWERED, 1, 2, None, 0.5, None, Role.JUDGE,
                     completion=Completion("j", "stop", Usage(3, 4), 0.5), text="{}")  # fmt: skip
    assert Spent().of((judged,)) == Spent(7, 0.5)


def test_a_lost_attempt_may_have_been_billed_and_a_refused_one_was_not():
    assert not Spent().of((attempt(AttemptState.LOST),), ASKED).is_price_known
    assert Spent().of((attempt(AttemptState.LOST),), ASKED).tokens == ASKED // 4
    assert Spent().of((attempt(AttemptState.FAILED),), ASKED) == Spent()


@pytest.mark.parametrize(
    ("budget", "spent", "seconds", "says"),
    [
        (Budget(), Spent(10**9, 10**6, is_price_known=False), 10**9, None),
        (Budget(tokens=10), Spent(9), 0, None),
        (Budget(tokens=10), Spent(10), 0, "10 tokens are spent of a budget of 10."),
        (Budget(usd=0.5), Spent(usd=0.49), 0, None),
        (Budget(usd=0.5), Spent(usd=0.5), 0, "$0.5 are spent of a budget of $0.5."),
        (Budget(usd=0.5), Spent(is_price_known=False), 0, "unknown"),
        (Budget(tokens=10), Spent(is_price_known=False), 0, None),
        (Budget(seconds=60), Spent(), 59.9, None),
        (Budget(seconds=60), Spent(), 60, "60 s are gone of a budget of 60 s."),
    ],
)
def test_a_limit_is_reached_when_all_of_it_is_spent(budget: Budget, spent: Spent, seconds: float, says: str | None):
    found = reached(budget, spent, seconds)
    assert (found is None) == (says is None)
    assert (says or "") in (found or "")


COMPLETIONS = st.builds(
    Completion,
    st.just("m"),
    st.just("stop"),
    st.none() | st.builds(Usage, st.integers(0, 1_000), st.integers(0, 1_000)),
    st.none() | st.floats(0, 10),
)


@given(st.lists(COMPLETIONS, max_size=20), st.integers(1, 5_000), st.floats(0.01, 20))
def test_spending_until_a_limit_is_reached_passes_it_by_one_request_at_most(
    completions: list[Completion], tokens: int, usd: float
):
    spent, before = Spent(), Spent()
    for completion in completions:
        if reached(Budget(tokens=tokens, usd=usd), spent, 0):
            break
        before, spent = spent, spent.plus(completion, 40)
    assert before.tokens < tokens
    assert before.usd < usd
    assert before.is_price_known


def test_what_is_left_of_a_budget_goes_with_the_call():
    call = new_call(model="demo/echo", prompt="x", retry={"budget": {"usd": 1.0, "tokens": 5}, "max_attempts": 7})
    left = within(call, call.policy.budget, Spent(usd=0.25)).policy
    assert (left.budget.usd, left.budget.tokens, left.max_attempts) == (0.75, 5, 7)
    assert 0 < (within(call, call.policy.budget, Spent(usd=2.0)).policy.budget.usd or 0) < 0.01
    assert within(call, Budget(), Spent(usd=2.0)) is call
