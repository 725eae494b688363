"""What one entry of `files` asks for: a path, a part of a file, or a pattern. Pure."""

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from longcall.errors import CallError

_RANGE = re.compile(r"(.+):(?:(\d+)-(\d+)?|(\d+)|-(\d+))")
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a file, the first is 1; `last` None goes to its end, `tail` are so many at its end."""

    first: int = 1
    last: int | None = None
    tail: int | None = None


def split(entry: str) -> tuple[str, Lines | None]:
    """Returns the path of `path:10-80`, `path:10-`, `path:10` or `path:-10` (the last 10), and its lines.

    Raises:
        CallError: the lines cannot be.
    """
    found = _RANGE.fullmatch(entry)
    if found is None:
        return entry, None
    path, first, last, only, tail = found.groups()
    if tail is not None:
        lines = Lines(tail=int(tail))
    elif only is not None:
        lines = Lines(int(only), int(only))
    else:
        lines = Lines(int(first), None if last is None else int(last))
    if lines.first < 1 or lines.tail == 0 or (lines.last is not None and lines.last < lines.first):
        raise CallError(
            f"{entry!r} names no lines: they are counted from 1, the last not before the first, as in path:10-80."
        )
    return path, lines


def is_pattern(path: str) -> bool:
    """Whether a path is a glob."""
    return _MAGIC.search(path) is not None


def base_of(pattern: str) -> tuple[str, str]:
    """Returns the folder before the first part of a glob that is one, and the rest."""
    parts = pattern.replace("\\", "/").split("/")
    place = next(place for place, part in enumerate(parts) if is_pattern(part))
    return "/".join(parts[:place]) or ("/" if pattern.startswith("/") else "."), "/".join(parts[place:])


def matcher(pattern: str) -> Callable[[str], Any]:
    """Returns what matches a path with slashes against a glob, in linear time; None where it does not match."""
    re2: Any = importlib.import_module("re2")  # loaded late: a front starts without it
    return re2.compile(_as_regex(pattern)).fullmatch


def _as_regex(pattern: str) -> str:
    """Returns a glob over paths with slashes as a regular expression: `*` stays in a folder, `**` does not."""
    parts = pattern.split("/")
    said = ""
    for place, part in enumerate(parts):
        is_last = place == len(parts) - 1
        if part == "**":
            said += ".*" if is_last else "(?:.*/)?"
        else:
            said += _part(part) + ("" if is_last else "/")
    return said


def _part(part: str) -> str:
    said, place = "", 0
    while place < len(part):
        char = part[place]
        end = part.find("]", place + 2) if char == "[" else -1
        if end > 0:
            inner = part[place + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            said += f"[^/{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
            place = end
        else:
            said += {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char))
        place += 1
    return said
