"""A real front under chaos: its own process, spoken to over stdio line by line, that may die at any moment."""

import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from subprocess import DEVNULL
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from benchmarks.stage import FRONT, ROOT
from longcall.beside import beside

_LONGEST_LINE = 4_000_000
_HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "chaos", "version": "1"}}


class FrontDiedError(Exception):
    """The process was gone before it answered."""


class ToldError(Exception):
    """A tool answered with an error."""


@dataclass(slots=True)
class _Waiter:
    answered: anyio.Event = field(default_factory=anyio.Event)
    answer: dict[str, Any] | None = None


class Front:
    """Speaks JSON-RPC with one process, many requests at a time."""

    def __init__(self, process: Process) -> None:
        assert process.stdout is not None
        self.process = process
        self._lines = BufferedByteReceiveStream(process.stdout)
        self._waiters: dict[int, _Waiter] = {}
        self._requests = 0
        self._dead = False
        self._writing = anyio.Lock()

    async def listen(self) -> None:
        """Hands out answers until the process has closed its end."""
        with suppress(anyio.IncompleteRead, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                answer = json.loads(await self._lines.receive_until(b"\n", _LONGEST_LINE))
                if (waiter := self._waiters.pop(answer.get("id", 0), None)) is not None:
                    waiter.answer = answer
                    waiter.answered.set()
        self._dead = True
        for waiter in self._waiters.values():
            waiter.answered.set()

    async def initialize(self) -> None:
        """Opens the session as hosts do.

        Raises:
            FrontDiedError: it died meanwhile.
        """
        await self._ask("initialize", _HELLO)
        await self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Calls a tool and returns its structured result.

        Raises:
            FrontDiedError: it died before it answered.
            ToldError: the tool answered with an error that is no result.
        """
        answer = await self._ask("tools/call", {"name": tool, "arguments": arguments})
        result = answer.get("result", {})
        if "structuredContent" not in result:
            raise ToldError(f"{tool}: {json.dumps(result or answer)}")
        return result["structuredContent"]

    async def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._requests += 1
        waiter = self._waiters[self._requests] = _Waiter()
        await self._send({"jsonrpc": "2.0", "id": self._requests, "method": method, "params": params})
        await waiter.answered.wait()
        if waiter.answer is None:
            raise FrontDiedError
        return waiter.answer

    async def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        if self._dead:
            raise FrontDiedError
        try:
            async with self._writing:
                await self.process.stdin.send(json.dumps(message).encode() + b"\n")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, ConnectionError) as error:
            raise FrontDiedError from error


@asynccontextmanager
async def front(environ: dict[str, str], living: list[Process]) -> AsyncGenerator[Front]:
    """Starts a front and opens a session with it; it is killed at the end of the block.

    Args:
        environ: its environment.
        living: where the process is entered before it has said anything, so that it can be killed at its start too;
            whoever kills it takes it out.

    Raises:
        FrontDiedError: it died before the session was open.
    """
    process = await anyio.open_process([sys.executable, *FRONT], env=environ, cwd=ROOT, stderr=DEVNULL)
    try:
        living.append(process)
        one = Front(process)
        async with beside(one.listen):
            await one.initialize()
            yield one
    finally:
        if process in living:
            living.remove(process)
            process.kill()
        with anyio.CancelScope(shield=True):
            await process.aclose()
