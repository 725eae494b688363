"""Markdown of texts that come from the code."""

import re
from collections.abc import Sequence
from inspect import cleandoc

_SECTION = re.compile(r"^(Args|Returns|Raises|Yields):$")
_ENTRY = re.compile(r"^ {4}(\S[^:]*): (.*)$")


def escaped(text: str) -> str:
    """Returns a text as Markdown that shows it as it is; what stands between backticks stays code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*<>\[\]])", r"\\\1", part) for part in parts)


def code(text: str) -> str:
    """Returns a text as code; nothing for nothing."""
    return f"`{text}`" if text else ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table; what its cells hold is Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def doc(text: str | None) -> str:
    """Returns a docstring in Google's style as Markdown."""
    blocks: list[str] = []
    for line in cleandoc(text or "").split("\n"):
        if section := _SECTION.match(line):
            blocks.append(f"**{section[1]}**\n")
        elif entry := _ENTRY.match(line):
            blocks.append(f"- `{entry[1]}`: {escaped(entry[2])}")
        else:
            # What goes on below an entry stays a part of it.
            blocks.append(("  " if line.startswith(" " * 8) else "") + escaped(line.strip()))
    return "\n".join(blocks).strip()


def page(title: str, about: str, *parts: str) -> str:
    """Returns a page."""
    return "\n\n".join([f"# {title}", about, *parts]) + "\n"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", r"\|")
