"""What a caller's or an operator's function says about an answer, as issues."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from longcall.validators.base import MAX_ISSUES, BaseValidator, Issue, ValidatorError


def issues(validator: BaseValidator, outcome: Any, path: str) -> list[Issue]:
    """Returns the issues that `outcome` stands for: None, true and nothing said pass; false, texts and Issues fail.

    Raises:
        ValidatorError: it is something else.
    """
    of = type(outcome).__name__
    if outcome is None or outcome is True or outcome == "":
        return []
    if outcome is False:
        return [validator.issue("rejected", "The check did not accept it.", path=path)]
    if isinstance(outcome, str):
        return [validator.issue("rejected", outcome, path=path)]
    if isinstance(outcome, Issue):
        hint = validator.hint or outcome.hint
        return [replace(outcome, validator=validator.name, on_fail=validator.on_fail, hint=hint)]
    if isinstance(outcome, list | tuple):
        told = cast("Sequence[Any]", outcome)
        if _are_told(told):
            return [issue for one in told[:MAX_ISSUES] for issue in issues(validator, one, path)]
    raise ValidatorError(f"{validator.name} returned {of}; it may return None, true, false, a text or a list of texts.")


def _are_told(outcomes: Sequence[Any]) -> bool:
    return all(isinstance(one, str | Issue) for one in outcomes)
