"""One task's call as a worker takes it up: where it is written down, and how one answer to it is heard."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from longcall.call import Call
from longcall.errors import Failure, ProviderError
from longcall.models import Attempt, Checked, Completion, Role
from longcall.providers import Event, Handle
from longcall.text import Pieces

OnText = Callable[[str], None]


class Ledger(Protocol):
    """Where attempts are written down; for one task."""

    async def sent(self, model: str, role: Role, request: str | None = None) -> None:
        """Commits that a request is about to leave, a judge's with a hash of it. Whatever it raises stops the request.

        Raises:
            StoreError: it cannot be committed.
        """
        ...

    async def keeps(self, handle: Handle) -> None:
        """Commits under which name the provider keeps the answer."""
        ...

    async def failed(self, failure: Failure, *, may_be_paid: bool = False) -> None:
        """Commits that the request failed and the task goes on."""
        ...

    async def answered(self, role: Role, text: str, completion: Completion) -> int:
        """Commits the answer to the request, while its task goes on, and returns the attempt's number."""
        ...

    async def checked(self, number: int, checked: Checked) -> None:
        """Commits what the checks found of an attempt's answer."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """One task's call, as a worker takes it up."""

    call: Call
    ledger: Ledger
    on_text: OnText
    """Takes the pieces of an answer as they come; another answer begins where the ledger hears of its request."""
    past: tuple[Attempt, ...] = ()
    """What an earlier worker has asked for it, with the answers."""
    handle: Handle | None = None
    """Under which name the provider keeps the answer of a request that is still open."""
    secret: str = ""
    """What nobody but this store knows of the task."""
    seconds: Callable[[], float] = field(default=lambda: 0.0)
    """How long ago the task was made, or last guided."""


class Hearing:
    """One answer as it comes; that of a judge is not shown."""

    def __init__(self, work: Work, role: Role) -> None:
        self._work = work
        self._role = role
        self.is_sent = False

    async def sending(self, call: Call) -> None:
        """Is awaited as the last thing before the request leaves."""
        await self._work.ledger.sent(call.model, self._role, call.request if self._role is Role.JUDGE else None)
        self.is_sent = True

    async def take(self, stream: AsyncGenerator[Event]) -> tuple[str, Completion]:
        """Returns the whole text, valid, and how it ended."""
        text: list[str] = []
        pieces = Pieces()
        completion: Completion | None = None
        async with aclosing(stream) as events:
            async for event in events:
                match event:
                    case str():
                        text.append(pieces.take(event))
                        if self._role is Role.ANSWER:
                            self._work.on_text(text[-1])
                    case Handle():
                        await self._work.ledger.keeps(event)
                    case Completion():
                        completion = event
        if completion is None:
            message = "The provider ended the answer without saying that it was complete."
            raise ProviderError("incomplete_stream", message, retryable=True)
        return "".join(text), completion
