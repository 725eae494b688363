"""Edits of JSON, with or without comments, that touch nothing but what they change.

Comments and trailing commas are blanked out character for character; what is left is read by the standard library, and
each of its positions is a position in the text.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from longcall.clients.formats import Keys, SyntaxFault, Tree

_STRING = r'"(?:\\.|[^"\\\n])*"'
_COMMENTS = re.compile(rf"{_STRING}|//[^\r\n]*|/\*.*?\*/", re.DOTALL)
_COMMAS = re.compile(rf"{_STRING}|,(?=\s*[}}\]])")
_SPACE = re.compile(r"\s*")
_TAIL = re.compile(r"[ \t]*(,?)(?:[ \t]*(?://[^\r\n]*|/\*[^\r\n]*?\*/))?")
"""What follows a value and belongs to it: its comma, and a comment on its line."""
_INDENT = re.compile(r'^([ \t]+)"', re.MULTILINE)
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of an object, by the positions of its name, its value and its end."""

    name: str
    start: int
    value: int
    end: int


@dataclass(frozen=True, slots=True)
class Json:
    """JSON, and what a client allows beyond it."""

    comments: bool = False
    trailing_commas: bool = False

    def read(self, text: str) -> Tree:
        """See Format."""
        plain = self._plain(text)
        try:
            found: Any = json.loads(plain if plain.strip() else "{}")
        except json.JSONDecodeError as error:
            raise SyntaxFault(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
        if not isinstance(found, dict):
            raise SyntaxFault("it holds no object")
        return found  # pyright: ignore[reportUnknownVariableType]  # whatever is in the file

    def put(self, text: str, keys: Keys, value: Any) -> str:
        """See Format."""
        text = text if self._plain(text).strip() else _begun(text)
        plain = self._plain(text)
        brace = _skip(plain, 0)
        for depth, name in enumerate(keys):
            member = _member(plain, brace, name)
            if member is None:
                for parent in reversed(keys[depth + 1 :]):
                    value = {parent: value}
                return _added(text, plain, brace, name, value)
            if depth == len(keys) - 1:
                return text[: member.value] + _dumped(text, value, _margin(text, member.start)) + text[member.end :]
            brace = member.value
        raise AssertionError(keys)

    def drop(self, text: str, keys: Keys) -> str:
        """See Format."""
        plain = self._plain(text)
        brace = _skip(plain, 0)
        for name in keys[:-1]:
            parent = _member(plain, brace, name)
            assert parent is not None
            brace = parent.value
        return _cut(text, plain, brace, keys[-1])

    def show(self, tree: Tree) -> str:
        """See Format."""
        return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"

    def _plain(self, text: str) -> str:
        plain = _COMMENTS.sub(_blank, text) if self.comments else text
        return _COMMAS.sub(_blank, plain) if self.trailing_commas else plain


def _blank(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith('"') else re.sub(r"[^\r\n]", " ", found[0])


def _begun(text: str) -> str:
    """Returns a text without a value, of comments perhaps, with an empty object behind them."""
    return f"{text.rstrip()}\n{{}}\n".lstrip("\n")


def _skip(plain: str, at: int) -> int:
    found = _SPACE.match(plain, at)
    assert found is not None
    return found.end()


def _members(plain: str, brace: int) -> Iterator[_Member]:
    at = _skip(plain, brace + 1)
    while plain[at] != "}":
        name, behind = _DECODER.raw_decode(plain, at)
        value = _skip(plain, _skip(plain, behind) + 1)
        _, end = _DECODER.raw_decode(plain, value)
        yield _Member(name, at, value, end)
        at = _skip(plain, end)
        if plain[at] == ",":
            at = _skip(plain, at + 1)


def _member(plain: str, brace: int, name: str) -> _Member | None:
    """Returns the last member of that name, which is the one that counts."""
    return next((member for member in reversed([*_members(plain, brace)]) if member.name == name), None)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _unit(text: str) -> str:
    found = _INDENT.search(text)
    return found[1] if found else "  "


def _line(text: str, at: int) -> str:
    """Returns what stands before `at` on its line."""
    return text[max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1 : at]


def _margin(text: str, at: int) -> str:
    """Returns the indentation of the line that `at` is on."""
    line = _line(text, at)
    return line[: len(line) - len(line.lstrip(" \t"))]


def _dumped(text: str, value: Any, margin: str) -> str:
    lines = json.dumps(value, indent=_unit(text), ensure_ascii=False).split("\n")
    return f"{_newline(text)}{margin}".join(lines)


def _added(text: str, plain: str, brace: int, name: str, value: Any) -> str:
    members = [*_members(plain, brace)]
    if not members:
        return _first(text, plain, brace, name, value)
    last = members[-1]
    if _line(text, last.start).strip():  # on one line with others
        return f"{text[: last.end]}, {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}{text[last.end :]}"
    margin = _margin(text, last.start)
    item = f"{_newline(text)}{margin}{json.dumps(name)}: {_dumped(text, value, margin)}"
    tail = _TAIL.match(text, last.end)
    assert tail is not None
    before, after = ("", ",") if tail[1] else (",", "")
    return text[: last.end] + before + text[last.end : tail.end()] + item + after + text[tail.end() :]


def _first(text: str, plain: str, brace: int, name: str, value: Any) -> str:
    close = plain.index("}", brace)
    newline, margin = _newline(text), _margin(text, brace)
    inner = margin + _unit(text)
    item = f"{newline}{inner}{json.dumps(name)}: {_dumped(text, value, inner)}{newline}{margin}"
    return text[: brace + 1] + text[brace + 1 : close].rstrip() + item + text[close:]


def _cut(text: str, plain: str, brace: int, name: str) -> str:
    members = [*_members(plain, brace)]
    index = max(index for index, member in enumerate(members) if member.name == name)
    member, is_last = members[index], index == len(members) - 1
    tail = _TAIL.match(text, member.end if is_last else plain.index(",", member.end))
    assert tail is not None
    start, end = _before(text, member.start), tail.end()
    if len(members) == 1 and not (text[brace + 1 : start] + text[end : plain.index("}", member.end)]).strip():
        return text[: brace + 1] + text[plain.index("}", member.end) :]
    if is_last and index and not tail[1]:  # the comma before it separates nothing any more
        comma = plain.index(",", members[index - 1].end)
        return text[:comma] + text[comma + 1 : start] + text[end:]
    return text[:start] + text[end:]


def _before(text: str, at: int) -> int:
    """Returns where what stands at `at` begins with the space before it: its line, where it begins one."""
    if _line(text, at).strip():
        return len(text[:at].rstrip(" \t"))
    return len(text[:at].rstrip(" \t").removesuffix("\n").removesuffix("\r"))
