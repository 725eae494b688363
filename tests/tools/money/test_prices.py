"""What tokens cost, and what a request is estimated at."""

from dataclasses import replace
from typing import Any

import pytest

from longcall.call import Call, Message
from longcall.calling import new_call
from longcall.catalog import price_list
from longcall.models import Usage
from longcall.money.estimating import MOST_OUTPUT, estimate
from longcall.money.prices import Price, Prices
from longcall.providers import Talk
from longcall.providers.litellm_completion import own_cost
from longcall.settings import PriceSettings

LISTED: dict[str, dict[str, Any]] = {
    "gpt-x": {"litellm_provider": "openai", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6,
              "max_output_tokens": 1000, "input_cost_per_token_above_200k_tokens": 3e-6,
              "output_cost_per_token_above_200k_tokens_flex": 9.0},
    "gemini/thinks": {"litellm_provider": "gemini", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6,
                      "output_cost_per_reasoning_token": 5e-6, "max_output_tokens": 65_000},
    "bare/model": {"litellm_provider": "bare", "output_cost_per_token": 2e-6},
    "claude-opus-4": {"litellm_provider": "anthropic", "input_cost_per_token": 5e-6, "output_cost_per_token": 25e-6},
    "claude-opus-5": {"litellm_provider": "anthropic", "input_cost_per_token": 4e-6, "output_cost_per_token": 30e-6},
    "claude-haiku-5": {"litellm_provider": "anthropic", "input_cost_per_token": 1e-6, "output_cost_per_token": 5e-6},
}  # fmt: skip
OWN = {"lab/q": PriceSettings(input_usd_per_1m=2, output_usd_per_1m=4), "openai/gpt-x": PriceSettings(
    input_usd_per_1m=10, output_usd_per_1m=20)}  # fmt: skip


def prices(**options: Any) -> Prices:
    return replace(Prices(listed=lambda: LISTED), **options)


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("openai/gpt-x", Price(1e-6, 2e-6)),
        ("gpt-x", Price(1e-6, 2e-6)),
        ("mistral/gpt-x", None),
        ("gemini/thinks", Price(1e-6, 5e-6)),
        ("bare/model", None),
        ("lab/q", None),
        ("demo/echo", Price(0, 0)),
        ("max/opus", Price(0, 0)),
        ("meta-task/any", Price(0, 0)),
    ],
)
def test_the_list_tells_prices_and_what_it_does_not_know_is_unknown(model: str, price: Price | None):
    assert prices().of(model) == price


def test_long_requests_of_some_models_cost_more():
    assert prices().of("openai/gpt-x", 200_000) == Price(1e-6, 2e-6)
    assert prices().of("openai/gpt-x", 200_001) == Price(3e-6, 2e-6)


def test_the_operators_prices_come_over_the_list():
    assert prices(own=OWN).of("openai/gpt-x") == Price(10e-6, 20e-6)
    assert prices(own=OWN).of("lab/q") == Price(2e-6, 4e-6)


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("max/opus", Price(5e-6, 30e-6)),
        ("max/claude-haiku-5", Price(1e-6, 5e-6)),
        ("max/reviewer", Price(5e-6, 30e-6)),
        ("max/", Price(5e-6, 30e-6)),
    ],
)
def test_claude_on_a_key_costs_the_dearest_that_its_name_may_mean(model: str, price: Price):
    assert prices(bills_claude=True).of(model) == price
    assert Prices(listed=dict, bills_claude=True).of(model) is None


def test_an_estimate_holds_all_that_is_sent_and_the_longest_answer():
    call = new_call(model="openai/gpt-x", prompt="x" * 400, max_tokens=50)
    plain = estimate(prices(), call)
    assert (plain.input_tokens, plain.output_tokens, plain.tokens) == (104, 50, 154)
    assert plain.usd == pytest.approx(104e-6 + 100e-6)
    talk = Talk([{"name": "tool", "description": "d" * 400}], [{"role": "tool", "content": "r" * 400}])
    assert estimate(prices(), call, talk).input_tokens > plain.input_tokens + 200
    assert estimate(prices(), call, more_tokens=7).input_tokens == 111
    schema = call.model_copy(update={"response_schema": {"description": "s" * 400}})
    assert estimate(prices(), schema).input_tokens > plain.input_tokens + 100


def test_parts_that_are_no_text_count_too():
    file = {"type": "file", "file": {"file_data": "x" * 400_000}}
    parts: list[dict[str, Any]] = [{"type": "text", "text": "x" * 40}, {"type": "image_url", "image_url": {}}, file]
    call = Call(model="openai/gpt-x", messages=(Message(role="user", content=parts),))
    assert estimate(prices(), call).input_tokens == 4 + 10 + 1_600 + 10_000


@pytest.mark.parametrize(
    ("model", "most"), [("openai/gpt-x", 1000), ("gemini/thinks", MOST_OUTPUT), ("lab/q", MOST_OUTPUT)]
)
def test_without_max_tokens_an_answer_is_bounded_by_what_the_model_can(model: str, most: int):
    assert estimate(prices(), new_call(model=model, prompt="why?")).output_tokens == most


def test_an_unknown_price_makes_an_estimate_without_dollars():
    assert estimate(prices(), new_call(model="lab/q", prompt="why?")).usd is None
    assert estimate(prices(), new_call(model="demo/echo", prompt="why?")).usd == 0


def test_cached_input_costs_what_the_operator_says():
    usage = Usage(1_000_000, 500_000, cached_input_tokens=400_000)
    price = PriceSettings(input_usd_per_1m=2, output_usd_per_1m=4)
    assert own_cost(price, usage) == pytest.approx(4.0)
    assert own_cost(price.model_copy(update={"cached_input_usd_per_1m": 0.5}), usage) == pytest.approx(3.4)
    assert own_cost(price, Usage(1_000_000, 0)) == pytest.approx(2.0)


def test_the_list_that_comes_with_litellm_is_read():
    found = Prices(listed=price_list).of("openai/gpt-4o-mini")
    assert found is not None
    assert found.input > 0
