"""Who checks the syntax of which language. A richer checker is one more entry of LANGUAGES."""

import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from longcall.validators.apart import apart
from longcall.validators.base import ValidatorError
from longcall.validators.document import NotJsonError, parse_json
from longcall.validators.sql import SqlError, parse_sql

MAX_CHARS = 500_000
_warnings = threading.Lock()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with code."""

    message: str
    line: int | None = None
    """The line of the code, from 1."""
    excerpt: str | None = None


Checker = Callable[[str], list[Fault]]


def _python(text: str) -> list[Fault]:
    if len(text) > MAX_CHARS:
        raise ValidatorError(f"The code has more than {MAX_CHARS} characters: too many to be compiled.")
    # The filters of warnings belong to the whole process; the lock keeps our own threads apart.
    with _warnings, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "answer", "exec", dont_inherit=True)
        except SyntaxError as error:
            return [Fault(f"This is not Python: {error.msg}", error.lineno, (error.text or "").strip() or None)]
        except ValueError as error:
            return [Fault(f"This is not Python: {error}")]
        except (MemoryError, RecursionError, OverflowError):
            return [Fault("The code is nested too deeply")]
    return []


def _json(text: str) -> list[Fault]:
    try:
        parse_json(text)
    except NotJsonError as error:
        return [Fault(str(error).rstrip("."), error.line)]
    return []


def _sql(text: str) -> list[Fault]:
    try:
        parse_sql(text, "")
    except SqlError as error:
        return [Fault(str(error).rstrip("."))]
    return []


def _apart(language: str) -> Checker:
    return lambda text: [Fault(message.rstrip("."), line) for message, line in apart(language, text)]


LANGUAGES: Mapping[str, Checker] = {
    "json": _json,
    "python": _python,
    "sql": _sql,
    "toml": _apart("toml"),
    "yaml": _apart("yaml"),
}
_TAGS = {
    "python": ("python", "py", "python3", "py3"),
    "sql": ("sql", "postgresql", "postgres", "psql", "mysql", "sqlite", "tsql", "plsql"),
    "yaml": ("yaml", "yml"),
}


def tags_of(language: str) -> tuple[str, ...]:
    """Returns the words after a fence that mean `language`, its own name first."""
    return _TAGS.get(language, (language,))


def tongue(name: str) -> str | None:
    """Returns the language that `name` means, or None when it cannot be checked."""
    return next((language for language in LANGUAGES if name.lower() in tags_of(language)), None)
