"""JSON and TOML by the standard library, strictly. Both parsers are compiled or linear, and run in a thread."""

import json
import re
import tomllib
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from anyio.to_thread import run_sync

from longcall.validation.checkers import Files
from longcall.validation.checkers.tools import diagnostic
from longcall.validation.report import Diagnostic


class InvalidDocumentError(ValueError):
    """A document breaks its grammar; `place` is line and column, both from 1."""

    def __init__(self, message: str, place: tuple[int, int]) -> None:
        super().__init__(message)
        self.place = place


def parse_json(text: str) -> Any:
    """Returns what `text` holds by RFC 8259 and nothing more lenient.

    Raises:
        InvalidDocumentError: it is no JSON: NaN, Infinity and a byte order mark are none either.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise InvalidDocumentError(error.msg, (error.lineno, error.colno)) from None
    except RecursionError:
        raise InvalidDocumentError("it is nested too deeply", (1, 1)) from None
    except ValueError as error:
        word = str(error)
        at = text.find(word)
        start = (text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)) if at >= 0 else (1, 1)
        raise InvalidDocumentError(f"{word} is no JSON", start) from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def parse_toml(text: str) -> dict[str, Any]:
    """Returns what `text` holds.

    Raises:
        InvalidDocumentError: it is no TOML.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InvalidDocumentError("it is nested too deeply", (1, 1)) from None
    except ValueError as error:
        message = str(error)
        place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
        at_end = (text.count("\n") + 1, 1)
        start = (int(place[1]), int(place[2])) if place else at_end
        raise InvalidDocumentError(re.sub(r" \(at [^()]*\)$", "", message), start) from None


class Document:
    """Checks one format with one parser."""

    checks = ("syntax",)
    confidence = "high"

    def __init__(self, name: str, language: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self.languages = frozenset({language})
        self._parse = parse

    def version(self) -> str | None:
        """Returns nothing: the standard library has no version of its own."""
        return None

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns each file's first error."""
        del wanted
        found: list[Diagnostic] = []
        for path, text in files.texts.items():
            try:
                await run_sync(self._parse, text)
            except InvalidDocumentError as error:
                found.append(diagnostic(path, error.place, str(error), check="syntax", source=self.name, code="syntax"))
        return found
