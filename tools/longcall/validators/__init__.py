"""What a good answer is, in the caller's words: `parse_validators` is the one way in."""

import difflib
import json
from typing import Annotated, Any, cast

from pydantic import BaseModel, Field, ValidationError

from longcall.complaint import complaint_of
from longcall.text import clean
from longcall.validators.aliases import TYPES, modern
from longcall.validators.base import Answer, BaseValidator, Issue, OnFail, ValidatorError
from longcall.validators.code import Code
from longcall.validators.contains import Contains
from longcall.validators.document import JsonFound, NotJsonError, json_of
from longcall.validators.field_present import FieldPresent
from longcall.validators.json_schema import JsonSchema
from longcall.validators.json_text import Json
from longcall.validators.judge import Judge
from longcall.validators.length import Length
from longcall.validators.not_empty import NotEmpty
from longcall.validators.openapi import OpenApi
from longcall.validators.plugin import Plugin
from longcall.validators.python import Python
from longcall.validators.regex import Regex
from longcall.validators.sql import Sql

__all__ = [
    "Answer",
    "BaseValidator",
    "Issue",
    "JsonFound",
    "OnFail",
    "Validator",
    "ValidatorError",
    "fault_of",
    "json_found",
    "parse_validators",
]

Validator = Annotated[
    NotEmpty
    | Json
    | JsonSchema
    | FieldPresent
    | Contains
    | Regex
    | Length
    | Code
    | Sql
    | OpenApi
    | Python
    | Judge
    | Plugin,
    Field(discriminator="type"),
]
MAX_VALIDATORS = 50
MAX_DEPTH = 200
"""Levels of a validator's JSON: what is nested deeper could be taken, but not stored."""
_MODELS: dict[str, type[BaseValidator]] = {
    cast("str", model.model_fields["type"].default): model
    for model in (
        NotEmpty, Json, JsonSchema, FieldPresent, Contains, Regex, Length, Code, Sql, OpenApi, Python, Judge, Plugin,
    )
}  # fmt: skip


def parse_validators(raw: object) -> tuple[Validator, ...]:
    """Returns the validators that a caller asks for.

    Takes a list of objects and of names such as "not_empty", or a single one, or JSON text of these; None is none. The
    names and parameters of older configurations are understood (see `aliases`). Everything that can be known before
    anything is spent is checked here: schemas, patterns and functions are compiled, plugins and dialects looked up.

    Raises:
        ValueError: something cannot be used; one sentence says what, and what could be.
    """
    asked = _listed(raw)
    if len(asked) > MAX_VALIDATORS:
        raise ValueError(f"There are {len(asked)} validators; {MAX_VALIDATORS} at most can be asked for.")
    return tuple(validator for at, one in enumerate(asked) for validator in _parsed(one, f"validator {at + 1}"))


def fault_of(error: ValueError) -> str:
    """Returns what `parse_validators` found wrong with the only validator asked for, without saying which it is."""
    return str(error).partition(": ")[2]


def json_found(validators: tuple[Validator, ...], text: str) -> JsonFound | None:
    """Returns the JSON of an answer as the most lenient of `validators` read it, or None when it holds none."""
    lenient = any(isinstance(one, Json | JsonSchema | FieldPresent) and one.repair == "safe" for one in validators)
    try:
        return json_of(text, repair="safe" if lenient else "off")
    except NotJsonError:
        return None


def _listed(raw: object) -> list[object]:
    if raw is None:
        return []
    if isinstance(raw, str) and raw.lstrip()[:1] in ("[", "{"):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            raise ValueError(
                "The validators are a text that is not JSON; give a list of objects or of names."
            ) from None
    return list(cast("list[object]", raw)) if isinstance(raw, list | tuple) else [raw]


def _parsed(one: object, where: str) -> list[Validator]:
    if isinstance(one, BaseValidator):
        return [cast("Validator", one)]
    try:
        specs = modern(_spec(one))
    except ValueError as error:
        raise ValueError(f"{where}: {error}.") from None
    return [_built(spec, where) for spec in specs]


def _spec(one: object) -> dict[str, Any]:
    if isinstance(one, str):
        name, _, fields = clean(one).strip().partition(":")
        return (
            {"type": name, "required_fields": fields} if fields and name == "field_present" else {"type": one.strip()}
        )
    if isinstance(one, BaseModel):
        one = one.model_dump()
    try:
        # What is stored must be valid Unicode and JSON, and must not change when the caller's own object does.
        spec = json.loads(clean(json.dumps(one, ensure_ascii=False, allow_nan=False)))
    except (TypeError, ValueError, RecursionError):
        raise ValueError("a validator must be JSON, and not nested too deeply") from None
    if not _is_shallow(spec, MAX_DEPTH):
        raise ValueError("a validator must be JSON, and not nested too deeply")
    if isinstance(spec, dict):
        return cast("dict[str, Any]", spec)
    raise ValueError(f"a validator is an object with a `type`, or a name such as `not_empty`, not {spec!r:.60}")


def _is_shallow(value: object, levels: int) -> bool:
    if isinstance(value, dict):
        return levels > 0 and all(_is_shallow(one, levels - 1) for one in cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return levels > 0 and all(_is_shallow(one, levels - 1) for one in cast("list[object]", value))
    return True


def _built(spec: dict[str, Any], where: str) -> Validator:
    name = spec.get("type")
    if not isinstance(name, str) or name not in _MODELS:
        if name is None:
            raise ValueError(f"{where}: `type` is missing; it is one of {', '.join(_MODELS)}.")
        near = _nearest(str(name), [*_MODELS, *TYPES])
        raise ValueError(f"{where}: there is no validator `{name}`{near}; {_there(_MODELS)}.")
    fields = [field.alias or key for key, field in _MODELS[name].model_fields.items()]
    for key in spec:
        if key not in fields:
            taken = [field for field in fields if field != "type"]
            raise ValueError(f"{where}: `{name}` takes no `{key}`{_nearest(key, taken)}; it takes {', '.join(taken)}.")
    try:
        return cast("Validator", _MODELS[name].model_validate(spec))
    except ValidationError as error:
        raise ValueError(f"{where} (`{name}`): {_complaint(error)}.") from None


def _there(names: dict[str, type[BaseValidator]]) -> str:
    return f"there are {', '.join(names)}"


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.6)
    return f" (do you mean `{near[0]}`?)" if near else ""


def _complaint(error: ValidationError) -> str:
    told = complaint_of(error)
    if not told.place:
        return told.words
    return f"`{told.place}`: {told.words}" if told.is_own else f"`{told.place}` {told.words}"
