"""The seam between a call and whoever answers it: one method that streams."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from longcall.call import Call
from longcall.errors import ProviderError
from longcall.models import Completion


@dataclass(frozen=True, slots=True)
class Handle:
    """The name under which a provider keeps an answer that it is still working on, for whoever comes to fetch it."""

    name: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that a model wants used."""

    id: str
    name: str
    arguments: str
    """JSON, as the model wrote it."""


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """The tools that a model wants used before it goes on."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Talk:
    """What goes with a call whose model uses tools."""

    tools: Sequence[Mapping[str, Any]]
    """In the OpenAI chat form."""
    turns: Sequence[Mapping[str, Any]] = ()
    """What was said after the call's messages: uses of tools and their results, in that form too."""
    must_answer: bool = False
    """Whether no tool may be used any more."""


Event = str | Handle | ToolCalls | Completion
"""What an answer is made of: handles before it, each in place of the last, pieces of text (an empty one is a sign of
life), tools at the end, and the completion."""
Sending = Callable[[], Awaitable[None]]
"""Awaited by a provider as the last thing before its request leaves; what it raises stops the request."""


class Provider(Protocol):
    """Answers calls."""

    def stream(self, call: Call, sending: Sending) -> AsyncGenerator[Event]:
        """Sends one request and yields the text as it comes, then, when the answer is complete, its Completion.

        `call.policy.budget.usd` is what may still be spent; whoever makes many requests of one call stops at it.
        Everything that can be found wrong without the provider is raised before `sending` is awaited. Closing the
        generator closes the connection.

        Raises:
            ProviderError: there is no complete answer; the code says why.
        """
        ...

    async def resume(self, call: Call, handle: Handle) -> AsyncGenerator[Event]:
        """Fetches the answer of a request that was sent before, from its beginning; sends and pays nothing anew.

        Only for providers that yield handles; the others keep no answers.

        Raises:
            ProviderError: the answer cannot be had any more; the code says why.
        """
        raise ProviderError("lost", f"{call.model} keeps no answer under the name {handle.name!r}.")
        yield ""  # makes this a generator


@runtime_checkable
class ToolUser(Protocol):
    """A provider whose models can be given tools, one request a turn."""

    def turn(self, call: Call, talk: Talk, sending: Sending) -> AsyncGenerator[Event]:
        """Sends one request with tools and yields what comes, as `Provider.stream`, with ToolCalls if it wants some.

        Raises:
            ProviderError: there is no complete answer; the code says why.
        """
        ...
