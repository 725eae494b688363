"""Two clocks: the wall's, for showing and sorting, and the machine's, which nobody can set, for what expires."""

import time
from collections.abc import Callable
from dataclasses import dataclass


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _tick_ms() -> int:
    return time.monotonic_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is, in milliseconds."""

    wall: Callable[[], int] = _wall_ms
    """Since the epoch; may be set, also backwards."""
    tick: Callable[[], int] = _tick_ms
    """Since some moment of this boot; the same for every process, never runs backwards, starts anew at a boot."""


def elapsed_ms(wall: int, tick: int) -> int:
    """Returns how much time has really gone by, from what each clock says has gone by; never negative.

    The machine's clock decides while it runs; after a boot it says less than nothing, and then the wall's counts.
    A task can so be late by a boot, but is never early because somebody set the clock.
    """
    return max(0, tick if tick >= 0 else wall)
