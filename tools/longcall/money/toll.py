"""What a request is estimated at, and the caps that it must stay below. Pure."""

from dataclasses import dataclass
from typing import Literal

from longcall.errors import ProviderError
from longcall.money.estimate import Estimate
from longcall.settings import TaskCaps
from longcall.settings.task_caps import ARGUMENT
from longcall.text import dollars

CODE = "budget"
"""Of the failure of a request that was not sent, since a cap leaves no room for it."""
Scope = Literal["call", "day", "project"]
SCOPES: tuple[Scope, ...] = ("call", "day", "project")
_FOR = {"call": "this call", "day": "a day", "project": "this project"}
_NEAR = 0.8
_ROUNDING = 1e-9
"""Sums of dollars are not exact to the last digit."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What counts against a cap: what was spent, and what requests that are under way may cost at most."""

    usd: float = 0.0
    tokens: int = 0
    open_usd: float = 0.0
    open_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Toll:
    """A request that is about to leave, as caps see it."""

    model: str
    estimate: Estimate
    caps: TaskCaps | None = None

    def scopes(self) -> list[Scope]:
        """Returns what there are caps for."""
        return scopes_of(self.caps)

    def demand_priced(self) -> None:
        """Sees that caps in dollars can be held.

        Raises:
            ProviderError: the price is unknown, and the operator does not allow that; the sentence says what to do.
        """
        caps = self.caps
        if caps is None or self.estimate.usd is not None or caps.unpriced == "allow" or not caps.in_usd:
            return
        raise ProviderError(
            CODE,
            f"Nothing was sent: nobody knows the price of {self.model}, and `{_named(caps, caps.in_usd[0])}` caps what"
            f' may be spent. Give it in longcall.toml under [prices."{self.model}"] (input_usd_per_1m and'
            ' output_usd_per_1m), or set caps.unpriced = "allow" there.',
        )

    def demand_room(self, scope: Scope, spent: Spent) -> None:
        """Sees that a cap has room for this request; `spent.open_…` hold the request itself already.

        Raises:
            ProviderError: it has not; the sentence says what there is, and who can change it.
        """
        if self.caps is None:
            return
        most_usd, most_tokens = _limits(self.caps, scope)
        usd, tokens = self.estimate.usd or 0.0, self.estimate.tokens
        if most_usd is not None and spent.usd + spent.open_usd > most_usd + _ROUNDING:
            held = max(0.0, spent.open_usd - usd)
            figures = (most_usd, spent.usd, held, max(0.0, most_usd - spent.usd - held), usd)
            raise ProviderError(CODE, self._sentence(f"{scope}_usd", scope, [dollars(value) for value in figures]))
        if most_tokens is not None and spent.tokens + spent.open_tokens > most_tokens:
            held = max(0, spent.open_tokens - tokens)
            counts = (most_tokens, spent.tokens, held, max(0, most_tokens - spent.tokens - held), tokens)
            raise ProviderError(
                CODE, self._sentence(f"{scope}_tokens", scope, [f"{value:,} tokens" for value in counts])
            )

    def _sentence(self, cap: str, scope: Scope, figures: list[str]) -> str:
        assert self.caps is not None
        most, spent, held, left, asked = figures
        tokens = f"{self.estimate.input_tokens:,} tokens in, {self.estimate.output_tokens:,} out at most"
        return (
            f"Nothing was sent: `{_named(self.caps, cap)}` allows {most} for {_FOR[scope]}, of which {spent} are spent,"
            f" {held} are held for requests under way, and {left} are left; this one to {self.model} may cost {asked}"
            f" ({tokens}). {_remedy(self.caps, cap)}"
        )


def nearing(caps: TaskCaps, scope: Scope, spent: Spent) -> list[str]:
    """Returns a sentence for each cap of this kind of which most is spent."""
    pairs = zip(("usd", "tokens"), _limits(caps, scope), (spent.usd, spent.tokens), strict=True)
    return [
        f"{used / most:.0%} of `{_named(caps, f'{scope}_{unit}')}` is spent."
        for unit, most, used in pairs
        if most and used >= _NEAR * most
    ]


def scopes_of(caps: TaskCaps | None) -> list[Scope]:
    """Returns what there are caps for."""
    return [one for one in SCOPES if caps is not None and any(limit is not None for limit in _limits(caps, one))]


def _limits(caps: TaskCaps, scope: Scope) -> tuple[float | None, int | None]:
    return getattr(caps, f"{scope}_usd"), getattr(caps, f"{scope}_tokens")


def _named(caps: TaskCaps, cap: str) -> str:
    return ARGUMENT if caps.origins.get(cap) == ARGUMENT else f"caps.{cap}"


def _remedy(caps: TaskCaps, cap: str) -> str:
    origin = caps.origins.get(cap)
    begins = " It begins anew at 00:00 UTC." if cap.startswith("day") else ""
    smaller = "a smaller `max_tokens` leaves more room"
    if origin == ARGUMENT:
        return f"Whoever calls can raise it; {smaller}."
    where = f"in {origin}" if origin else "in longcall.toml (`longcall config show` tells where it comes from)"
    return f"Who runs longcall can raise it {where}; {smaller}.{begins}"
