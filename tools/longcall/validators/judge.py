"""What a judge is asked: the specification of an agent validator. `longcall.judge` runs it."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator

from longcall.validators.base import BaseValidator

PLACEHOLDERS = ("{TEXT_TO_VALIDATE}", "{CODE_TO_VALIDATE}", "{ORIGINAL_USER_PROMPT}", "{CRITERIA}")
_JUDGED = ("{TEXT_TO_VALIDATE}", "{CODE_TO_VALIDATE}")


def _shows_the_answer(prompt: str) -> str:
    if not any(name in prompt for name in _JUDGED):
        raise ValueError(
            "the judge's prompt must hold {TEXT_TO_VALIDATE} or {CODE_TO_VALIDATE}, or the judge never sees the answer"
        )
    return prompt


JudgePrompt = Annotated[str, AfterValidator(_shows_the_answer)]


class SuccessCriteria(BaseModel, frozen=True, extra="forbid"):
    """What a free report must say; all that are given must hold. `validation_passed: false` fails whatever else holds.

    Words are compared whole and without regard to case: INVALID is not VALID.
    """

    agent_must_report_true: str | None = None
    """The name of a field that must be exactly `true`."""
    must_contain_in_details: str | None = None
    must_contain_in_reasoning: str | None = None
    must_not_contain_string_in_reasoning: str | None = None
    all_true_in_details_keys: tuple[str, ...] | None = None
    """Names of fields of `details` that must all be exactly `true`."""
    field_present_in_details: str | None = None


class Judge(BaseValidator, frozen=True, extra="forbid"):
    """Another model decides: by criteria of which each gets its own verdict, or by a prompt of the caller's.

    With `prompt` alone, or with `success_criteria`, the judge reports `validation_passed`, `reasoning` and `details`;
    with `criteria` it gives a verdict on each, with quotes that are looked up in the answer.
    """

    cost: ClassVar[int] = 3

    type: Literal["judge"] = "judge"
    criteria: tuple[str, ...] = Field(default=(), max_length=50)
    prompt: JudgePrompt | None = None
    models: tuple[str, ...] = Field(default=(), max_length=10)
    """Who judges; empty takes the model that is asked, with a warning."""
    require: Literal["no_veto", "majority", "all"] = "no_veto"
    success_criteria: SuccessCriteria | None = None
    servers: tuple[str, ...] = ()
    """Names of the operator's MCP servers whose tools the judge may use."""
    mcp_config: dict[str, Any] | None = None
    """MCP servers of the caller's own, for callers in Python alone."""
    max_tokens: int = Field(default=2000, ge=1)

    @model_validator(mode="after")
    def _knows_what_to_judge(self) -> "Judge":
        if not self.criteria and self.prompt is None:
            raise ValueError("a judge needs `criteria` (a list of sentences) or a `prompt`")
        if self.criteria and self.success_criteria is not None:
            raise ValueError("give a judge either `criteria` or `success_criteria`: they ask for different reports")
        if self.prompt is not None and bool(self.criteria) != ("{CRITERIA}" in self.prompt):
            raise ValueError("a judge's prompt holds {CRITERIA} when there are `criteria`, and only then")
        return self


def fill(prompt: str, values: dict[str, str]) -> str:
    """Returns `prompt` with each placeholder replaced once, in one pass: what is put in is never looked at again."""
    names = "|".join(re.escape(name) for name in PLACEHOLDERS)
    return re.sub(names, lambda found: values.get(found[0], found[0]), prompt)
