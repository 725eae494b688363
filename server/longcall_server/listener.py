"""Runs the server over HTTP until a signal ends it."""

import logging
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import anyio
import uvicorn

from longcall_server.binding import Binding
from longcall_server.connection import Connections
from longcall_server.credentials import FIRST, Credentials

_GRACE_S = 0.3
"""Seconds that requests have to end by themselves once the server is to stop; and then, to send that it stops."""
_STOP_S = 5
"""Seconds after which whatever still holds a connection is cut off."""
_INTERRUPTED = 130
_KEEP_ALIVE_S = 75
"""Seconds for which an idle connection is kept: longer than clients keep theirs, or it closes as they use it."""


@dataclass(frozen=True, slots=True)
class Door:
    """A port that was taken, and who may come in there."""

    binding: Binding
    listener: socket.socket
    credentials: Credentials


def listen(app: Connections, door: Door, hint: str) -> None:
    """Serves an app over HTTP until SIGTERM or SIGINT, and then ends the requests under way, never the work.

    `hint` is a line that says how to use it.

    Raises:
        TokenFileError: the file of tokens cannot be used.
    """
    first = door.credentials.first_token()
    for name in ("mcp", "uvicorn", "sse_starlette"):
        logging.getLogger(name).setLevel(logging.WARNING)
    anyio.run(_Server(app, lambda: _announce(door, first, hint)).serve, [door.listener])


class _Server(uvicorn.Server):
    def __init__(self, app: Connections, announce: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",  # httptools, where it is installed, leaves the space around header values
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                lifespan="on",
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_STOP_S,
            )
        )
        self._app = app
        self._announce = announce
        self._signalled = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn's own raises the signal again at the end, and the process would not exit with 0.
        if self._signalled:
            os._exit(_INTERRUPTED)
        self._signalled = True

    async def on_tick(self, counter: int) -> bool:
        if self._signalled and not self.should_exit:
            # Before uvicorn knows: then it closes the streams of those that wait, and no answer gets through.
            _say("longcall stops; the work goes on. A second signal ends it at once.")
            await anyio.sleep(_GRACE_S)
            self._app.stop_waiting()
            await anyio.sleep(_GRACE_S)
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.end()
        await super().shutdown(sockets)


def _announce(door: Door, first: str | None, hint: str) -> None:
    if first is not None:
        _say(f"A token named {FIRST} was made. It is shown this once: {first}")
    if door.credentials.required:
        _say("A token is needed; `longcall token add NAME` makes one.")
    _say(hint)
    _say(f"longcall listens on {door.binding.url}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
