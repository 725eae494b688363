"""Runs the benchmarks: `uv run python -m benchmarks [PART …] [--json FILE] [--quick]`.

`benchmarks.chaos` with more kills, and `benchmarks.soak`, are run by hand, each by its own name.
"""

import argparse
import compileall
import json
import os
import platform
import sys
import time
from collections.abc import Awaitable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import anyio

from benchmarks import (
    attaching,
    cancel,
    chaos,
    fronts,
    health,
    idle,
    latency,
    memory,
    polling,
    restart,
    start,
    thirtytwo,
    thousand,
    validate_code,
    writes,
)
from benchmarks.report import Figure, table
from benchmarks.stage import ROOT


class Part(Protocol):
    """One part: measures, and returns its figures."""

    def __call__(self, *, quick: bool) -> Awaitable[list[Figure]]:
        """Runs the part; `quick` only proves that it works."""
        ...


PARTS: Mapping[str, Part] = {
    "start": start.run,
    "latency": latency.run,
    "thirtytwo": thirtytwo.run,
    "thousand": thousand.run,
    "writes": writes.run,
    "memory": memory.run,
    "cancel": cancel.run,
    "idle": idle.run,
    "restart": restart.run,
    "fronts": fronts.run,
    "polling": polling.run,
    "health": health.run,
    "attaching": attaching.run,
    "chaos": chaos.run,
    "validate_code": validate_code.run,
}
_MOST_S = 180.0
_MOST_S_OF = {"validate_code": 1200.0}
"""Parts that go through whole sets of tasks."""


def main() -> None:
    """Runs the parts that the command line names, all when it names none; exits with 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument("--quick", action="store_true", help="few repetitions: shows that everything works, no more")
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="third-party data for validate_code; see its docstring"
    )
    chosen = parser.parse_args()
    if chosen.data is not None:
        os.environ[validate_code.DATA] = str(chosen.data.resolve())
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    _compile()
    found = anyio.run(_measure, chosen.parts or list(PARTS), chosen.quick)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(_facts() | {"parts": found}, default=_row, indent=2) + "\n", "utf-8")
    figures = [figure for part in found.values() for figure in part]
    print(f"\n{table(figures)}\n\n{_verdict(figures)}")
    sys.exit(any(figure.reached is False for figure in figures))


def _compile() -> None:
    # Neither side of a comparison may be charged for compiling.
    for folder in ("tools", "server", "benchmarks"):
        compileall.compile_dir(ROOT / folder, quiet=2)


async def _measure(names: list[str], quick: bool) -> dict[str, list[Figure]]:  # noqa: FBT001  # anyio.run takes positions
    found: dict[str, list[Figure]] = {}
    for name in names:
        begun = time.monotonic()
        with anyio.fail_after(_MOST_S_OF.get(name, _MOST_S)):
            found[name] = await PARTS[name](quick=quick)
        print(f"{name} took {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return found


def _facts() -> dict[str, object]:
    names = ("longcall", "mcp", "litellm", "aiosqlite")
    return {
        "python": platform.python_version(),
        "machine": platform.platform(),
        "versions": {n: version(n) for n in names},
    }


def _row(figure: Figure) -> dict[str, object]:
    return {**asdict(figure), "ratio": figure.ratio}


def _verdict(figures: list[Figure]) -> str:
    goals = [figure for figure in figures if figure.reached is not None]
    missed = [figure.name.strip() for figure in goals if not figure.reached]
    said = f"{len(goals) - len(missed)} of {len(goals)} goals reached"
    return f"{said}; missed: {', '.join(missed)}." if missed else f"{said}."


if __name__ == "__main__":
    main()
