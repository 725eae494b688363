"""The HTTP requests under way: when a client goes or the server stops, the waiting ends, and the work goes on."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from longcall.beside import beside
from longcall.errors import LongcallError
from longcall_server.refusal import Refuse

_KEY = "longcall.connection"
_LAST_WORDS_S = 1.0
_GONE = "The client has gone. The work goes on."
_STOPPING = (
    "The server stops. Work that has begun goes on: once a server is back, the same call again leads to the same task,"
    " and poll_task lists it."
)


class WaitingEndedError(LongcallError):
    """Nobody waits for the answer any more; the work goes on."""


class _Connection:
    """One request and its answer."""

    def __init__(self, send: Send, refuse: Refuse) -> None:
        self.serving = anyio.CancelScope()
        self.lost = anyio.Event()
        """Set when nobody waits for the answer any more."""
        self.reason = _GONE
        self._send = send
        self._refuse = refuse
        self._begun = False
        self._complete = False

    async def send(self, message: Message) -> None:
        await self._send(message)
        self._begun = True
        self._complete = message["type"] == "http.response.body" and not message.get("more_body", False)

    def stop_waiting(self) -> None:
        self.reason = _STOPPING
        self.lost.set()

    async def finish(self, scope: Scope, receive: Receive) -> None:
        """Says what is left to say; when the client has gone, nobody hears it."""
        if self._complete:
            return
        self.lost.set()
        with anyio.CancelScope(shield=True), anyio.move_on_after(_LAST_WORDS_S):
            if self._begun:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await self._refuse(503, _STOPPING, {"Connection": "close"})(scope, receive, self._send)


class Connections:
    """ASGI middleware that knows all requests under way, and can end them."""

    def __init__(self, app: ASGIApp, refuse: Refuse) -> None:
        self._app = app
        self._refuse = refuse
        self._open: set[_Connection] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request until it is answered, its client has gone, or `end` is called."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = scope[_KEY] = _Connection(send, self._refuse)
        self._open.add(connection)
        try:
            with connection.serving:
                await self._app(scope, receive, connection.send)
            await connection.finish(scope, receive)
        finally:
            connection.lost.set()
            self._open.discard(connection)

    def stop_waiting(self) -> None:
        """Has every tool that waits answer at once that the server stops."""
        for connection in self._open:
            connection.stop_waiting()

    def end(self) -> None:
        """Ends what is still under way: what is not yet answered with a sentence, streams with their last byte."""
        for connection in list(self._open):
            connection.serving.cancel()


def why_nobody_waits(scope: Scope) -> str | None:
    """Returns why nobody waits for the answer to a request any more, as a sentence; None while somebody does."""
    connection: _Connection | None = scope.get(_KEY)
    return connection.reason if connection is not None and connection.lost.is_set() else None


@asynccontextmanager
async def while_connected(scope: Scope, receive: Receive | None = None) -> AsyncGenerator[None]:
    """Cancels what is inside when the client over HTTP has gone, or the server stops; over stdio nothing does.

    Otherwise an answer that nobody can be handed would count as delivered, and asking again would be paid again. Give
    `receive` where nobody else listens for the client's end, once the whole request has been read.

    Raises:
        WaitingEndedError: it was cancelled.
    """
    connection: _Connection | None = scope.get(_KEY)
    if connection is None:
        yield
        return

    async def listen() -> None:
        while receive is not None and not connection.lost.is_set():
            if (await receive())["type"] == "http.disconnect":
                connection.lost.set()

    async def watch() -> None:
        await connection.lost.wait()
        waiting.cancel()

    with anyio.CancelScope() as waiting:
        async with beside(watch, listen):
            yield
    if waiting.cancelled_caught:
        raise WaitingEndedError(connection.reason)
