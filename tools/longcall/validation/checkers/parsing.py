"""SQL and HTML by libraries in Python. Each runs in a process of its own, which ends with the caller or its time."""

from collections.abc import Callable, Sequence
from typing import Any

import anyio
from anyio.to_process import run_sync

from longcall.validation.checkers import BrokenToolError, Files, SkippedError
from longcall.validation.checkers.tools import diagnostic, package_version
from longcall.validation.report import Diagnostic

_MOST_S = 20.0
Found = list[tuple[int, int, str, str]]
"""Line, column, code, message."""


def parse_sql(text: str, dialect: str | None) -> Found:
    """Returns what sqlglot cannot read."""
    import sqlglot  # noqa: PLC0415  # a quarter of a second
    from sqlglot.errors import ParseError, SqlglotError  # noqa: PLC0415

    try:
        statements = sqlglot.parse(text, dialect=dialect)
    except ParseError as error:
        return [(one["line"] or 1, _column(one), "syntax", one["description"] or "syntax error") for one in error.errors]
    except (SqlglotError, RecursionError) as error:
        return [(1, 1, "syntax", str(error).partition("\n")[0] or "it is nested too deeply")]
    # What it does not know it takes for a command, whole and unread.
    unread = [type(one).__name__ for one in statements if one is not None and type(one).__name__ in ("Command", "Alias", "Column")]
    if any(kind != "Command" for kind in unread):
        return [(1, 1, "not-a-statement", "this is an expression, no statement: its first word may be misspelt")]
    return []


def _column(one: dict[str, Any]) -> int:
    # sqlglot counts to the end of the word that it stumbled over.
    return max(1, (one["col"] or 1) - max(0, len(one["highlight"] or "") - 1))


def parse_html(text: str, dialect: str | None) -> Found:
    """Returns the parse errors of the HTML standard; what has no `<html>` and no doctype is read as a fragment."""
    del dialect
    from html5lib import HTMLParser  # noqa: PLC0415
    from html5lib.constants import E as MESSAGES  # noqa: N811, PLC0415

    parser = HTMLParser()
    is_page = "<html" in text.lower() or "<!doctype" in text.lower()
    (parser.parse if is_page else parser.parseFragment)(text)
    return [(line, max(1, column), code, MESSAGES.get(code, code) % told) for (line, column), code, told in parser.errors]


def known_dialect(dialect: str | None) -> bool:
    """Whether sqlglot has that dialect."""
    from sqlglot.dialects.dialect import Dialect  # noqa: PLC0415

    return dialect is None or dialect in Dialect.classes


class Parsing:
    """Checks one language with one library."""

    checks = ("syntax",)
    confidence = "high"

    def __init__(self, name: str, language: str, parse: Callable[[str, str | None], Found], harmless: Sequence[str] = ()) -> None:
        self._harmless = frozenset(harmless)
        self.name = name
        self.languages = frozenset({language})
        self._parse = parse

    def version(self) -> str | None:
        """Returns the library's version."""
        return package_version(self.name)

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns the errors of each file."""
        del wanted
        if self.version() is None:
            raise SkippedError("tool_missing", f"there is no {self.name} here")
        found: list[Diagnostic] = []
        for path, text in files.texts.items():
            try:
                with anyio.fail_after(_MOST_S):
                    errors = await run_sync(self._parse, text, files.dialect, cancellable=True)
            except TimeoutError:
                raise SkippedError("timeout", f"it took more than {_MOST_S:.0f} s") from None
            except Exception as error:  # noqa: BLE001  # a library's own mistake must not look like the author's
                raise BrokenToolError(f"{type(error).__name__}: {error}"[:300]) from None
            found += [
                diagnostic(
                    path,
                    (line, column),
                    message,
                    check="syntax",
                    source=self.name,
                    code=code,
                    severity="warning" if code in self._harmless else "error",
                )
                for line, column, code, message in errors
            ]
        return found
