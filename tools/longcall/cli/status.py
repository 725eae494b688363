"""A live line on stderr that tells what a wait is at."""

import os
import shutil
import sys
from types import TracebackType
from typing import Self

from rich.cells import cell_len, set_cell_size

from longcall.cli.terminal import is_terminal, printable

_SAVE, _RESTORE = "\x1b7", "\x1b8"
_MAKE_ROOM = "\x1bD\x1b[A"
"""Down a line, which scrolls at the bottom of the screen, and up again: there is a line below now."""
_TO_NEXT_LINE = "\x1b[B\r"
_CLEAR_LINE = "\r\x1b[2K"
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


class StatusLine:
    """A line that is drawn over itself; nothing where stderr is no terminal.

    Where stdout is the same terminal, the line stands below the text that is being written there, and the cursor stays
    at the end of that text. Clear it before writing to stdout.
    """

    def __init__(self) -> None:
        self._is_live = is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
        self._below = is_terminal(sys.stdout)
        self._drawn = False
        self._line = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def wrote(self, text: str) -> None:
        """Takes note of what was written to stdout since."""
        self._line = (self._line + text).rpartition("\n")[2]

    def draw(self, text: str) -> None:
        """Shows `text` instead of what was there."""
        width = shutil.get_terminal_size().columns
        if not self._is_live or (self._below and self._is_at_margin(width)):
            return
        shown = _DIM + set_cell_size(printable(text), min(cell_len(text), width - 1)) + _PLAIN
        if self._below and self._line:
            self._write(f"{_MAKE_ROOM}{_SAVE}{_TO_NEXT_LINE}{_CLEAR_LINE}{shown}{_RESTORE}")
        else:
            self._write(f"{_CLEAR_LINE}{shown}\r")
        self._drawn = True

    def clear(self) -> None:
        """Takes the line away."""
        if self._drawn:
            self._write("\x1b[J" if self._below else _CLEAR_LINE)
            self._drawn = False

    def _is_at_margin(self, width: int) -> bool:
        # A cursor that waits at the right margin does not survive being saved and restored in every terminal.
        cells = cell_len(self._line.expandtabs(8))
        return cells > 0 and cells % width == 0

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
