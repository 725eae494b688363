"""What one look at a task takes: how long it may wait, and which part of the text it shows."""

from dataclasses import dataclass

from longcall.errors import CallError

POLL_S = 45
"""Seconds that one poll waits at most."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a text to show."""

    offset: int = 0
    limit: int | None = None
    """Characters at most; None shows everything from `offset` on."""

    def __post_init__(self) -> None:
        """Refuses a part that cannot be.

        Raises:
            CallError: the offset is below 0 or the limit below 1.
        """
        if self.offset < 0 or (self.limit is not None and self.limit < 1):
            raise CallError("`offset` must be 0 or more, and `limit` 1 or more.")

    def of(self, text: str) -> str:
        """Returns this part of `text`."""
        return text[self.offset :] if self.limit is None else text[self.offset : self.offset + self.limit]
