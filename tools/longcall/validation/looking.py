"""What a parser sees in Python code, told by a process of its own: syntax errors, functions, signs of cheating."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longcall.validation.checkers import BrokenToolError
from longcall.validation.checkers.tools import diagnostic, say
from longcall.validation.report import Diagnostic
from longcall.validation.sandbox import INSIDE
from longcall.validation.sandbox.interpreter import interpreter


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to say about one file."""

    errors: tuple[tuple[Any, ...], ...]
    """Line, column, end line, end column, message; a sixth part marks a warning."""
    functions: tuple[str, ...]
    """The public functions that the file itself defines."""
    flags: tuple[tuple[int, int, str, str], ...]
    """Line, column, name and meaning of what can deceive tests that run in the same process."""


async def look_at_python(texts: Mapping[str, str], folder: Path) -> dict[str, Seen]:
    """Parses files without running them.

    Raises:
        BrokenToolError: the parser died of them.
        SkippedError: it took too long.
    """
    python = interpreter().executable
    argv = [python, "-I", "-S", "-B", INSIDE / "look_at_python.py"]
    said = await say(argv, cwd=folder, stdin=json.dumps(dict(texts)))
    if said.exit:
        raise BrokenToolError(f"the parser left with {said.exit}: {said.stderr[-300:]}")
    found: dict[str, dict[str, Any]] = said.json()
    return {
        path: Seen(
            tuple(tuple(error) for error in one["errors"]),
            tuple(one["functions"]),
            tuple((flag[0], flag[1], flag[2], flag[3]) for flag in one["flags"]),
        )
        for path, one in found.items()
    }


def as_diagnostics(path: str, seen: Seen) -> list[Diagnostic]:
    """Returns the signs of cheating as diagnostics of the check `security`."""
    return [
        diagnostic(
            path,
            (line, column),
            f"{name} {meaning}: tests that run beside it prove nothing",
            check="security",
            source="longcall",
            code="test-tampering",
            severity="warning",
        )
        for line, column, name, meaning in seen.flags
    ]
