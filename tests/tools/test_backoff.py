"""What is worth another request, and after how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longcall.backoff import Backoff
from longcall.errors import ProviderError

SHARES = st.floats(0, 1)


def refused(retry_after: float | None = None) -> ProviderError:
    """Returns the error of a provider that turned the request away for a reason that may pass."""
    return ProviderError("rate_limit", "Slower.", retryable=True, refused=True, retry_after=retry_after)


@pytest.mark.parametrize(("retryable", "turned_away"), [(True, False), (False, True), (False, False)])
def test_only_what_was_turned_away_for_a_passing_reason_is_asked_again(retryable: bool, turned_away: bool):
    error = ProviderError("x", "X.", retryable=retryable, refused=turned_away, retry_after=1)
    assert Backoff().delay(1, error) is None
    assert Backoff().delay(1, refused(1)) == 1


@given(st.integers(1, 10), SHARES)
def test_the_last_request_is_not_followed_by_another(attempts: int, share: float):
    backoff = Backoff(attempts)
    assert [backoff.delay(number, refused(), share) is None for number in range(1, attempts + 2)] == [
        *[False] * (attempts - 1),
        True,
        True,
    ]


@given(st.integers(1, 60), SHARES)
def test_delays_double_up_to_the_longest(number: int, share: float):
    delay = Backoff(attempts=100, first_s=1, longest_s=30).delay(number, refused(), share)
    full = min(30, 2 ** (number - 1))
    assert delay is not None
    assert full / 2 <= delay <= full


def test_jitter_spreads_the_delays_and_is_drawn_when_not_given():
    backoff = Backoff()
    assert (backoff.delay(1, refused(), 0), backoff.delay(1, refused(), 1)) == (0.5, 1)
    assert len({backoff.delay(1, refused()) for _ in range(20)}) > 1


@pytest.mark.parametrize(("wish", "delay"), [(0, 0), (7.5, 7.5), (30, 30), (30.1, None), (86_400, None)])
def test_the_provider_is_given_the_time_it_asks_for_unless_it_is_too_long(wish: float, delay: float | None):
    assert Backoff(longest_s=30).delay(1, refused(wish)) == delay
