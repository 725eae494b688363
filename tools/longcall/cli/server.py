"""The real server, started as a host starts it, with its process in hand so that it can be killed."""

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream
from mcp import Client, MCPError
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from longcall.errors import LongcallError

_LEAVE_S = 5.0
GONE: tuple[type[Exception], ...] = (anyio.ClosedResourceError, anyio.BrokenResourceError, OSError, MCPError)
"""What a call raises whose server is gone."""


class ToolFailedError(LongcallError):
    """A tool answered with an error instead of a result."""


class Server:
    """A running server and the MCP client attached to it."""

    def __init__(self, process: Process, client: Client) -> None:
        self._process = process
        self._client = client

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._process.pid

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Calls a tool and returns its result.

        Raises:
            ToolFailedError: it answered with an error.
            Exception: one of GONE; the server is gone.
        """
        result = await self._client.call_tool(tool, arguments)
        if result.structured_content is None:
            raise ToolFailedError(" ".join(getattr(part, "text", "") for part in result.content))
        return result.structured_content

    async def kill(self) -> int:
        """Ends the process as the system would, without a word to it (SIGKILL), and returns its exit status."""
        self._process.kill()
        return await self._process.wait()


@asynccontextmanager
async def attached() -> AsyncGenerator[Server]:
    """Starts a server with this process's environment and attaches a client over stdio."""
    command = [sys.executable, "-m", "longcall_server"]
    environ = {**os.environ, "PYTHONSAFEPATH": "1"}  # a project's own folder must not stand in for the libraries
    async with await anyio.open_process(command, env=environ, stderr=None, start_new_session=True) as process:
        try:
            async with Client(_streams(process)) as client:
                yield Server(process, client)
        finally:
            await _leave(process)


async def _leave(process: Process) -> None:
    """Lets the server go by closing its stdin; one that stays is killed."""
    assert process.stdin is not None
    with anyio.CancelScope(shield=True), anyio.move_on_after(_LEAVE_S):
        with suppress(*GONE):
            await process.stdin.aclose()
        await process.wait()
    if process.returncode is None:
        process.kill()


@asynccontextmanager
async def _streams(process: Process) -> AsyncGenerator[Any]:
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage](0)

    async def read() -> None:
        assert process.stdout is not None
        rest = ""
        with suppress(*GONE):
            async with to_client:
                async for chunk in TextReceiveStream(process.stdout):
                    *lines, rest = (rest + chunk).split("\n")
                    for line in lines:
                        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                        await to_client.send(SessionMessage(message))

    async def write() -> None:
        assert process.stdin is not None
        with suppress(*GONE):
            async with from_client:
                async for outgoing in from_client:
                    line = outgoing.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n"
                    await process.stdin.send(line.encode())

    async with anyio.create_task_group() as tasks, from_server, to_server, from_client:
        tasks.start_soon(read)
        tasks.start_soon(write)
        try:
            yield from_server, to_server
        finally:
            tasks.cancel_scope.cancel()
