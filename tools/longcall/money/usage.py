"""What was spent, added up by day, model or project. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

By = Literal["day", "model", "project"]


@dataclass(frozen=True, slots=True)
class Line:
    """The requests of one UTC day, project, principal and model together."""

    day: str
    project: str
    principal: str
    model: str
    requests: int
    unpriced: int
    """Those among them whose cost nobody knows."""
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    reasoning_tokens: int
    cost_usd: float
    """Of those whose cost is known."""
    counted_usd: float
    """What counts against caps: where the cost is unknown its estimate, and nothing for what is on a subscription."""
    counted_tokens: int


class Spending(BaseModel, frozen=True, defer_build=True):
    """The requests of one day, model or project together."""

    name: str
    """The UTC day, model or project; `total` for all of them."""
    requests: int = 0
    """Requests that ended, those that providers turned away included."""
    unpriced: int = 0
    """Those among them whose cost nobody knows."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None
    """US dollars of those whose cost is known; None when that of none is."""
    counted_usd: float = 0.0
    """What counts against caps: where the cost is unknown its estimate, and nothing for what is on a subscription."""


class UsageReport(BaseModel, frozen=True, defer_build=True):
    """What was spent on the tasks of this store."""

    by: By
    days: int
    """How many UTC days, today included."""
    lines: list[Spending]
    total: Spending


_SUMS = (
    "requests",
    "unpriced",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "reasoning_tokens",
    "counted_usd",
)
_DEAREST: Callable[[Spending], tuple[float, int]] = lambda line: (-line.counted_usd, -line.requests)  # noqa: E731


def usage_report(lines: Iterable[Line], by: By, days: int) -> UsageReport:
    """Returns the lines added up: days in order, models and projects with the dearest first."""
    every = list(lines)
    groups: dict[str, list[Line]] = {}
    for line in every:
        groups.setdefault(getattr(line, by), []).append(line)
    added = [_added(name, group) for name, group in sorted(groups.items())]
    return UsageReport(
        by=by,
        days=days,
        lines=added if by == "day" else sorted(added, key=_DEAREST),
        total=_added("total", every),
    )


def _added(name: str, lines: list[Line]) -> Spending:
    sums: Mapping[str, float] = {field: sum(getattr(line, field) for line in lines) for field in _SUMS}
    known = any(line.unpriced < line.requests for line in lines)
    cost = sum(line.cost_usd for line in lines) if known else None
    return Spending.model_validate({**sums, "name": name, "cost_usd": cost})
