"""What is written where: answers and lists to stdout, all else to stderr; calm in a terminal, plain in a pipe."""

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIECE = 16_384
_KEPT = "\n\t"
_CONTROLS = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in _KEPT}
STATUS_STYLES = {
    "completed": "green",
    "working": "cyan",
    "failed": "red",
    "interrupted": "magenta",
    "needs_review": "yellow",
    "cancelled": "dim",
}
"""A task's status → how it looks."""


class ReaderGoneError(Exception):
    """Whoever read our stdout closed it."""


def prepare() -> None:
    """Makes the standard streams take any text: what is not a terminal gets UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace", encoding=None if stream.isatty() else "utf-8")


def is_terminal(stream: TextIO) -> bool:
    """Whether a person is likely to look at `stream`."""
    return stream.isatty()


def printable(text: str) -> str:
    """Returns `text` without the characters by which it could steer a terminal."""
    return text.translate(_CONTROLS)


def say(text: str) -> None:
    """Writes to stdout at once; to a terminal without control characters.

    Raises:
        ReaderGoneError: nobody reads it any more.
    """
    shown = printable(text) if is_terminal(sys.stdout) else text
    try:
        # In pieces: the system may take a long write whole although its reader leaves meanwhile.
        for start in range(0, len(shown), _PIECE):
            sys.stdout.write(shown[start : start + _PIECE])
            sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGoneError from None


def tell(text: str, style: str = "", lead: str = "") -> None:
    """Writes a line to stdout: in a terminal with `style`, and dimly led by `lead`."""
    if is_terminal(sys.stdout):
        line = Text.assemble((lead, "dim"), (printable(text), style))
        Console(highlight=False).print(line, soft_wrap=True)
    else:
        say(f"{lead}{text}\n")


def remark(text: str, style: str = "") -> None:
    """Writes a line to stderr."""
    _stderr().print(Text(printable(text), style=style), soft_wrap=True)


def complain(text: str) -> None:
    """Writes to stderr what went wrong."""
    _stderr().print(Text.assemble(("longcall: ", "red"), printable(text)), soft_wrap=True)


def _stderr() -> Console:
    # Made anew each time, since tests and hosts may replace the stream; rich keeps no state between.
    return Console(stderr=True, highlight=False)


def table(columns: Sequence[str], rows: Sequence[Sequence[str | Text]], *, folds: bool = False) -> None:
    """Writes rows to stdout: aligned and cut to the width in a terminal, else one line of tab-separated fields each.

    Names of columns that begin with `>` are set flush right; the last column takes the room that is left, and with
    `folds` as many lines as its text needs.
    """
    if not is_terminal(sys.stdout):
        say("".join("\t".join(map(_field, row)) + "\n" for row in rows))
        return
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    for position, name in enumerate(columns):
        is_last = position == len(columns) - 1
        shown.add_column(
            name.removeprefix(">"),
            justify="right" if name.startswith(">") else "left",
            no_wrap=not (is_last and folds),
            overflow="fold" if is_last and folds else "ellipsis",
            ratio=1 if is_last else None,
        )
    for row in rows:
        shown.add_row(*(Text(printable(cell)) if isinstance(cell, str) else cell for cell in row))
    Console(highlight=False).print(shown)


def _field(cell: str | Text) -> str:
    return " ".join(str(cell).split())


def status_text(status: str) -> Text:
    """Returns a task's status as it looks in a terminal."""
    return Text(status, style=STATUS_STYLES.get(status, ""))


def seconds(value: float) -> str:
    """Returns a length of time as people say it: `8.3 s`, `4 min`, `2 h`, `3 d`."""
    if value < 100:
        return f"{value:.1f} s"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if value >= 2 * size or unit == "min":
            return f"{value / size:.0f} {unit}"
    raise AssertionError(value)


def count(number: int, noun: str) -> str:
    """Returns `1 task`, `2 tasks`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
