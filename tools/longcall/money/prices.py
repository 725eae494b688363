"""What tokens cost: the operator's own prices over those that LiteLLM lists."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from longcall.catalog import entry_of, price_list
from longcall.routing import MAX, Route, route
from longcall.settings import PriceSettings

_ABOVE = re.compile(r"_above_(\d+)k_tokens")
_CLAUDE = "claude"
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one token."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """Returns US dollars for so many tokens."""
        return input_tokens * self.input + output_tokens * self.output


@dataclass(frozen=True, slots=True)
class Prices:
    """What is known of prices here."""

    own: Mapping[str, PriceSettings] = field(default_factory=dict[str, PriceSettings])
    listed: Callable[[], Mapping[str, Mapping[str, Any]]] = price_list
    """LiteLLM's list."""
    bills_claude: bool = False
    """Whether Claude's command line bills a key instead of its subscription."""

    def of(self, model: str, input_tokens: int = 0) -> Price | None:
        """Returns the price of a model for requests of so many tokens; None where nobody knows it.

        What is on a subscription, and what answers from a script, costs nothing for a request.
        """
        match route(model):
            case Route.CLAUDE:
                return self._claude(model, input_tokens) if self.bills_claude else Price(0, 0)
            case Route.LITELLM:
                if (own := self.own.get(model)) is not None:
                    return Price(own.input_usd_per_1m / _MILLION, own.output_usd_per_1m / _MILLION)
                entry = entry_of(model, self.listed())
                return None if entry is None else _price(entry, input_tokens)
            case Route.SCRIPTED | Route.GIVEN | Route.CHECK | Route.COMBINE:
                return Price(0, 0)

    def most_output(self, model: str) -> int | None:
        """Returns the tokens that the model answers with at most, where the list knows it."""
        entry = entry_of(model, self.listed()) if route(model) is Route.LITELLM else None
        return entry.get("max_output_tokens") if entry is not None else None

    def _claude(self, model: str, input_tokens: int) -> Price | None:
        """Returns the dearest price of the models that a name behind `max/` may stand for."""
        word = model[len(MAX) :].lower()
        claudes = {name: entry for name, entry in self.listed().items() if name.startswith(_CLAUDE)}
        meant = [entry for name, entry in claudes.items() if word and word in name] or list(claudes.values())
        prices = [price for entry in meant if (price := _price(entry, input_tokens)) is not None]
        return Price(max(one.input for one in prices), max(one.output for one in prices)) if prices else None


def _price(entry: Mapping[str, Any], input_tokens: int) -> Price | None:
    asked, answered = (_per_token(entry, kind, input_tokens) for kind in ("input", "output"))
    if asked is None or answered is None:
        return None
    thought = entry.get("output_cost_per_reasoning_token")
    return Price(asked, max(answered, thought or 0))


def _per_token(entry: Mapping[str, Any], kind: str, input_tokens: int) -> float | None:
    """Returns the price of a token, which for some models is higher in long requests."""
    name = f"{kind}_cost_per_token"
    tiers = [
        (found, entry[key]) for key in entry if key.startswith(name) and (found := _ABOVE.fullmatch(key, len(name)))
    ]
    reached = [price for found, price in tiers if input_tokens > int(found[1]) * 1000]
    known = [price for price in (entry.get(name), *reached) if isinstance(price, int | float)]
    return max(known, default=None)
