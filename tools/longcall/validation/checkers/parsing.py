"""SQL and HTML by libraries in Python. Each runs in a process of its own, which ends with the caller or its time."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from longcall.validation.checkers import BrokenToolError, Files, SkippedError
from longcall.validation.checkers.tools import diagnostic, package_version, say
from longcall.validation.report import Diagnostic

_CHILD = Path(__file__).with_name("parse_child.py")


class Parsing:
    """Checks one language with one library."""

    checks = ("syntax",)
    confidence = "high"

    def __init__(self, name: str, language: str, harmless: Sequence[str] = ()) -> None:
        self.name = name
        self.languages = frozenset({language})
        self._harmless = frozenset(harmless)

    def version(self) -> str | None:
        """Returns the library's version."""
        return package_version(self.name)

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns the errors of each file."""
        del wanted
        if self.version() is None:
            raise SkippedError("tool_missing", f"there is no {self.name} here")
        argv = [sys.executable, "-I", _CHILD, files.language, files.dialect or ""]
        said = await say(argv, cwd=files.folder, stdin=json.dumps(dict(files.texts)))
        if said.exit:
            raise BrokenToolError(said.stderr[-300:])
        told: dict[str, Any] = said.json()
        if "unknown_dialect" in told:
            raise SkippedError("unknown_dialect", f"{self.name} has no dialect {files.dialect!r}")
        return [
            diagnostic(
                path,
                (line, column),
                message,
                check="syntax",
                source=self.name,
                code=code,
                severity="warning" if code in self._harmless else "error",
            )
            for path, errors in told["found"].items()
            for line, column, code, message in errors
        ]
