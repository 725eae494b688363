"""A hint on loopback that the store has changed, so that nobody waits for the next look.

Worker and fronts each have a UDP socket on 127.0.0.1. A front that waits rings the worker's; the worker then knows that
front and rings back when tasks end. A ring carries nothing and grants nothing: whoever hears it looks into the store.
Rings may be lost or forged without harm, since everybody also looks by itself, only less often.
"""

import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import anyio

from longcall.beside import beside

LOOPBACK = "127.0.0.1"
REMEMBERED_S = 30.0
"""Seconds for which a worker rings back to a front that has rung."""
_MOST_LISTENERS = 256
_Address = tuple[str, int]


class Doorbell:
    """One end: hears rings, and rings others. A plain socket, since a ring must never wait for anything."""

    def __init__(self, ear: socket.socket | None) -> None:
        self._ear = ear
        self._rung = anyio.Event()
        self._listeners: dict[_Address, float] = {}

    @property
    def port(self) -> int | None:
        """The port at which it can be rung; None where the system allows no socket."""
        return None if self._ear is None else self._ear.getsockname()[1]

    def ring_self(self) -> None:
        """Makes the waiter of this end look at once."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Returns when rung, or after `seconds`."""
        with anyio.move_on_after(seconds):
            await self._rung.wait()
        self._rung = anyio.Event()

    def ring(self, port: int | None) -> None:
        """Rings another end, if it has a port."""
        if port is not None:
            self._send((LOOPBACK, port))

    def ring_listeners(self) -> None:
        """Rings everybody who rang here in the last REMEMBERED_S seconds."""
        expired = time.monotonic() - REMEMBERED_S
        self._listeners = {address: heard for address, heard in self._listeners.items() if heard > expired}
        for address in self._listeners:
            self._send(address)

    async def listen(self) -> None:
        """Hears rings until cancelled."""
        while self._ear is not None:
            await anyio.wait_readable(self._ear)
            self._hear(self._ear)

    def _hear(self, ear: socket.socket) -> None:
        with suppress(OSError):  # nothing there after all, or an ICMP answer to a ring: that end is gone
            while True:
                _, address = ear.recvfrom(16)
                if len(self._listeners) < _MOST_LISTENERS or address in self._listeners:
                    self._listeners[address] = time.monotonic()
                self._rung.set()

    def _send(self, address: _Address) -> None:
        if self._ear is not None:
            with suppress(OSError):
                self._ear.sendto(b".", address)


@asynccontextmanager
async def open_doorbell() -> AsyncGenerator[Doorbell]:
    """Opens an end and hears rings meanwhile; where the system allows no socket, it is deaf and mute."""
    try:
        ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ear.settimeout(0)
        ear.bind((LOOPBACK, 0))
    except OSError:
        ear = None
    bell = Doorbell(ear)
    try:
        async with beside(bell.listen):
            yield bell
    finally:
        if ear is not None:
            ear.close()
