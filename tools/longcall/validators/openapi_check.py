"""What is wrong with an OpenAPI document. Runs apart, since a hostile one can take for ever."""

import itertools
import json
from collections.abc import Iterator
from typing import Any, cast

from longcall.validators.base import MAX_ISSUES
from longcall.validators.document import NotJsonError, parse_json
from longcall.validators.pointer import point
from longcall.validators.yaml_text import YamlFaultError, value_of

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def check(text: str) -> list[tuple[str, str | None]]:
    """Returns what is wrong with `text` and where, as messages and JSON pointers."""
    try:
        document = _read(text)
    except (NotJsonError, YamlFaultError) as error:
        return [(str(error), None)]
    if not isinstance(document, dict):
        return [("This is no OpenAPI document: it is not an object.", None)]
    remote: list[tuple[str, str | None]] = [
        (f"The reference {target[:100]!r} points to another document, and none is fetched.", where)
        for where, target in _references(document, "")
        if not target.startswith("#")
    ]
    return remote or list(itertools.islice(_errors(cast("dict[str, Any]", document)), MAX_ISSUES))


def _read(text: str) -> Any:
    if text.lstrip()[:1] == "{":
        try:
            return parse_json(text)
        except NotJsonError as error:
            try:
                value = value_of(text)  # YAML may begin with a brace too
            except YamlFaultError:
                raise error from None
            return _as_json(value)
    return _as_json(value_of(text))


def _as_json(value: Any) -> Any:
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        raise YamlFaultError("The YAML holds values that JSON has not.") from None


def _references(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for at, item in enumerate(cast("list[Any]", value)):
            yield from _references(item, f"{where}/{at}")
    elif isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            if key in REFERENCES and isinstance(item, str):
                yield where + point(key), item
            yield from _references(item, where + point(key))


def _errors(document: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    from openapi_spec_validator import shortcuts  # noqa: PLC0415  # what is no object needs none of it

    try:
        known: Any = shortcuts.get_validator_cls(document)
        validator: Any = type("Alone", (known,), {"resolver_handlers": {}})(document)
    except Exception:  # noqa: BLE001  # it has several errors for that, and some are not its own
        yield "This is no OpenAPI document: `openapi` (such as 3.1.0) or `swagger` must name a known version.", None
        return
    try:
        for error in validator.iter_errors():
            message = str(error.message).splitlines()[0]
            yield message, point(*error.absolute_path) or None
    except Exception as error:  # noqa: BLE001  # references to nowhere, and documents of odd shapes, break it
        yield f"The document cannot be resolved: {str(error).split(' within ')[0][:200]}.", None
