"""One batch: who is in it, and what has become of it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anyio

from longcall.errors import ProviderError
from longcall.providers.batch_handle import Place

Line = Mapping[str, Any]
"""What the provider says to one request of a batch, in the form of OpenAI's output files."""
MOST_REQUESTS = 50_000
"""OpenAI takes no more in one batch, and files of 200 MB at most."""
MOST_BYTES = 100_000_000
_WINDOW = "within 24 h"


@dataclass(frozen=True, slots=True)
class Target:
    """Who is asked: a batch has one model."""

    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A batch as its provider tells of it."""

    name: str
    state: str
    files: tuple[str, ...] = ()
    """Where its answers and errors are; none before its end."""
    counts: str = ""
    """How many of its requests are done, in words for a log."""
    said: str = ""
    """Why it failed."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing changes any more."""
        return self.state in ("completed", "failed", "expired", "cancelled")


class Batch:
    """A batch, as those who wait for its answers see it: it is filled, closed, handed over, and ends."""

    def __init__(self, target: Target, token: str | None = None, size: int = 0) -> None:
        self.target = target
        self.token = token or secrets.token_hex(12)
        self.name: str | None = None
        self.full = anyio.Event()
        self.closed = anyio.Event()
        self.settled = anyio.Event()
        """Everybody in it has been written down as sent, or has left."""
        self.named = anyio.Event()
        self.ended = anyio.Event()
        self.deserted = anyio.Event()
        """Nobody waits for it any more."""
        self._size = size
        self._bodies: dict[int, bytes] = {}
        self._bytes = 0
        self._unready: set[int] = set()
        self._left: set[int] = set()
        self._error: ProviderError | None = None
        self._seen: Seen | None = None
        self._lines: Mapping[str, Line] = {}

    @property
    def bodies(self) -> dict[int, bytes]:
        """The requests of those who have not left, by number."""
        return {number: body for number, body in self._bodies.items() if number not in self._left}

    def join(self, body: bytes) -> int:
        """Puts a request into it and returns its number."""
        number = len(self._bodies)
        self._bodies[number] = body
        self._bytes += len(body)
        self._unready.add(number)
        if len(self._bodies) >= MOST_REQUESTS or self._bytes >= MOST_BYTES:
            self.full.set()
        return number

    @property
    def joined(self) -> int:
        """How many requests were put into it."""
        return len(self._bodies)

    def close(self) -> None:
        """Takes no more requests."""
        self._size = len(self._bodies)
        self.closed.set()
        self._look_around()

    def ready(self, number: int) -> None:
        """Says that a request is written down and may leave."""
        self._unready.discard(number)
        self._look_around()

    def leave(self, number: int) -> None:
        """Says that nobody waits for a request's answer any more."""
        self._unready.discard(number)
        self._left.add(number)
        self._look_around()

    def _look_around(self) -> None:
        if not self.closed.is_set():
            return
        if not self._unready:
            self.settled.set()
        if len(self._left) >= self._size and not self.ended.is_set():
            self.deserted.set()

    def sent(self) -> dict[int, bytes]:
        """Returns the requests that are handed over now: those of who is still here."""
        bodies = self.bodies
        self._size, self._left = len(bodies), set()
        return bodies

    def call(self, name: str) -> None:
        """Says under which name the provider has it."""
        self.name = name
        self._bodies.clear()
        self.closed.set()
        self.named.set()

    def end(self, seen: Seen, lines: Mapping[str, Line]) -> None:
        """Says what the provider made of it."""
        self._seen, self._lines = seen, lines
        self.ended.set()

    def fail(self, error: ProviderError) -> None:
        """Says that its answers cannot be had."""
        self._error = error
        for event in (self.closed, self.settled, self.named, self.ended):
            event.set()

    async def reach(self, event: anyio.Event) -> None:
        """Waits for one of its events.

        Raises:
            ProviderError: its answers cannot be had.
        """
        await event.wait()
        if (error := self._error) is not None:
            raise error.anew(refused=error.refused)

    def place(self, number: int) -> Place:
        """Returns a request's place, as far as it is known."""
        return Place(self.target.provider, self.token, self._size, number, self.name)

    def line(self, number: int) -> Line:
        """Returns what the provider said to a request.

        Raises:
            ProviderError: nothing.
        """
        assert self._seen is not None
        line = self._lines.get(str(number))
        if line is None:
            raise unanswered(self.target.model, self._seen)
        return line


def unanswered(model: str, seen: Seen) -> ProviderError:
    """Returns the error for a request that a batch ended without answering."""
    match seen.state:
        case "expired":
            return expired(model)
        case "cancelled":
            return ProviderError(
                "cancelled", f"The batch {seen.name} of {model} was cancelled at the provider, not here."
            )
        case "failed":
            said = seen.said or "the provider does not say why"
            return ProviderError(
                "rejected", f"The batch {seen.name} of {model} failed as a whole: {said}", refused=not seen.files
            )
        case _:
            message = (
                f"The batch {seen.name} of {model} ended without an answer to this request; it may have been billed."
            )
            return ProviderError("lost", message)


def expired(model: str) -> ProviderError:
    """Returns the error for a request that a provider did not come to."""
    return ProviderError(
        "expired",
        f"The batch expired before {model} came to this request: providers promise no answer {_WINDOW}. Ask again, or"
        " without `urgency`.",
        retryable=True,
    )
