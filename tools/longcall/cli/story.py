"""The demo as it is told: a timeline with seconds that stays, and one live line that does not."""

import shutil
import sys
import time
from types import TracebackType
from typing import Self

from longcall.cli.status import StatusLine
from longcall.cli.terminal import is_terminal, say, tell


class Story:
    """Tells events with the seconds since the beginning."""

    def __init__(self) -> None:
        self._begun = 0.0
        self._status = StatusLine()

    def __enter__(self) -> Self:
        self._begun = time.monotonic()
        say("\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.clear()

    def event(self, text: str, style: str = "") -> None:
        """Tells what happened, for good."""
        self._status.clear()
        tell(text, style, lead=f"{self._stamp()}  ")

    def at(self, where: str, text: str) -> None:
        """Shows for now how far the answer is."""
        if is_terminal(sys.stderr):
            said = " ".join(text.split())
            head = f"{self._stamp()}  {where}: {len(text):,} characters  "
            room = max(0, shutil.get_terminal_size().columns - len(head) - 3)
            self._status.draw(f"{head}…{said[-room:]}" if len(said) > room else head + said)

    def _stamp(self) -> str:
        return f"{time.monotonic() - self._begun:6.1f} s"
