"""tree-sitter, where nothing better is: it finds what is plainly broken, and accepts much that is wrong too."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from anyio.to_thread import run_sync

from longcall.validation.checkers import Files, SkippedError
from longcall.validation.checkers.tools import column_of_utf8, diagnostic, package_version
from longcall.validation.report import Diagnostic

GRAMMARS: Mapping[str, tuple[str, str]] = {
    "ruby": ("tree_sitter_ruby", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "css": ("tree_sitter_css", "language"),
    "kotlin": ("tree_sitter_kotlin", "language"),
    "lua": ("tree_sitter_lua", "language"),
    "scala": ("tree_sitter_scala", "language"),
    "swift": ("tree_sitter_swift", "language"),
}
"""Which package holds a language's grammar, and which of its functions returns it."""
_MOST = 20


class TreeSitter:
    """Nodes that the parser marks as an error or as missing."""

    name = "tree-sitter"
    checks = ("syntax",)
    languages = frozenset(GRAMMARS)
    confidence = "low"

    def version(self) -> str | None:
        """Returns the package's version."""
        return package_version("tree-sitter")

    async def look(self, files: Files, wanted: frozenset[str]) -> Sequence[Diagnostic]:
        """Returns the first errors of each file."""
        del wanted
        module, function = GRAMMARS[files.language]
        if find_spec("tree_sitter") is None or find_spec(module) is None:
            raise SkippedError("tool_missing", f"there is no {module.replace('_', '-')} here")
        found: list[Diagnostic] = []
        for path, text in files.texts.items():
            found += await run_sync(_parse, path, text, module, function)
        return found


def _parse(path: str, text: str, module: str, function: str) -> list[Diagnostic]:
    from tree_sitter import Language, Parser  # noqa: PLC0415

    language = Language(getattr(import_module(module), function)())  # pyright: ignore[reportDeprecated]  # no number
    tree = Parser(language).parse(text.encode("utf-8", "replace"))
    lines = [*text.split("\n"), ""]
    return [_diagnostic(path, node, lines) for node, _ in zip(_broken(tree.root_node), range(_MOST), strict=False)]


def _broken(root: Any) -> Iterator[Any]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            yield node
        elif node.has_error:
            waiting += reversed(node.children)


def _diagnostic(path: str, node: Any, lines: list[str]) -> Diagnostic:
    row, column = map(int, node.start_point)
    last, after = map(int, node.end_point)
    return diagnostic(
        path,
        (row + 1, column_of_utf8(lines[row], column)),
        f"{node.type} is missing here" if node.is_missing else "this cannot be read",
        check="syntax",
        source="tree-sitter",
        code="missing" if node.is_missing else "error",
        end=(last + 1, column_of_utf8(lines[last], after)),
    )
