"""The answer's code holds: it parses, and where that is asked for, it passes the checks and runs of validate_code."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import anyio.to_thread
from pydantic import Field, ValidationError, field_validator, model_validator

from longcall.complaint import complaint_of
from longcall.errors import CallError
from longcall.validators.base import Answer, Issue, ValidatorError
from longcall.validators.local import TextValidator
from longcall.validators.syntax import LANGUAGES, tags_of, tongue
from longcall.validators.target import Part, TargetError, pick

if TYPE_CHECKING:
    from longcall.validation import CodeRequest, Report

Check = Literal["syntax", "lint", "types", "security", "expected", "tests", "run"]
_MOST_PARTS = 20


class Code(TextValidator, frozen=True, extra="forbid"):
    """The code blocks of `language`, or the whole text where there are no code blocks, pass what is asked of them.

    Without more than `syntax`, they parse. With other `checks`, `cases` or `tests` they are handed to validate_code,
    all of them as one file; what cannot be decided there is an error of the check.
    """

    cost: ClassVar[int] = 2

    type: Literal["code"] = "code"
    language: str = "python"
    checks: tuple[Check, ...] = ("syntax",)
    cases: tuple[dict[str, Any], ...] = Field(default=(), max_length=1_000)
    """Inputs and what must come of them; see `longcall.validation.Case`."""
    tests: str | None = None
    """A test file that runs in a sandbox."""
    entry_point: str | None = None

    @field_validator("language")
    @classmethod
    def _can_be_checked(cls, language: str) -> str:
        known = tongue(language) or _elsewhere(language)
        if known is None:
            raise ValueError(f"{language!r} cannot be checked; these can: {', '.join(sorted(LANGUAGES))} and others")
        return known

    @field_validator("checks")
    @classmethod
    def _asks_something(cls, checks: tuple[Check, ...]) -> tuple[Check, ...]:
        if not checks:
            raise ValueError("`checks` is empty: leave it out for `syntax`")
        return checks

    @model_validator(mode="after")
    def _can_be_asked(self) -> "Code":
        if self._is_thorough:
            self._request("x = 1")
        return self

    @property
    def _is_thorough(self) -> bool:
        plain = self.checks == ("syntax",) and self.language in LANGUAGES
        return not plain or bool(self.cases) or self.tests is not None

    def _request(self, code: str) -> "CodeRequest":
        from longcall.validation import CodeRequest  # noqa: PLC0415  # most checks of code are of its syntax

        checks = [*self.checks, *(["expected"] if self.cases else []), *(["tests"] if self.tests else [])]
        asked = {"checks": tuple(dict.fromkeys(checks)), "cases": self.cases, "tests": self.tests}
        try:
            return CodeRequest.model_validate(
                {"code": code, "language": self.language, "entry_point": self.entry_point, **asked}
            )
        except ValidationError as error:
            told = complaint_of(error)
            raise ValueError(told.sentence(f"`{told.place}`") if told.place else told.words) from None

    async def find(self, answer: Answer) -> list[Issue]:
        """Looks at the syntax here, or has validate_code check what more is asked.

        Raises:
            ValidatorError: it could not be checked, or nothing is decided.
        """
        if not self._is_thorough:
            return await super().find(answer)
        try:
            found = await anyio.to_thread.run_sync(self.parts, answer)
        except TargetError as error:
            return [self.issue(error.code, str(error), path=error.path)]
        code = "\n\n".join(part.text for part in found[:_MOST_PARTS])
        if not code.strip():
            return [self.issue("empty", "There is no code.")]
        return self._issues(await self._report(code))

    async def _report(self, code: str) -> "Report":
        from longcall.validation import validate_code  # noqa: PLC0415  # as above

        try:
            report = await validate_code(self._request(code))
        except (CallError, ValueError) as error:
            raise ValidatorError(f"{self.name} could not check the code: {error}") from None
        if report.verdict in ("inconclusive", "error"):
            undone = [f"{check.check}: {check.detail or check.reason}" for check in report.checks if check.reason]
            raise ValidatorError(f"{self.name} decided nothing ({'; '.join(undone[:3])}).")
        return report

    def _issues(self, report: "Report") -> list[Issue]:
        if report.verdict == "pass":
            return []
        failed = report.tests.failed if report.tests else ()
        found = [
            self.issue("test_failed", f"{one.name}: {one.message}", expected=one.expected, got=one.got)
            for one in failed
        ]
        found += [
            self.issue(one.code or one.check, one.message, path=f"line {one.line}", got=one.excerpt.strip() or None)
            for one in report.diagnostics
            if one.severity == "error"
        ]
        return found or [self.issue("rejected", report.feedback[:500])]

    def parts(self, answer: Answer) -> list[Part]:
        """Takes the code blocks of the language, where there are code blocks."""
        return pick(answer.text, self.target, _tags(self.language))

    def look(self, part: Part, answer: Answer) -> list[Issue]:
        """Finds `syntax`, and `empty` where there is no code."""
        del answer
        if not part.text.strip():
            return [self.issue("empty", "There is no code.", path=part.path)]
        return [
            self.issue("syntax", f"{fault.message}.", path=self._where(part, fault.line), got=fault.excerpt)
            for fault in LANGUAGES[self.language](part.text)
        ]

    def _where(self, part: Part, line: int | None) -> str:
        if line is None:
            return part.path
        return f"{part.path} line {line}".strip()


def _elsewhere(language: str) -> str | None:
    from longcall.validation.detect import EXTENSIONS, named  # noqa: PLC0415  # only for what is not parsed here

    return known if (known := named(language)) in (*EXTENSIONS, "dockerfile") else None


def _tags(language: str) -> tuple[str, ...]:
    if language in LANGUAGES:
        return tags_of(language)
    from longcall.validation.detect import ALIASES  # noqa: PLC0415  # as above

    return (language, *(alias for alias, meant in ALIASES.items() if meant == language))
