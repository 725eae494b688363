"""Asks one validator about one answer."""

from typing import Any

from longcall.validators import Answer, Issue, Validator, parse_validators


def one(spec: Any) -> Validator:
    """Returns the validator that `spec` stands for, after a way through the store."""
    (parsed,) = parse_validators(spec)
    (again,) = parse_validators(parsed.model_dump(mode="json", exclude_none=True))
    assert again == parsed
    return again


async def find(spec: Any, text: str, **answer: Any) -> list[Issue]:
    """Returns what a validator finds in an answer."""
    return await one(spec).find(Answer(text, **answer))


async def codes(spec: Any, text: str, **answer: Any) -> list[str]:
    """Returns the codes of what a validator finds in an answer."""
    return [issue.code for issue in await find(spec, text, **answer)]
