"""Parses SQL or HTML in a process of its own: `python -I parse_child.py LANGUAGE [DIALECT]`.

Reads a JSON object of texts by path and writes what is wrong with each: line, column, code, message. The libraries are
written in Python and take as long as a text makes them, so that whoever waits must be able to end them.
"""

import json
import sys
from typing import Any

Found = list[tuple[int, int, str, str]]
"""Line, column, code, message."""


def parse_sql(text: str, dialect: str | None) -> Found:
    """Returns what sqlglot cannot read."""
    import sqlglot  # noqa: PLC0415  # only the one that is asked for
    from sqlglot.errors import ParseError, SqlglotError  # noqa: PLC0415

    try:
        statements = sqlglot.parse(text, dialect=dialect)
    except ParseError as error:
        return [
            (one["line"] or 1, _column(one), "syntax", one["description"] or "syntax error") for one in error.errors
        ]
    except (SqlglotError, RecursionError) as error:
        return [(1, 1, "syntax", str(error).partition("\n")[0] or "it is nested too deeply")]
    # What it does not know it takes for a command, whole and unread.
    unread = [
        type(one).__name__
        for one in statements
        if one is not None and type(one).__name__ in ("Command", "Alias", "Column")
    ]
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
    from html5lib.constants import E as MESSAGES  # noqa: PLC0415

    parser = HTMLParser()
    is_page = "<html" in text.lower() or "<!doctype" in text.lower()
    getattr(parser, "parse" if is_page else "parseFragment")(text)
    return [
        (line, max(1, column), code, MESSAGES.get(code, code) % told) for (line, column), code, told in parser.errors
    ]


def known_dialect(dialect: str | None) -> bool:
    """Whether sqlglot has that dialect."""
    from sqlglot.dialects.dialect import Dialect  # noqa: PLC0415

    return dialect is None or dialect in Dialect.classes


def main() -> None:
    """Parses what standard input holds."""
    language, dialect = sys.argv[1], sys.argv[2] or None
    if language == "sql" and not known_dialect(dialect):
        sys.stdout.write(json.dumps({"unknown_dialect": dialect}))
        return
    parse = parse_sql if language == "sql" else parse_html
    texts: dict[str, str] = json.load(sys.stdin)
    sys.stdout.write(json.dumps({"found": {path: parse(text, dialect) for path, text in texts.items()}}))


if __name__ == "__main__":
    main()
