"""Types of Python: ty by default, mypy and pyright when asked. An import that is not found says nothing of the code."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from longcall.validation.checkers import BrokenToolError, Files
from longcall.validation.checkers.tools import (
    column_of_utf16,
    diagnostic,
    find,
    package_version,
    relative,
    say,
)
from longcall.validation.report import Diagnostic, Severity
from longcall.validation.rules import rules
from longcall.validation.sandbox.interpreter import interpreter

_GITLAB: dict[str, Severity] = {
    "blocker": "error",
    "critical": "error",
    "major": "error",
    "minor": "warning",
    "info": "info",
}
_MYPY = re.compile(
    r"^(?P<path>.+?):(?P<line>\d+):(?P<column>\d+):(?P<last>\d+):(?P<after>\d+): (?P<level>error|note): "
    r"(?P<text>.*?)(?:  \[(?P<code>[\w-]+)\])?$"
)


class Ty:
    """The fastest; still young."""

    name = "ty"
    checks = ("types",)
    languages = frozenset({"python"})
    confidence = "high"

    def version(self) -> str | None:
        """Returns the package's version."""
        return package_version("ty")

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns its errors and warnings."""
        del wanted
        config = files.folder / "longcall-ty.toml"
        config.write_text("", "utf-8")  # or it would look for one in the folders above
        argv = [find("ty"), "check", "--exit-zero", "--output-format", "gitlab", "--config-file", config]
        argv += ["--python", interpreter().executable, *(f"./{path}" for path in files.texts)]
        found: list[dict[str, Any]] = (await say(argv, cwd=files.folder)).json()
        quiet = rules("ty")["not_about_the_code"]
        return [_of_ty(one) for one in found if one["check_name"] not in (*quiet, "invalid-syntax")]


def _of_ty(one: dict[str, Any]) -> Diagnostic:
    begin, end = (one["location"]["positions"][side] for side in ("begin", "end"))
    return diagnostic(
        one["location"]["path"],
        (begin["line"], begin["column"]),
        one["description"].removeprefix(f"{one['check_name']}: "),
        check="types",
        source="ty",
        code=one["check_name"],
        severity=_GITLAB.get(one["severity"], "warning"),
        end=(end["line"], end["column"]),
    )


class Mypy:
    """One process for each file, since it stops at the first syntax error of any."""

    name = "mypy"
    checks = ("types",)
    languages = frozenset({"python"})
    confidence = "high"

    def version(self) -> str | None:
        """Returns the package's version."""
        return package_version("mypy")

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns its errors."""
        del wanted
        argv: list[str | Path] = [find("mypy"), "--config-file=", "--no-incremental", "--no-color-output"]
        argv += ["--no-error-summary", "--show-column-numbers", "--show-error-end", "--show-error-codes", "--no-pretty"]
        argv += ["--cache-dir", "/dev/null", "--python-executable", interpreter().executable]
        quiet = rules("mypy")["not_about_the_code"]
        found: list[Diagnostic] = []
        for path in files.texts:
            said = await say([*argv, f"./{path}"], cwd=files.folder)
            if said.exit not in (0, 1, 2) or (said.exit == 2 and not said.stdout):
                raise BrokenToolError(said.stderr[-500:])
            matches = [match for line in said.stdout.splitlines() if (match := _MYPY.match(line))]
            found += [_of_mypy(match) for match in matches if match["level"] == "error" and match["code"] not in quiet]
        return [one for one in found if one.code != "syntax"]


def _of_mypy(match: re.Match[str]) -> Diagnostic:
    return diagnostic(
        match["path"].removeprefix("./"),
        (int(match["line"]), int(match["column"])),
        match["text"],
        check="types",
        source="mypy",
        code=match["code"] or "error",
        end=(int(match["last"]), int(match["after"]) + 1),
    )


class Pyright:
    """Slow to start, and thorough."""

    name = "pyright"
    checks = ("types",)
    languages = frozenset({"python"})
    confidence = "high"

    def version(self) -> str | None:
        """Returns the package's version."""
        return package_version("pyright")

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns its errors and warnings."""
        del wanted
        config = files.folder / "longcall-pyright.json"
        config.write_text(json.dumps({"include": sorted(files.texts), "typeCheckingMode": "standard"}), "utf-8")
        argv = [find("pyright"), "--outputjson", "-p", config, "--pythonpath", interpreter().executable]
        # Without a Node of its own it would fetch one: what is not here is not used.
        said = await say(argv, cwd=files.folder, environ={"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"})
        found: list[dict[str, Any]] = said.json()["generalDiagnostics"]
        quiet = rules("pyright")["not_about_the_code"]
        return [_of_pyright(one, files) for one in found if one.get("rule") and one["rule"] not in quiet]


def _of_pyright(one: dict[str, Any], files: Files) -> Diagnostic:
    path = relative(one["file"], files.folder)
    lines: list[str] = [*files.texts.get(path, "").splitlines(), ""]
    begin, end = (_place(lines, one["range"][side]) for side in ("start", "end"))
    severity: Severity = one["severity"] if one["severity"] in ("error", "warning") else "info"
    return diagnostic(
        path, begin, one["message"], check="types", source="pyright", code=one["rule"], severity=severity, end=end
    )


def _place(lines: list[str], place: dict[str, int]) -> tuple[int, int]:
    return place["line"] + 1, column_of_utf16(lines[min(place["line"], len(lines) - 1)], place["character"])
