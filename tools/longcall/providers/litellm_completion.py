"""How an answer ended, in our words: its reason, its tokens, its price, and what its reader must be told."""

from collections.abc import Sequence
from typing import Any

from longcall.call import Call
from longcall.models import Completion, Usage
from longcall.settings import PriceSettings


def completion(
    litellm: Any, call: Call, *, model: str, reason: str, usage: Any, has_text: bool, warnings: Sequence[str]
) -> Completion:
    """Returns the completion of an answer; `usage` is LiteLLM's of a chat, or None when nobody counted."""
    notes = list(warnings)
    counted = None if usage is None else _usage(usage)
    cost = None
    if counted is None or (has_text and counted.input_tokens == counted.output_tokens == 0):
        counted = None
        notes.append("The provider counted no tokens; usage and cost are unknown.")
    else:
        cost = _batch_cost(litellm, call.model, usage) if call.urgency == "batch" else _cost(litellm, call.model, usage)
    if reason == "length":
        notes.append("The answer was cut at its token limit (finish_reason `length`).")
    if reason == "content_filter":
        notes.append("The provider's filter withheld the answer or a part of it (finish_reason `content_filter`).")
    return Completion(model, reason, counted, cost, tuple(notes))


def own_cost(price: PriceSettings, usage: Usage) -> float:
    """Returns what a request cost at the operator's own price, in US dollars."""
    cached = usage.cached_input_tokens or 0
    cached_price = price.input_usd_per_1m if price.cached_input_usd_per_1m is None else price.cached_input_usd_per_1m
    asked = max(0, usage.input_tokens - cached) * price.input_usd_per_1m + cached * cached_price
    return (asked + usage.output_tokens * price.output_usd_per_1m) / 1_000_000


def _usage(usage: Any) -> Usage:
    asked = getattr(usage, "prompt_tokens_details", None)
    answered = getattr(usage, "completion_tokens_details", None)
    return Usage(
        input_tokens=usage.prompt_tokens or 0,
        output_tokens=usage.completion_tokens or 0,
        cached_input_tokens=getattr(asked, "cached_tokens", None),
        reasoning_tokens=getattr(answered, "reasoning_tokens", None),
    )


def _batch_cost(litellm: Any, model: str, usage: Any) -> float | None:
    try:
        known = litellm.get_model_info(model=model)
        prices = [known.get(f"{kind}_cost_per_token_batches") for kind in ("input", "output")]
        if None in prices:
            return None  # LiteLLM would say half of the price that it knows
        return sum(litellm.cost_calculator.batch_cost_calculator(usage=usage, model=model, model_info=known))
    except Exception:  # noqa: BLE001  # as below
        return None


def _cost(litellm: Any, model: str, usage: Any) -> float | None:
    try:
        cost = sum(litellm.cost_per_token(model=model, usage_object=usage))
    except Exception:  # noqa: BLE001  # LiteLLM raises a plain Exception for a model whose price it does not know
        return None
    # For some providers' unlisted models LiteLLM says 0 where it knows nothing.
    is_listed = model in litellm.model_cost or model.partition("/")[2] in litellm.model_cost
    return cost if cost or is_listed else None
