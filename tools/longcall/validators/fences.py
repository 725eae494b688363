"""Fenced code blocks, as models write them: with tildes, longer fences, indented in lists, cut off before the end."""

import re
from dataclasses import dataclass

_FENCE = re.compile(r"[ \t]*(?P<fence>`{3,}+|~{3,}+)(?P<info>.*)", re.DOTALL)
_TAG = re.compile(r"[\s{.]*([\w+#-]*)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced code block."""

    text: str
    """What stands between the fences, with the indentation of the opening fence taken away."""
    tag: str
    """The first word after the opening fence in lower case, or nothing."""
    line: int
    """The line of the answer on which `text` begins, from 1."""
    closed: bool = True
    """False when the answer ended first."""


def code_blocks(text: str) -> list[Block]:
    """Returns the fenced code blocks of `text` in their order; line ends become `\\n`."""
    blocks: list[Block] = []
    lines = text.replace("\r\n", "\n").split("\n")
    at = 0
    while at < len(lines):
        opening = _opening(lines[at])
        at += 1
        if opening is None:
            continue
        end = _closing(lines, at, opening["fence"])
        indent = len(lines[at - 1]) - len(lines[at - 1].lstrip(" \t"))
        inside = "\n".join(_unindented(line, indent) for line in lines[at:end])
        tag = _TAG.match(opening["info"])
        blocks.append(Block(inside, tag[1].lower() if tag else "", at + 1, end < len(lines)))
        at = end + 1
    return blocks


def _opening(line: str) -> re.Match[str] | None:
    found = _FENCE.fullmatch(line)
    if found is None or (found["fence"][0] == "`" and "`" in found["info"]):
        return None
    return found


def _closing(lines: list[str], start: int, fence: str) -> int:
    for at in range(start, len(lines)):
        line = lines[at].strip()
        if len(line) >= len(fence) and line == fence[0] * len(line):
            return at
    return len(lines)


def _unindented(line: str, indent: int) -> str:
    return line[min(indent, len(line) - len(line.lstrip(" \t"))) :]
