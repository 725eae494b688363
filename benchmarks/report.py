"""Figures, what they are compared with, and whether a goal was reached."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Unit = Literal["ms", "s", "MiB", "%", "/s", "x", ""]
_HEADINGS = ("figure", "longcall", "bare", "ratio", "goal", "")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value, with what the bare counterpart took in the same run."""

    name: str
    value: float
    unit: Unit
    bare: float | None = None
    goal: str | None = None
    """The goal in words; None for a figure that only informs."""
    reached: bool | None = None

    @property
    def ratio(self) -> float | None:
        """The value as a multiple of the bare one."""
        return self.value / self.bare if self.bare else None

    def cells(self) -> tuple[str, ...]:
        """Returns the figure as a row of the table."""
        verdict = "" if self.reached is None else "reached" if self.reached else "MISSED"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        return self.name, _shown(self.value, self.unit), _shown(self.bare, self.unit), ratio, self.goal or "", verdict


def _shown(value: float | None, unit: Unit) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value} {unit}".strip()
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    return f"{value:.{digits}f} {unit}".strip()


def quantile(values: Sequence[float], share: float) -> float:
    """Returns the value below which the share of the values lies; the nearest one that was really measured."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """Returns the middle value."""
    return quantile(values, 0.5)


def table(figures: Sequence[Figure]) -> str:
    """Returns the figures as one table."""
    rows = [_HEADINGS, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if 1 <= column <= 3 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
