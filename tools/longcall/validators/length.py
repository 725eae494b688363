"""How long the answer is."""

from typing import Literal

from pydantic import Field, model_validator

from longcall.validators.base import Answer, Issue
from longcall.validators.local import TextValidator
from longcall.validators.target import Part

Unit = Literal["chars", "words", "lines", "tokens"]


class Length(TextValidator, frozen=True, extra="forbid"):
    """The text has at least `min` and at most `max` units.

    Tokens are those that the provider counted, where it did and the whole text is meant; otherwise a quarter of the
    bytes, and the message says that it is an estimate.
    """

    type: Literal["length"] = "length"
    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)
    unit: Unit = "chars"

    @model_validator(mode="after")
    def _has_a_bound(self) -> "Length":
        if self.min is None and self.max is None:
            raise ValueError("give at least one of `min` and `max`")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min` ({self.min}) is larger than `max` ({self.max})")
        return self

    def look(self, part: Part, answer: Answer) -> list[Issue]:
        """Finds `too_short` or `too_long`."""
        known = answer.output_tokens if part.whole and self.unit == "tokens" else None
        size = measure(part.text, self.unit) if known is None else known
        estimated = " by estimate" if self.unit == "tokens" and known is None else ""
        has = f"It has {size} {self.unit}{estimated}"
        if self.min is not None and size < self.min:
            message = f"{has}, fewer than {self.min}."
            return [self.issue("too_short", message, path=part.path, expected=f"at least {self.min} {self.unit}")]
        if self.max is not None and size > self.max:
            message = f"{has}, more than {self.max}."
            return [self.issue("too_long", message, path=part.path, expected=f"at most {self.max} {self.unit}")]
        return []


def measure(text: str, unit: Unit) -> int:
    """Returns the size of `text`; its last line end opens no further line."""
    if unit == "chars":
        return len(text)
    if unit == "words":
        return len(text.split())
    if unit == "lines":
        return len(text.splitlines())
    return -(-len(text.encode()) // 4)
