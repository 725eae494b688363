"""The answer's code holds together: for now, that it parses."""

from typing import ClassVar, Literal

from pydantic import field_validator

from longcall.validators.base import Answer, Issue
from longcall.validators.local import TextValidator
from longcall.validators.syntax import LANGUAGES, tags_of, tongue
from longcall.validators.target import Part, pick

Check = Literal["syntax"]


class Code(TextValidator, frozen=True, extra="forbid"):
    """The code blocks of `language` parse; or the whole text, where there are no code blocks."""

    cost: ClassVar[int] = 2

    type: Literal["code"] = "code"
    language: str = "python"
    checks: tuple[Check, ...] = ("syntax",)

    @field_validator("language")
    @classmethod
    def _can_be_checked(cls, language: str) -> str:
        known = tongue(language)
        if known is None:
            raise ValueError(f"{language!r} cannot be checked; these can: {', '.join(sorted(LANGUAGES))}")
        return known

    @field_validator("checks")
    @classmethod
    def _asks_something(cls, checks: tuple[Check, ...]) -> tuple[Check, ...]:
        if not checks:
            raise ValueError("`checks` is empty: leave it out for `syntax`")
        return checks

    def parts(self, answer: Answer) -> list[Part]:
        """Takes the code blocks of the language, where there are code blocks."""
        return pick(answer.text, self.target, tags_of(self.language))

    def look(self, part: Part, answer: Answer) -> list[Issue]:
        """Finds `syntax`, and `empty` where there is no code."""
        del answer
        if not part.text.strip():
            return [self.issue("empty", "There is no code.", path=part.path)]
        return [
            self.issue("syntax", f"{fault.message}.", path=self._where(part, fault.line), got=fault.excerpt)
            for check in self.checks
            for fault in LANGUAGES[self.language][check](part.text)
        ]

    def _where(self, part: Part, line: int | None) -> str:
        if line is None:
            return part.path
        return f"{part.path} line {line}".strip()
