"""`longcall usage`: what was spent, by day, model or project."""

import sys
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer
from rich.text import Text

from longcall import api
from longcall.cli.exits import run
from longcall.cli.terminal import count, is_terminal, remark, say, table
from longcall.money.usage import By, Spending
from longcall.text import dollars

_BAR = 24
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def usage(
    by: Annotated[By, typer.Option(help="What to add up by; days are UTC.", show_choices=True)] = "day",
    days: Annotated[int, typer.Option(help="How many days, today included.", metavar="N")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Shows what requests have cost, those of tasks that were deleted meanwhile included."""
    report = run(partial(api.usage, by=by, days=days))
    if as_json:
        say(report.model_dump_json(indent=2) + "\n")
        return
    if not report.lines:
        remark(f"Nothing was sent in the last {count(days, 'day')}.")
        return
    rows = [_row(line) for line in report.lines]
    if is_terminal(sys.stdout):
        rows = [(*row, bar) for row, bar in zip(rows, _bars(report.lines), strict=True)]
    table((by, ">requests", ">tokens in", ">tokens out", ">cost", ""), rows)
    remark(f"{count(report.total.requests, 'request')} in {count(days, 'day')}: {cost(report.total)}.", "dim")


def cost(line: Spending) -> str:
    """Returns what is known of a cost, and of how many requests it is not known."""
    if line.cost_usd is None:
        return "unknown" if line.unpriced else "$0"
    known = dollars(line.cost_usd)
    return f"{known} + {line.unpriced:,} unknown" if line.unpriced else known


def _row(line: Spending) -> tuple[str | Text, ...]:
    return line.name, f"{line.requests:,}", f"{line.input_tokens:,}", f"{line.output_tokens:,}", cost(line)


def _bars(lines: Sequence[Spending]) -> list[Text]:
    """Returns a bar for each line: of its cost, or of its tokens where nothing has a cost."""
    sizes = [line.cost_usd or 0.0 for line in lines]
    if not any(sizes):
        sizes = [float(line.input_tokens + line.output_tokens) for line in lines]
    most = max(sizes) or 1.0
    return [Text(_bar(size / most), style="cyan") for size in sizes]


def _bar(share: float) -> str:
    whole, eighths = divmod(round(share * _BAR * 8), 8)
    return "█" * whole + _EIGHTHS[eighths].strip()
