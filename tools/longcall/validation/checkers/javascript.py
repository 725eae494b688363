"""JavaScript and TypeScript: oxlint for syntax and correctness, Node's own parser, tsc for types."""

import re
from collections.abc import Sequence
from typing import Any

from longcall.validation.checkers import BrokenToolError, Files
from longcall.validation.checkers.tools import (
    diagnostic,
    find,
    package_version,
    place_of_utf8,
    program_version,
    relative,
    say,
)
from longcall.validation.report import Diagnostic, Severity

_TSC = re.compile(
    r"^(?P<path>.+?)\((?P<line>\d+),(?P<column>\d+)\): (?P<level>error|warning) (?P<code>TS\d+): (?P<text>.*)$"
)
_NOT_ABOUT_THE_CODE = ("TS2307", "TS7016", "TS2580", "TS2688", "TS2591")
"""Modules and declarations that are not installed here."""
_STYLE = ("no-unused-vars", "no-unused-expressions")


class Oxlint:
    """Syntax and the rules of its category `correctness`."""

    name = "oxlint"
    checks = ("syntax", "lint")
    languages = frozenset({"javascript", "typescript", "jsx", "tsx"})
    confidence = "high"

    def version(self) -> str | None:
        """Returns the package's version."""
        return package_version("oxlint")

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns what it finds."""
        # A configuration file of the submission's could name programs to load.
        config = files.folder / "longcall-oxlint.json"
        config.write_text("{}", "utf-8")
        argv = [find("oxlint"), "-c", config, "--disable-nested-config", "--no-ignore", "--format", "json"]
        said = await say([*argv, *(f"./{path}" for path in files.texts)], cwd=files.folder)
        found: list[dict[str, Any]] = said.json()["diagnostics"]
        told = [_of_oxlint(one, files) for one in found]
        return [one for one in told if one.check in wanted and not any(rule in one.code for rule in _STYLE)]


def _of_oxlint(one: dict[str, Any], files: Files) -> Diagnostic:
    path = relative(one["filename"], files.folder)
    text = files.texts.get(path, "")
    span = one["labels"][0]["span"] if one.get("labels") else {"offset": 0, "length": 0}
    code = one.get("code") or "syntax"
    severity: Severity = "error" if one["severity"] == "error" else "warning"
    help_text = f" {one['help']}" if one.get("help") else ""
    return diagnostic(
        path,
        place_of_utf8(text, span["offset"]),
        one["message"] + help_text,
        check="lint" if one.get("code") else "syntax",
        source="oxlint",
        code=code,
        severity=severity,
        end=place_of_utf8(text, span["offset"] + span["length"]),
        url=one.get("url"),
    )


class NodeCheck:
    """`node --check`: what Node itself says of the syntax. It reads one file at a time."""

    name = "node"
    checks = ("syntax",)
    languages = frozenset({"javascript"})
    confidence = "high"

    def version(self) -> str | None:
        """Returns the version of the node on PATH."""
        return program_version(find("node"))

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns each file's first syntax error."""
        del wanted
        node = find("node")
        found: list[Diagnostic] = []
        for path in files.texts:
            said = await say([node, "--check", f"./{path}"], cwd=files.folder)
            if said.exit:
                found.append(_of_node(path, said.stderr))
        return found


def _of_node(path: str, said: str) -> Diagnostic:
    error = re.search(r"^(\w*SyntaxError.*)$", said, re.MULTILINE)
    if error is None:
        raise BrokenToolError(said[-500:])
    place = re.search(r":(\d+)\n.*\n( *)\^", said)
    start = (int(place[1]), len(place[2]) + 1) if place else (1, 1)
    return diagnostic(path, start, error[1], check="syntax", source="node", code="SyntaxError")


class Tsc:
    """The TypeScript compiler, when it is on PATH. Files are named, so that no tsconfig.json is read."""

    name = "tsc"
    checks = ("syntax", "types")
    languages = frozenset({"typescript", "tsx"})
    confidence = "high"

    def version(self) -> str | None:
        """Returns its version."""
        return program_version(find("tsc"))

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns its errors."""
        argv = [find("tsc"), "--noEmit", "--pretty", "false", "--target", "es2022", "--module", "esnext", "--strict"]
        argv += [
            "--moduleResolution",
            "bundler",
            "--skipLibCheck",
            "--types",
            "",
            *(f"./{path}" for path in files.texts),
        ]
        said = await say(argv, cwd=files.folder)
        matches = [match for line in said.stdout.splitlines() if (match := _TSC.match(line))]
        if said.exit and not matches:
            raise BrokenToolError((said.stdout + said.stderr)[-500:])
        told = [_of_tsc(match) for match in matches if match["code"] not in _NOT_ABOUT_THE_CODE]
        return [one for one in told if one.check in wanted]


def _of_tsc(match: re.Match[str]) -> Diagnostic:
    return diagnostic(
        match["path"].removeprefix("./"),
        (int(match["line"]), int(match["column"])),
        match["text"],
        check="syntax" if match["code"].startswith("TS1") else "types",
        source="tsc",
        code=match["code"],
        severity="error" if match["level"] == "error" else "warning",
    )
