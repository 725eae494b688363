"""Ruff: every syntax error of a file at once, rules of correctness, and its port of bandit's rules of security."""

from collections.abc import Sequence
from typing import Any

from longcall.validation.checkers import Files
from longcall.validation.checkers.tools import diagnostic, find, package_version, relative, say
from longcall.validation.report import Diagnostic, Edit, Fix, Severity
from longcall.validation.rules import rules


class Ruff:
    """One run answers three questions."""

    name = "ruff"
    checks = ("syntax", "lint", "security")
    languages = frozenset({"python"})
    confidence = "high"

    def version(self) -> str | None:
        """Returns the package's version."""
        return package_version("ruff")

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns what the chosen rules find."""
        own = rules("ruff")
        chosen = [rule for check in ("lint", "security") if check in wanted for rule in own[check]] or ["E9"]
        left_out = [*own["lint_left_out"], *own["security_left_out"]]
        argv = [find("ruff"), "check", "--isolated", "--no-cache", "--exit-zero", "--output-format", "json"]
        argv += ["--select", ",".join(chosen), "--ignore", ",".join(left_out), *(f"./{path}" for path in files.texts)]
        found: list[dict[str, Any]] = (await say(argv, cwd=files.folder)).json()
        return [_diagnostic(one, relative(one["filename"], files.folder), own["errors"]) for one in found]


def _diagnostic(one: dict[str, Any], path: str, errors: list[str]) -> Diagnostic:
    code = one.get("code") or "invalid-syntax"
    start, end = one["location"], one["end_location"]
    is_syntax = code == "invalid-syntax" or code.startswith("E9")
    severity: Severity = "error" if is_syntax or code.startswith(tuple(errors)) else "warning"
    return diagnostic(
        path,
        (start["row"], start["column"]),
        one["message"],
        check="syntax" if is_syntax else "security" if code[0] == "S" and code[1:].isdigit() else "lint",
        source="ruff",
        code=code,
        severity=severity,
        end=(end["row"], end["column"]),
        url=one.get("url"),
        fix=_fix(one.get("fix")),
    )


def _fix(fix: dict[str, Any] | None) -> Fix | None:
    if fix is None or fix["applicability"] == "display":
        return None
    edits = tuple(
        Edit(
            edit["location"]["row"],
            edit["location"]["column"],
            edit["end_location"]["row"],
            edit["end_location"]["column"],
            edit["content"],
        )
        for edit in fix["edits"]
    )
    return Fix(fix["applicability"], edits, fix.get("message") or "")
