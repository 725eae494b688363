"""A server's process with its bare pipes: for tests that cut them, kill it, or read every byte it writes."""

import json
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from support.processes import PATIENCE_S

_LONGEST_LINE = 16_000_000
_LEAVE_S = 5.0


META = "io.modelcontextprotocol"


class Wire:
    """Speaks JSON-RPC line by line: after `initialize`, or with an envelope of its own around each request."""

    def __init__(self, process: Process, capabilities: Mapping[str, Any] | None = None) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self.lines: list[str] = []
        """Every line that the server has written to its stdout, as it was."""
        self._stdin = process.stdin
        self._stdout = BufferedByteReceiveStream(process.stdout)
        self._requests = 0
        self.capabilities = capabilities
        """What each request of the era of 2026-07-28 declares; None speaks the era of `initialize`."""
        self.heard: list[dict[str, Any]] = []
        """Notifications that came while an answer was awaited."""

    async def initialize(self) -> None:
        """Opens the session as hosts do."""
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "wire", "version": "1"}}
        await self.answer(await self.ask("initialize", hello))
        await self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def call(self, tool: str, **arguments: Any) -> int:
        """Asks for a tool and returns the request's id without waiting for its answer."""
        return await self.ask("tools/call", {"name": tool, "arguments": arguments})

    async def result(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Calls a tool and returns its structured result."""
        answer = await self.answer(await self.call(tool, **arguments))
        return answer["result"]["structuredContent"]

    async def ask(self, method: str, params: Mapping[str, Any]) -> int:
        """Sends a request and returns its id."""
        self._requests += 1
        if self.capabilities is not None:
            params = {**params, "_meta": {**params.get("_meta", {}), **_envelope(self.capabilities)}}
        await self.send({"jsonrpc": "2.0", "id": self._requests, "method": method, "params": params})
        return self._requests

    async def send(self, message: Mapping[str, Any]) -> None:
        """Sends one message."""
        await self._stdin.send(json.dumps(message).encode() + b"\n")

    async def answer(self, request: int) -> dict[str, Any]:
        """Returns the answer to the request with this id."""
        while True:
            message = await self.message()
            if message.get("id") == request:
                return message
            if "method" in message:
                self.heard.append(message)

    async def message(self) -> dict[str, Any]:
        """Returns the next message, whatever it is."""
        line = await self._stdout.receive_until(b"\n", _LONGEST_LINE)
        self.lines.append(line.decode())
        return json.loads(line)

    async def send_line(self, line: bytes) -> None:
        """Sends bytes as they are, for what no JSON library would write."""
        await self._stdin.send(line + b"\n")

    async def hang_up(self) -> int:
        """Closes the server's stdin, as a host does that ends, reads what it still says, and returns the exit code."""
        await self._stdin.aclose()
        with suppress(anyio.IncompleteRead):
            while True:
                self.lines.append((await self._stdout.receive_until(b"\n", _LONGEST_LINE)).decode())
        return await self.process.wait()


def _envelope(capabilities: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{META}/protocolVersion": "2026-07-28",
        f"{META}/clientInfo": {"name": "wire", "version": "1"},
        f"{META}/clientCapabilities": capabilities,
    }


@asynccontextmanager
async def wired(environ: Mapping[str, str], capabilities: Mapping[str, Any] | None = None) -> AsyncGenerator[Wire]:
    """Starts the real server and opens a session with it; whatever is left of it at the end is killed.

    With `capabilities` it speaks the protocol of 2026-07-28 and declares these; without, that of `initialize`.
    """
    command = [sys.executable, "-m", "longcall_server"]
    with anyio.fail_after(PATIENCE_S * 2):
        async with await anyio.open_process(command, env=environ, stderr=None) as process:
            wire = Wire(process, capabilities)
            try:
                if capabilities is None:
                    await wire.initialize()
                yield wire
            finally:
                with anyio.move_on_after(_LEAVE_S, shield=True), suppress(anyio.ClosedResourceError):
                    await wire.hang_up()  # in good order, so that what it has run is counted
                if process.returncode is None:
                    process.kill()
