"""Static checks: one file for each tool. Code is read, never run.

A checker looks at the files of its languages and returns diagnostics, or raises SkippedError when it cannot look. It
never reads a configuration that came with the submission: with many tools such a file names programs to run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from longcall.validation.report import Diagnostic


class SkippedError(Exception):
    """A checker cannot look, and that is nobody's fault. `reason` is a short word, `detail` a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class BrokenToolError(Exception):
    """A tool answered in a way that cannot be read."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one language."""

    language: str
    folder: Path
    """They lie here too, under their paths, with nothing else."""
    texts: Mapping[str, str]
    dialect: str | None = None


class Checker(Protocol):
    """One tool."""

    @property
    def name(self) -> str:
        """What its checks are told under."""
        ...

    @property
    def checks(self) -> tuple[str, ...]:
        """The questions that it answers: `syntax`, `lint`, `types`, `security`."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """The languages that it reads."""
        ...

    @property
    def confidence(self) -> str:
        """`low` for a parser that also accepts much that is wrong, else `high`."""
        ...

    def version(self) -> str | None:
        """Returns the tool's version, when it is here and easily known."""
        ...

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns what is wrong with the files, asked for the checks in `wanted` alone.

        Raises:
            SkippedError: it cannot look.
            BrokenToolError: the tool's answer makes no sense.
        """
        ...
