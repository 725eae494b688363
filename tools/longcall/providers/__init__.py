"""The seam between a call and whoever answers it: one method that streams."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol

from longcall.models import Call, Completion

Sending = Callable[[], Awaitable[None]]
"""Awaited by a provider as the last thing before its request leaves; what it raises stops the request."""


class Provider(Protocol):
    """Answers calls."""

    def stream(self, call: Call, sending: Sending) -> AsyncGenerator[str | Completion]:
        """Sends one request and yields the text as it comes, then, when the answer is complete, its Completion.

        Everything that can be found wrong without the provider is raised before `sending` is awaited. Closing the
        generator closes the connection.

        Raises:
            ProviderError: there is no complete answer; the code says why.
        """
        ...
