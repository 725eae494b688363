"""What every validator is: a frozen, JSON-serialisable statement of what a good answer is, and how to check it.

A validator is built at the door, where unknown types and parameters are refused before any token is spent, and runs in
the worker. It finds Issues, or raises ValidatorError when it could not check at all: that is never a pass, and never
the answer's fault.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, Field, SerializerFunctionWrapHandler, model_serializer

from longcall.errors import LongcallError
from longcall.text import clean
from longcall.validators.target import check_target

OnFail = Literal["retry", "warn", "fail"]
GOT_CHARS = 200
"""Characters of the answer that an issue quotes at most."""
MESSAGE_CHARS = 500
MAX_ISSUES = 20
"""Issues that one validator finds at most; the rest would only fill the model's context."""


class ValidatorError(LongcallError):
    """A validator could not check the answer. Neither a pass nor a fault of the answer."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong with an answer, told so that its author can mend it."""

    validator: str
    """The validator's `id`, or its `type`."""
    code: str
    """A short stable word for what is wrong: `empty`, `not_json`, `missing`, `too_long`, …"""
    message: str
    """One sentence: what is wrong."""
    path: str = ""
    """Where: a JSON pointer, `line 3`, `block 2`; empty for the whole answer."""
    expected: str | None = None
    got: str | None = None
    """At most GOT_CHARS characters of what was there instead."""
    hint: str | None = None
    """How to mend it; the caller's own `hint` comes before the validator's."""
    on_fail: OnFail = "retry"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is checked."""

    text: str
    prompt: str = ""
    """The text of the last user message that the caller sent."""
    findings: str = ""
    """What was found of it without judges, for judges to know."""
    output_tokens: int | None = None
    """What the provider counted for the whole text, reasoning left out; None when nobody counted."""


class BaseValidator(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """What the validators have in common; each adds `type`, its parameters and `find`."""

    verbatim: ClassVar[dict[str, str]] = {}
    """Fields that hold the caller's JSON, by the names they are stored under: a null in them is a value."""
    cost: ClassVar[int] = 0
    """Its stage: 0 strings, 1 structure, 2 code, 3 judges. A stage runs when the ones before found nothing to retry."""

    id: str | None = Field(default=None, min_length=1, max_length=100)
    """A name by which issues tell of this validator."""
    target: Annotated[str, AfterValidator(check_target)] = "text"
    """What is checked: `text`, `json`, `first_code_block`, `all_code_blocks`, or a JSON pointer such as `/items/0`."""
    on_fail: OnFail = "retry"
    """`retry` asks again; `warn` lets the answer pass and tells; `fail` stops at once."""
    hint: str | None = Field(default=None, max_length=2000)
    """The caller's own words to the model for when this fails."""

    @model_serializer(mode="wrap")
    def _keeps_nulls(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dumped = handler(self)
        for field, name in self.verbatim.items():
            dumped.pop(field, None)
            if field in self.model_fields_set:
                dumped[name] = getattr(self, field)
        return dumped

    @property
    def name(self) -> str:
        """What its issues are told under."""
        return self.id or str(getattr(self, "type", ""))

    async def find(self, answer: Answer) -> list[Issue]:
        """Returns what is wrong with `answer`; nothing means that it passes.

        Raises:
            ValidatorError: it could not be checked.
        """
        raise NotImplementedError

    def issue(self, code: str, message: str, *, path: str = "", **told: Any) -> Issue:
        """Returns an issue of this validator: `told` may hold `expected`, `got` and `hint`."""
        got = told.get("got")
        told["got"] = None if got is None else _clipped(clean(got), GOT_CHARS)
        told["hint"] = self.hint or told.get("hint")
        return Issue(self.name, code, _clipped(clean(message), MESSAGE_CHARS), path, on_fail=self.on_fail, **told)


def _clipped(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1] + "…"
