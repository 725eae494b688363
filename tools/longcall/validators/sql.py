"""The answer is SQL of the kinds that are allowed."""

import importlib
import logging
import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import field_validator

from longcall.validators.base import Answer, Issue, ValidatorError
from longcall.validators.local import TextValidator
from longcall.validators.target import Part, pick

MAX_CHARS = 100_000
_STATEMENTS = {
    "Select": "select", "Union": "select", "Except": "select", "Intersect": "select", "Subquery": "select",
    "Values": "select", "Insert": "insert", "MultitableInserts": "insert", "Update": "update", "Delete": "delete",
    "Merge": "merge", "Create": "create", "Drop": "drop", "Alter": "alter", "TruncateTable": "truncate", "Copy": "copy",
    "LoadData": "load", "Grant": "grant", "Revoke": "revoke", "Set": "set", "Use": "use", "Show": "show",
    "Describe": "describe", "Pragma": "pragma", "Transaction": "begin", "Commit": "commit", "Rollback": "rollback",
    "Kill": "kill", "Analyze": "analyze", "Comment": "comment", "Cache": "cache", "Uncache": "cache",
    "Refresh": "refresh", "Attach": "attach", "Detach": "detach", "Declare": "declare", "Export": "export",
    "Execute": "execute", "Summarize": "select", "Block": "block", "IfBlock": "block", "WhileBlock": "block",
}  # fmt: skip
_INSIDE = {
    name: _STATEMENTS[name]
    for name in ("Insert", "Update", "Delete", "Merge", "Create", "Drop", "Alter", "TruncateTable", "Copy", "LoadData")
} | {"Into": "into", "Lock": "lock"}
"""What changes or locks something, also when it stands inside of another statement."""
_OPAQUE = ("call", "do", "exec", "execute", "explain", "prepare", "block")
KINDS = frozenset((*_STATEMENTS.values(), *_INSIDE.values(), *_OPAQUE, "replace", "vacuum", "lock"))


class Sql(TextValidator, frozen=True, extra="forbid"):
    """The text is SQL that parses, of the kinds in `allow` and of none in `deny`.

    Statements inside of others count, such as a DELETE in a WITH; `into` is SELECT … INTO and `lock` FOR UPDATE. What
    functions do is not seen.
    """

    cost: ClassVar[int] = 2

    type: Literal["sql"] = "sql"
    dialect: str = ""
    """A dialect of sqlglot, such as `postgres`; empty is none in particular."""
    allow: tuple[str, ...] = ()
    """The kinds of statements that may occur, such as `select`; empty allows all."""
    deny: tuple[str, ...] = ()
    """Kinds that may not. What cannot be looked into (`call`, `do`, `execute`, …) then needs to be in `allow`."""
    single_statement: bool = False

    @field_validator("dialect")
    @classmethod
    def _is_known(cls, dialect: str) -> str:
        dialect = _DIALECTS.get(dialect.lower(), dialect.lower())
        dialects: Any = importlib.import_module("sqlglot.dialects.dialect").Dialects
        known = sorted(one.value for one in dialects if one.value)
        if dialect and dialect not in known:
            raise ValueError(f"{dialect!r} is not a dialect; there are: {', '.join(known)}")
        return dialect

    @field_validator("allow", "deny")
    @classmethod
    def _are_kinds(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        kinds = tuple(kind.lower() for kind in kinds)
        for kind in kinds:
            if kind not in KINDS:
                raise ValueError(f"{kind!r} is no kind of statement; there are: {', '.join(sorted(KINDS))}")
        return kinds

    def parts(self, answer: Answer) -> list[Part]:
        """Takes the code blocks of SQL, where there are code blocks."""
        return pick(answer.text, self.target, ("sql",))

    def look(self, part: Part, answer: Answer) -> list[Issue]:
        """Finds `syntax`, `no_sql`, `several_statements`, `hidden_code` and `not_allowed`."""
        del answer
        try:
            statements = parse_sql(part.text, self.dialect)
        except SqlError as error:
            return [self.issue(error.code, str(error), path=part.path, got=part.text)]
        found: list[Issue] = []
        if self.single_statement and len(statements) > 1:
            message = f"There are {len(statements)} statements; give exactly one."
            found.append(self.issue("several_statements", message, path=part.path))
        if (self.allow or self.deny) and re.search(r"/\*M?!", part.text) and _has_executable_comment(statements):
            message = "A comment begins with `!`: some databases run what it holds."
            found.append(self.issue("hidden_code", message, path=part.path))
        bad = sorted({kind for one in statements for kind in kinds(one) if self._refuses(kind)})
        message = f"Statements of these kinds may not occur: {', '.join(bad)}."
        expected = ", ".join(self.allow) or None
        return found + [self.issue("not_allowed", message, path=part.path, expected=expected)] * bool(bad)

    def _refuses(self, kind: str) -> bool:
        if self.allow and kind not in self.allow:
            return True
        return kind in self.deny or (bool(self.deny) and kind in _OPAQUE and kind not in self.allow)


_DIALECTS = {"postgresql": "postgres", "mariadb": "mysql", "mssql": "tsql", "sqlserver": "tsql", "sqlite3": "sqlite"}


class SqlError(ValueError):
    """A text is no SQL."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def parse_sql(text: str, dialect: str) -> list[Any]:
    """Returns the statements of `text`, at least one.

    Raises:
        SqlError: it is not SQL.
        ValidatorError: it is too long to be looked at.
    """
    if len(text) > MAX_CHARS:
        raise ValidatorError(f"The SQL has more than {MAX_CHARS} characters: too many to be parsed.")
    sqlglot: Any = importlib.import_module("sqlglot")
    # It warns of what it does not know, and quotes it: answers stay out of logs.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        statements = [one for one in sqlglot.parse(text, dialect=dialect or None) if one is not None]
    except sqlglot.errors.ParseError as error:
        first: dict[str, Any] = error.errors[0] if error.errors else {}
        where = f" (line {first['line']}, column {first['col']})" if first.get("line") else ""
        raise SqlError(
            "syntax", f"The SQL does not parse: {first.get('description') or 'it is cut off'}{where}"
        ) from None
    except sqlglot.errors.SqlglotError:
        raise SqlError("syntax", "The SQL does not parse: a quote or a comment is not closed.") from None
    except RecursionError:
        raise SqlError("too_deep", "The SQL is nested too deeply.") from None
    if not statements or not all(_is_statement(one) for one in statements):
        raise SqlError("no_sql", "This is no SQL statement.")
    return statements


def _is_statement(node: Any) -> bool:
    name = type(node).__name__
    if name == "Select":
        return bool(node.expressions or node.args.get("from_") or node.args.get("from"))
    return name in _STATEMENTS or (name == "Command" and str(node.this).lower() in KINDS)


def kinds(statement: Any) -> Iterator[str]:
    """Yields what kind of statement this is, and the kinds of what it holds."""
    own = type(statement).__name__
    yield str(statement.this).lower() if own == "Command" else _STATEMENTS[own]
    for node in statement.walk():
        name = type(node).__name__
        if name in _INSIDE:
            yield _INSIDE[name]
        elif name == "When" and str(node.args.get("then")).upper() == "DELETE":
            yield "delete"


def _has_executable_comment(statements: list[Any]) -> bool:
    comments = (comment for one in statements for node in one.walk() for comment in node.comments or ())
    return any(re.match(r"M?!", comment) for comment in comments)
