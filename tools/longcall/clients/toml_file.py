"""Edits of TOML, which keep its comments and its order."""

from typing import TYPE_CHECKING, Any, cast

from longcall.clients.formats import Keys, SyntaxFault, Tree

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_ENTRY_DEPTH = 2
"""A server's entry is a table of its own; what is in it stands in line."""


class Toml:
    """TOML 1.0."""

    def read(self, text: str) -> Tree:
        """See Format."""
        return _document(text).unwrap()

    def put(self, text: str, keys: Keys, value: Any) -> str:
        """See Format."""
        import tomlkit  # noqa: PLC0415  # only who edits TOML
        from tomlkit.items import InlineTable  # noqa: PLC0415  # as above

        document = _document(text)
        table: Any = document
        for name in keys[:-1]:
            if name not in table:
                table[name] = tomlkit.table(is_super_table=True)
            table = table[name]
        is_entry = len(keys) <= _ENTRY_DEPTH and not isinstance(table, InlineTable)
        table[keys[-1]] = _item(value) if is_entry else _inline(value)
        return tomlkit.dumps(document)

    def drop(self, text: str, keys: Keys) -> str:
        """See Format."""
        import tomlkit  # noqa: PLC0415  # as above

        document = _document(text)
        table: Any = document
        for name in keys[:-1]:
            table = table[name]
        del table[keys[-1]]
        return tomlkit.dumps(document)

    def show(self, tree: Tree) -> str:
        """See Format."""
        import tomlkit  # noqa: PLC0415  # as above

        document = tomlkit.document()
        for name, value in tree.items():
            document[name] = _item(value, is_super=True)
        return tomlkit.dumps(document)


def _document(text: str) -> "TOMLDocument":
    import tomlkit  # noqa: PLC0415  # as above
    from tomlkit.exceptions import ParseError, TOMLKitError  # noqa: PLC0415  # as above

    try:
        return tomlkit.parse(text)
    except ParseError as error:
        what = str(error).partition(" at line ")[0]
        if what.endswith(r"'\x00'"):  # how tomlkit sees the end of a text
            raise SyntaxFault(f"line {error.line}: the file ends in the middle of something") from None
        raise SyntaxFault(f"line {error.line}, column {error.col}: {what}") from None
    except TOMLKitError as error:
        raise SyntaxFault(str(error)) from None


def _item(value: Any, *, is_super: bool = False) -> Any:
    """Returns a value as it is written: an entry as a table, what is in it on one line each."""
    import tomlkit  # noqa: PLC0415  # as above

    if not isinstance(value, dict):
        return _inline(value)
    table: Any = tomlkit.table(is_super_table=is_super)
    for name, part in cast("dict[str, Any]", value).items():
        table[name] = _item(part) if is_super else _inline(part)
    return table


def _inline(value: Any) -> Any:
    import tomlkit  # noqa: PLC0415  # as above

    if not isinstance(value, dict):
        return cast("Any", tomlkit.item(value))
    table: Any = tomlkit.inline_table()
    for name, part in cast("dict[str, Any]", value).items():
        table[name] = _inline(part)
    return table
