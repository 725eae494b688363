"""yamllint, as a program: its licence is not ours. Only what breaks a document counts, no style."""

import json
import re
import sys
from collections.abc import Sequence

from longcall.validation.checkers import BrokenToolError, Files, SkippedError
from longcall.validation.checkers.tools import diagnostic, package_version, say
from longcall.validation.report import Diagnostic
from longcall.validation.rules import rules

_LINE = re.compile(r"^(?P<path>.+?):(?P<line>\d+):(?P<column>\d+): \[(?P<level>error|warning)\] (?P<text>.*)$")
_SYNTAX = "syntax error: "


class Yamllint:
    """Syntax, keys that come twice, anchors that lead nowhere."""

    name = "yamllint"
    checks = ("syntax", "lint")
    languages = frozenset({"yaml"})
    confidence = "high"

    def version(self) -> str | None:
        """Returns the package's version."""
        return package_version("yamllint")

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns what it finds."""
        if self.version() is None:
            raise SkippedError("tool_missing", "there is no yamllint here")
        argv = [sys.executable, "-I", "-m", "yamllint", "-f", "parsable", "-d", json.dumps(rules("yamllint"))]
        said = await say([*argv, *(f"./{path}" for path in files.texts)], cwd=files.folder)
        matches = [match for line in said.stdout.splitlines() if (match := _LINE.match(line))]
        if said.exit not in (0, 1, 2) or (said.exit and not matches):
            raise BrokenToolError(said.stderr[-500:])
        return [one for match in matches if (one := _diagnostic(match)).check in wanted]


def _diagnostic(match: re.Match[str]) -> Diagnostic:
    text = match["text"]
    rule = re.search(r" \(([\w-]+)\)$", text)
    is_syntax = text.startswith(_SYNTAX)
    return diagnostic(
        match["path"].removeprefix("./"),
        (int(match["line"]), int(match["column"])),
        text.removeprefix(_SYNTAX) if rule is None else text[: rule.start()].removeprefix(_SYNTAX),
        check="syntax" if is_syntax else "lint",
        source="yamllint",
        code=rule[1] if rule else "syntax",
        severity="error" if match["level"] == "error" else "warning",
    )
