"""One call, asked until it is answered: request, and request again where nothing was lost by it."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

import anyio

from longcall.call import Call
from longcall.errors import Failure, ProviderError
from longcall.models import Completion
from longcall.providers import Event, Handle, Provider
from longcall.retry import Backoff

OnText = Callable[[str], None]


class Ledger(Protocol):
    """Where attempts are written down; for one task."""

    async def sent(self) -> None:
        """Commits that a request is about to leave. Whatever it raises stops the request."""
        ...

    async def keeps(self, handle: Handle) -> None:
        """Commits under which name the provider keeps the answer."""
        ...

    async def failed(self, failure: Failure) -> None:
        """Commits that the request failed and another may follow."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Asks providers on behalf of tasks."""

    find: Callable[[str], Provider]
    """From a model's name to its provider; raises ProviderError or CallError for a name nobody serves."""
    backoff: Backoff
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep

    async def ask(self, call: Call, ledger: Ledger, on_text: OnText) -> Completion:
        """Asks until there is an answer. Text goes to `on_text` as it comes.

        A request is repeated only when the provider turned it away, for a reason that may pass.

        Raises:
            ProviderError: no answer; the last failure.
        """
        provider = self.find(call.model)
        number = 0
        while True:
            number += 1
            try:
                return await _answer(provider.stream(call, ledger.sent), ledger, on_text)
            except ProviderError as error:
                delay = self.backoff.delay(number, error)
                if delay is None:
                    raise
                await ledger.failed(error.failure)
                await self.sleep(delay)

    async def fetch(self, call: Call, handle: Handle, ledger: Ledger, on_text: OnText) -> Completion:
        """Fetches the answer of a request that an earlier worker sent; text goes to `on_text`.

        Raises:
            ProviderError: the answer cannot be had any more.
        """
        return await _answer(self.find(call.model).resume(call, handle), ledger, on_text)


async def _answer(stream: AsyncGenerator[Event], ledger: Ledger, on_text: OnText) -> Completion:
    completion: Completion | None = None
    async with aclosing(stream) as events:
        async for event in events:
            match event:
                case str():
                    on_text(event)
                case Handle():
                    await ledger.keeps(event)
                case Completion():
                    completion = event
    if completion is None:
        raise ProviderError("incomplete_stream", "The provider ended the answer without saying that it was complete.")
    return completion
