"""YAML read without trust: shallow, without aliases where values are wanted, and with the scalars of JSON."""

from collections.abc import Iterator
from typing import Any, cast

import yaml

MAX_DEPTH = 200
_yaml: Any = yaml  # its stubs are half typed
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlFaultError(ValueError):
    """A text is no YAML, or none that is read here."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def walk(text: str, *, aliases: bool = True) -> None:
    """Parses `text` without building anything of it.

    Raises:
        YamlFaultError: it is not YAML, is nested too deeply, or has an alias that is not wanted.
    """
    depth = 0
    try:
        for event in cast("Iterator[Any]", _yaml.parse(text, Loader=_Loader)):
            name = type(event).__name__
            depth += name.endswith(("SequenceStartEvent", "MappingStartEvent"))
            depth -= name.endswith(("SequenceEndEvent", "MappingEndEvent"))
            if depth > MAX_DEPTH:
                raise YamlFaultError(f"The YAML is nested more than {MAX_DEPTH} levels deep.")
            if name == "AliasEvent" and not aliases:
                raise YamlFaultError("YAML aliases (`*name`) are not followed here; write the part out, or use `$ref`.")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise YamlFaultError(f"This is not YAML: {error.problem}", line) from None
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, YamlFaultError):
            raise
        raise YamlFaultError(f"This is not YAML: {str(error).splitlines()[0]}") from None


def value_of(text: str) -> Any:
    """Returns the value of a YAML text; dates stay text and all keys are text, as in JSON.

    Raises:
        YamlFaultError: it has none.
    """
    from jsonschema_path.loaders import JsonschemaSafeLoader  # noqa: PLC0415  # a check of syntax does without

    walk(text, aliases=False)
    try:
        return _yaml.load(text, Loader=JsonschemaSafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        raise YamlFaultError(f"This YAML has no value: {str(error).splitlines()[0]}") from None
