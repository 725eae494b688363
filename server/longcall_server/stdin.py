"""The lines that a host writes to our stdin, mended where the SDK would drop them without an answer.

A host that cuts a text in the middle of an emoji, as JavaScript's `slice` does, sends half a surrogate pair as a JSON
escape. The SDK's parser refuses the line, nobody is told, and the host waits until its timeout.
"""

import json
import os
import sys
from io import TextIOWrapper

import anyio

from longcall.text import clean


def open_stdin() -> anyio.AsyncFile[str]:
    """Returns our stdin as text, and puts the null device in its place for everything else in this process."""
    wire = os.fdopen(os.dup(0), "rb", closefd=False)
    if sys.platform != "win32":
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
    return anyio.wrap_file(_Lines(wire, encoding="utf-8", errors="replace"))


class _Lines(TextIOWrapper):
    def readline(self, size: int = -1, /) -> str:
        return mended(super().readline(size))


def mended(line: str) -> str:
    r"""Returns a line of JSON with U+FFFD in place of halves of surrogate pairs; any other line as it is."""
    if "\\ud" not in line and "\\uD" not in line:
        return line
    try:
        return clean(json.dumps(json.loads(line), ensure_ascii=False)) + "\n"
    except ValueError:
        return line
