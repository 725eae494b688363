"""The static stage: every checker that fits, all at once."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import anyio

from longcall.validation.checkers import BrokenToolError, Checker, Files, SkippedError
from longcall.validation.checkers.registry import checkers_for
from longcall.validation.report import Check, Diagnostic, Status
from longcall.validation.sandbox import SandboxError
from longcall.validation.submission import Submission, laid_out

STATIC = ("syntax", "lint", "types", "security")
_ADVISORY = frozenset({"types", "security"})
"""What these find in Python fails the code only where the caller asked for them: right code is often told off too.
Types of other languages are their compilers' business, and without them nothing runs."""


@dataclass
class Found:
    """What the static stage came to."""

    checks: list[Check] = field(default_factory=list[Check])
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])


async def check_statically(submission: Submission) -> Found:
    """Runs every checker that fits. One that breaks says so, and takes no other with it."""
    request = submission.request
    wanted = frozenset(STATIC if request.checks is None else request.checks) & frozenset(STATIC)
    asked = frozenset(request.checks or ())
    found = Found()
    async with anyio.create_task_group() as group:
        for language, texts in submission.by_language.items():
            fitting = checkers_for(language, wanted, request.type_checkers)
            for checker in fitting:
                group.start_soon(_one, checker, Files(language, Path(), texts, request.dialect), wanted, asked, found)
    found.checks += _unanswered(submission, wanted, asked, found)
    found.checks.sort(key=lambda check: (STATIC.index(check.check), check.tool))
    return found


def _unanswered(submission: Submission, wanted: frozenset[str], asked: frozenset[str], found: Found) -> list[Check]:
    """Returns the questions that no checker has for this language: the caller's, and always that of syntax."""
    answered = {check.check for check in found.checks}
    language = submission.language or "an unknown language"
    return [
        Check(check, "skipped", "none", reason="no_checker", detail=f"nothing here checks the {check} of {language}")
        for check in STATIC
        if check in wanted and check not in answered and (check in asked or check == "syntax")
    ]


async def _one(checker: Checker, files: Files, wanted: frozenset[str], asked: frozenset[str], found: Found) -> None:
    begun = time.monotonic()
    answers = [check for check in checker.checks if check in wanted]
    reason = detail = None
    diagnostics: Sequence[Diagnostic] = ()
    broken: Status | None = None
    with laid_out({"code": files.texts}) as folder:
        try:
            diagnostics = await checker.look(replace(files, folder=folder / "code"), wanted)
        except SkippedError as error:
            broken, reason, detail = "skipped", error.reason, error.detail
        except SandboxError as error:
            broken, reason, detail = "error", "sandbox_error", str(error)
        except (BrokenToolError, KeyError, TypeError, IndexError, ValueError, OSError) as error:
            # A tool of another edition may answer in another form; that is no fault of the code.
            broken, reason, detail = "error", "tool_error", f"{type(error).__name__}: {error}"[:500]
    ms = round((time.monotonic() - begun) * 1000, 1)
    version = None if broken == "skipped" else checker.version()
    for check in answers:
        own = [one for one in diagnostics if one.check == check]
        status = broken or _status(own, files.language == "python" and check in _ADVISORY and check not in asked)
        confidence: Literal["high", "low"] = "low" if checker.confidence == "low" else "high"
        found.checks.append(Check(check, status, checker.name, version, ms, reason, detail, confidence))
    found.diagnostics += [one for one in diagnostics if one.check in answers]


def _status(diagnostics: list[Diagnostic], advisory: bool) -> Status:  # noqa: FBT001  # private, and read at its one call
    severities = {one.severity for one in diagnostics}
    if "error" in severities and not advisory:
        return "fail"
    return "warn" if severities & {"error", "warning"} else "pass"
