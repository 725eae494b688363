"""The prompt: what was given as an argument, and what was piped in."""

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager

from longcall.cli.terminal import is_terminal, remark
from longcall.errors import CallError

_HINT_S = 3.0


def read_prompt(given: str | None) -> str:
    """Returns the prompt: the argument, or stdin, or both with a blank line between them.

    Args:
        given: the argument; `-` reads stdin alone, even from a terminal.

    Raises:
        CallError: there is neither.
    """
    if given == "-":
        given = None
        piped = _stdin()
    elif is_terminal(sys.stdin):
        piped = ""
    else:
        with _hint(given):
            piped = _stdin()
    parts = [part for part in (given, piped) if part and part.strip()]
    if not parts:
        raise CallError('There is nothing to ask. Give a prompt, as in `longcall call "…"`, or pipe one in.')
    return "\n\n".join(parts)


def _stdin() -> str:
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace")


@contextmanager
def _hint(given: str | None) -> Generator[None]:
    """Says after a while why nothing happens: a program that runs us may have left stdin open."""
    text = "longcall: still reading the prompt from stdin; give it an end, or run with </dev/null."
    timer = threading.Timer(_HINT_S, remark, [text])
    timer.daemon = True
    if given is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
