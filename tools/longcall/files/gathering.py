"""All that `files` asks for, found and read: what a model is shown, in the order in which it was named."""

from collections.abc import Sequence
from dataclasses import dataclass

from longcall.errors import CallError
from longcall.files.finding import Found, Skipped, find
from longcall.files.reading import Shown, read
from longcall.files.roots import Roots

MOST_BYTES = 8_000_000
"""Bytes of all files of a call together; a task is stored with them."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Files as a model is shown them."""

    shown: tuple[Shown, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    @property
    def text(self) -> str:
        """The blocks of all files, one after another."""
        return "\n".join(one.block for one in self.shown)

    @property
    def tokens(self) -> int:
        """Of all files together, by estimate."""
        return sum(one.tokens for one in self.shown)

    @property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(one.bytes for one in self.shown)

    def largest(self, most: int = 3) -> str:
        """Returns the largest files with their tokens, in words."""
        ordered = sorted(self.shown, key=lambda one: one.tokens, reverse=True)[:most]
        return ", ".join(f"{one.path} ({one.tokens:,})" for one in ordered)


def gather(entries: Sequence[str], roots: Roots) -> Gathered:
    """Finds and reads files. Blocks; call it in a thread.

    Raises:
        CallError: an entry cannot be used, or they are too large together; the sentence names it.
    """
    found, skipped = find(entries, roots)
    shown: list[Shown] = []
    size = 0
    for one in found:
        read_or_not = _read(one, roots)
        if isinstance(read_or_not, Skipped):
            skipped.append(read_or_not)
            continue
        shown.append(read_or_not)
        size += read_or_not.bytes
        if size > MOST_BYTES:
            raise CallError(
                f"`files` has more than {MOST_BYTES // 1_000_000} MB together. Leave some out, or name lines of them;"
                f" the largest, by tokens: {Gathered(tuple(shown)).largest()}."
            )
    if not shown:
        why = f" {skipped[0].path}: {skipped[0].reason}" if skipped else ""
        raise CallError(f"`files` leads to nothing that can be shown.{why}")
    return Gathered(tuple(shown), tuple(skipped))


def _read(found: Found, roots: Roots) -> Shown | Skipped:
    try:
        return read(found, roots)
    except CallError as error:
        if found.is_named:
            raise
        return Skipped(roots.shown(found.path), str(error))
