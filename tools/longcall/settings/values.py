"""The kinds of values that settings have, each with the words for what it must be."""

import os
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

WANTED = "wanted"
"""Type of the error whose message says what the value must be."""
SECRET = "secret"  # noqa: S105  # a kind of error, and no secret
"""Type of the error whose value is not to be shown."""


def must_be(words: str) -> WrapValidator:
    """Returns a validator that says in `words` what the value must be, whatever is wrong with it."""

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except PydanticCustomError:
            raise
        except (ValueError, RuntimeError) as error:
            if isinstance(error, ValidationError) and error.errors()[0]["type"] == SECRET:
                raise
            raise PydanticCustomError(WANTED, "{words}", {"words": words}) from None

    return WrapValidator(validate)


def _expanded(value: Any) -> Any:
    return Path(value).expanduser() if isinstance(value, str | Path) else value


def _home(value: Any) -> Any:
    return _expanded(value).absolute() if isinstance(value, str | Path) else value


def _absolute(value: Any) -> Any:
    path = _expanded(value)
    if isinstance(path, Path) and not path.is_absolute():
        raise ValueError  # a worker runs in another folder than who set it
    return path


def _split(value: Any, separator: str) -> Any:
    return [part.strip() for part in value.split(separator) if part.strip()] if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    return _split(value, ",")


def _folders(value: Any) -> Any:
    return [_absolute(part) for part in _split(value, os.pathsep)]


def _root_url(value: Any) -> Any:
    """Returns a URL without the slash at its end."""
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004  # the sentence is `must_be`'s
    parts = urlsplit(value)
    if "@" in value or "?" in value:  # whatever is secret there, the sentence must not show
        raise PydanticCustomError(SECRET, "must hold no name, password or query")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:  # a wrong port raises
        raise ValueError
    return value.rstrip("/")


def _without_v1(value: Any) -> Any:
    return _root_url(value).removesuffix("/v1")


_finite = Field(gt=0, allow_inf_nan=False)

Seconds = Annotated[float, _finite, must_be("seconds above 0")]
Days = Annotated[float, _finite, must_be("days above 0")]
Count = Annotated[int, Field(gt=0), must_be("a whole number above 0")]
Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False), must_be("US dollars, 0 or more")]
Tokens = Annotated[int, Field(ge=0), must_be("a whole number of tokens, 0 or more")]
Switch = Annotated[bool, must_be("1 or 0")]
Home = Annotated[Path, BeforeValidator(_home), must_be("a folder")]
Folders = Annotated[
    tuple[Path, ...],
    NoDecode,
    BeforeValidator(_folders),
    must_be(f"absolute paths of folders (in a variable with {os.pathsep} between them)"),
]
Names = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(_listed), must_be("names (in a variable with commas between them)")
]
Models = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed), must_be("names of models")]
McpFile = Annotated[Path, BeforeValidator(_absolute), must_be("the absolute path of a .mcp.json")]
JsonFile = Annotated[Path, BeforeValidator(_absolute), must_be("the absolute path of a JSON file")]
ProxyURL = Annotated[str, BeforeValidator(_without_v1), must_be("a URL like http://127.0.0.1:3010")]
ApiBase = Annotated[str, BeforeValidator(_root_url), must_be("a URL like http://127.0.0.1:8000/v1")]


def one_of(*words: str) -> tuple[BeforeValidator, WrapValidator]:
    """Returns the validators of a word out of several, in whatever case it is written."""
    return BeforeValidator(_lower), must_be(" or ".join(words))


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
