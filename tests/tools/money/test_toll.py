"""Caps and their sentences."""

import pytest

from longcall.errors import ProviderError
from longcall.money.estimate import Estimate
from longcall.money.toll import Spent, Toll, nearing
from longcall.settings import TaskCaps


def toll(usd: float | None = 0.25, **caps: object) -> Toll:
    return Toll("openai/x", Estimate(1_200, 800, usd), TaskCaps.model_validate(caps))


def refusal(asked: Toll, scope: str, spent: Spent) -> str:
    with pytest.raises(ProviderError) as error:
        asked.demand_room(scope, spent)  # pyright: ignore[reportArgumentType]  # a scope's word
    assert error.value.failure.code == "budget"
    return error.value.failure.message


def test_a_refusal_says_which_cap_what_is_spent_held_and_left_and_who_raises_it_where():
    asked = toll(day_usd=1, origins={"day_usd": "/home/ann/longcall.toml"})
    assert refusal(asked, "day", Spent(usd=0.85, open_usd=0.32)) == (
        "Nothing was sent: `caps.day_usd` allows $1 for a day, of which $0.85 are spent, $0.07 are held for requests"
        " under way, and $0.08 are left; this one to openai/x may cost $0.25 (1,200 tokens in, 800 out at most)."
        " Who runs longcall can raise it in /home/ann/longcall.toml; a smaller `max_tokens` leaves more room."
        " It begins anew at 00:00 UTC."
    )


def test_what_a_caller_lowered_is_the_callers_to_raise():
    said = refusal(toll(call_usd=0.1, origins={"call_usd": "max_cost_usd"}), "call", Spent(open_usd=0.25))
    assert "`max_cost_usd` allows $0.1 for this call" in said
    assert "Whoever calls can raise it" in said
    assert "longcall.toml" not in said


def test_a_cap_of_unknown_origin_is_found_by_the_command_that_tells():
    said = refusal(toll(project_tokens=1_000), "project", Spent(tokens=1, open_tokens=2_000))
    assert "`caps.project_tokens` allows 1,000 tokens for this project, of which 1 tokens are spent" in said
    assert "longcall config show" in said
    assert "UTC" not in said


def test_what_fits_exactly_may_go():
    asked = toll(0.1, day_usd=0.3)
    asked.demand_room("day", Spent(usd=0.1, open_usd=0.1 + 0.1))
    refusal(asked, "day", Spent(usd=0.1, open_usd=0.1 + 0.1 + 0.001))
    Toll("x", Estimate(1, 1, 5.0)).demand_room("day", Spent(usd=100))


@pytest.mark.parametrize("cap", ["call_usd", "day_usd", "project_usd"])
def test_a_cap_in_dollars_refuses_what_nobody_knows_the_price_of(cap: str):
    with pytest.raises(ProviderError, match=rf'`caps.{cap}` caps .* \[prices."openai/x"\] .* caps.unpriced = "allow"'):
        toll(None, **{cap: 1}).demand_priced()
    toll(None, **{cap: 1, "unpriced": "allow"}).demand_priced()
    toll(0.1, **{cap: 1}).demand_priced()


def test_caps_in_tokens_need_no_price():
    toll(None, day_tokens=5).demand_priced()
    Toll("x", Estimate(1, 1, None)).demand_priced()


def test_a_cap_of_which_most_is_spent_is_told():
    caps = TaskCaps(day_usd=1, day_tokens=100)
    assert nearing(caps, "day", Spent(usd=0.79, tokens=79)) == []
    assert nearing(caps, "day", Spent(usd=0.8, tokens=99)) == [
        "80% of `caps.day_usd` is spent.", "99% of `caps.day_tokens` is spent.",
    ]  # fmt: skip
    assert nearing(TaskCaps(day_usd=0), "day", Spent()) == []
