"""Checks of the answer, as options of the command line."""

import json
from pathlib import Path
from typing import Any, TypeVar, cast

from longcall.errors import CallError

T = TypeVar("T", dict[str, Any], list[Any])


def read_validators(given: list[str] | None) -> list[str | dict[str, Any]] | None:
    """Returns the validators that `--validate` names: a type alone, or one as JSON.

    Raises:
        CallError: one is no JSON object.
    """
    return [_json(text, "--validate") if text.lstrip().startswith("{") else text for text in given or ()] or None


def read_retry(given: str | None) -> dict[str, Any] | None:
    """Returns what `--retry` asks for: so many answers at most, or all of it as JSON.

    Raises:
        CallError: it is neither a number nor a JSON object.
    """
    if given is None:
        return None
    if given.strip().isdecimal():
        return {"max_attempts": int(given)}
    if not given.lstrip().startswith("{"):
        raise CallError('`--retry` must be a number of answers, or a JSON object such as {"max_attempts": 3}.')
    return _json(given, "--retry")


def read_schema(path: Path | None) -> dict[str, Any] | None:
    """Returns the JSON Schema in the file that `--schema` names.

    Raises:
        CallError: it cannot be read, or holds no JSON object.
    """
    if path is None:
        return None
    try:
        return _json(path.read_text("utf-8"), f"--schema {path}")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise CallError(f"The schema {path} cannot be read: {reason}.") from None


def read_json(text: str, option: str, kind: type[T]) -> T:
    """Returns the JSON object or list in a text.

    Raises:
        CallError: it is none; the sentence names the option.
    """
    wanted = "object" if issubclass(kind, dict) else "list"
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CallError(f"`{option}` must be a JSON {wanted}, and is none{_place(error)}.") from None
    if not isinstance(found, kind):
        raise CallError(f"`{option}` must be a JSON {wanted}.")
    return cast("T", found)  # what is in it is checked where the call is built


def _json(text: str, option: str) -> dict[str, Any]:
    return read_json(text, option, dict)


def _place(error: ValueError | RecursionError) -> str:
    return (
        f": {error.msg} (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
    )
