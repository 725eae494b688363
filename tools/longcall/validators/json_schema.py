"""The answer's JSON fits a JSON Schema."""

import functools
import itertools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from longcall.validators.base import MAX_ISSUES, Issue
from longcall.validators.local import ValueValidator, at
from longcall.validators.pointer import point, shown

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError, Validator

Schema = dict[str, Any] | bool
REGEX_BYTES = 1_000_000
"""What a pattern may take when compiled."""


class JsonSchema(ValueValidator, frozen=True, extra="forbid"):
    """The answer's JSON fits `schema`, of the draft that its `$schema` names or 2020-12.

    Nothing is ever fetched for a `$ref`, and patterns are matched in linear time, so that look-around is refused.
    """

    verbatim: ClassVar[dict[str, str]] = {"schema_": "schema"}
    cost: ClassVar[int] = 1

    type: Literal["json_schema"] = "json_schema"
    schema_: Schema = Field(alias="schema")
    formats: bool = True
    """Whether `format` is checked; by the later drafts alone it only annotates."""

    @field_validator("schema_")
    @classmethod
    def _is_our_own(cls, schema: Schema) -> Schema:
        try:
            return json.loads(json.dumps(schema, allow_nan=False))
        except (TypeError, ValueError, RecursionError):
            raise ValueError("the schema must be JSON, and not nested too deeply") from None

    @model_validator(mode="after")
    def _compiles(self) -> "JsonSchema":
        self._compiled()
        return self

    def _compiled(self) -> "Validator":
        return _compiled(json.dumps(self.schema_, sort_keys=True), formats=self.formats)

    def look(self, value: Any, path: str) -> list[Issue]:
        """Finds issues that have the keyword that failed for their code."""
        try:
            errors = list(itertools.islice(self._compiled().iter_errors(value), MAX_ISSUES))
        except ValueError as error:
            return [self.issue("too_deep", f"The JSON could not be held against the schema: {error}.", path=path)]
        return [self._told(error, path) for error in errors]

    def _told(self, error: "ValidationError", path: str) -> Issue:
        where = at(path, point(*error.instance_path))
        expected = "/" + "/".join(map(str, error.schema_path))
        got = shown(error.instance)
        message = f"{error.message[:1].upper()}{error.message[1:]}."
        return self.issue(error.kind.name, message, path=where, expected=f"what the schema says at {expected}", got=got)


@functools.lru_cache(maxsize=64)
def _compiled(canonical: str, *, formats: bool) -> "Validator":
    return compile_schema(json.loads(canonical), formats=formats)


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} is another document, and none is ever fetched")


def compile_schema(schema: Schema, *, formats: bool = True, retriever: Callable[[str], Any] = _refuse) -> "Validator":
    """Returns a validator of `schema`; `retriever` is asked for every other document that it refers to.

    Raises:
        ValueError: it is no schema that can be used; the message says why.
    """
    import jsonschema_rs  # noqa: PLC0415  # the front imports this file at its start

    try:
        return jsonschema_rs.validator_for(
            schema,
            validate_formats=formats,
            retriever=retriever,
            mask="the value",
            pattern_options=jsonschema_rs.RegexOptions(size_limit=REGEX_BYTES, dfa_size_limit=REGEX_BYTES),
        )
    except jsonschema_rs.ValidationError as error:
        message = error.message
        if "not present in a registry" in message:
            message = message.split(" is not present")[0] + " is another document, and none is ever fetched"
        elif 'not a "regex"' in message:
            message += "; patterns run in linear time, without look-around and back-references"
        where = point(*error.instance_path)
        raise ValueError(f"the schema cannot be used{f' at {where}' * bool(where)}: {message}") from None
    except ValueError as error:
        raise ValueError(f"the schema cannot be used: {error}") from None
