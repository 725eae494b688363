"""One MCP server, kept warm: started when it is first needed, and again when it has died."""

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import anyio
from anyio.abc import TaskGroup

from longcall.errors import LongcallError
from longcall.mcp_client.transport import transport
from longcall.text import reason_of

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult, Tool

log = logging.getLogger(__name__)
_MOST_PAGES = 20


class ServerError(LongcallError):
    """An MCP server did not start, or did not answer."""


class ServerGoneError(ServerError):
    """It ended, or its connection did, while it was to answer: what it was asked may have happened."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for a server."""

    start_s: float = 60.0
    """For its start, until it is initialised and has listed its tools. npx downloads it once."""
    call_s: float = 120.0


@dataclass(eq=False, slots=True)
class _Life:
    """A server from its start to its end."""

    client: "Client"
    tools: "list[Tool]"
    end: anyio.Event = field(default_factory=anyio.Event)


class WarmServer:
    """A server by several descriptions, of which the first that starts is used."""

    def __init__(
        self, name: str, descriptions: Sequence[Mapping[str, Any]], tasks: TaskGroup, patience: Patience
    ) -> None:
        self.name = name
        self.in_use = 0
        """Calls that are at it now."""
        self._descriptions = descriptions
        self._tasks = tasks
        self._patience = patience
        self._starting = anyio.Lock()
        self._life: _Life | None = None

    async def tools(self) -> "list[Tool]":
        """Returns its tools.

        Raises:
            ServerError: it does not start.
        """
        return (await self._alive()).tools

    async def call(self, tool: str, arguments: dict[str, Any], *, again: bool) -> "CallToolResult":
        """Calls a tool; with `again` once more when the server dies meanwhile.

        Raises:
            ServerGoneError: it died.
            ServerError: it does not start, or does not answer in time.
        """
        try:
            return await self._call(tool, arguments)
        except ServerGoneError:
            if not again:
                raise
        return await self._call(tool, arguments)

    async def _call(self, tool: str, arguments: dict[str, Any]) -> "CallToolResult":
        from mcp.shared.exceptions import MCPError  # noqa: PLC0415  # only who calls servers
        from mcp_types import CONNECTION_CLOSED  # noqa: PLC0415  # as above

        life = await self._alive()
        self.in_use += 1
        try:
            with anyio.fail_after(self._patience.call_s):
                return await life.client.call_tool(tool, arguments)
        except TimeoutError:
            raise ServerError(f"{self.name} did not answer within {self._patience.call_s:g} s.") from None
        except MCPError as error:
            if error.error.code != CONNECTION_CLOSED:
                raise ServerError(f"{self.name} refused the call: {error}") from None
            self._forget(life)
            raise ServerGoneError(f"{self.name} ended while it was to run {tool}.") from None
        except (OSError, anyio.ClosedResourceError, anyio.BrokenResourceError) as error:
            self._forget(life)
            raise ServerGoneError(f"{self.name} cannot be reached ({type(error).__name__}).") from None
        finally:
            self.in_use -= 1

    def close(self) -> None:
        """Ends it; it starts again when it is needed."""
        if self._life is not None:
            self._forget(self._life)

    def _forget(self, life: _Life) -> None:
        life.end.set()
        if self._life is life:
            self._life = None

    async def _alive(self) -> _Life:
        async with self._starting:
            if self._life is None:
                self._life = await self._start()
            return self._life

    async def _start(self) -> _Life:
        told = ""
        for description in self._descriptions:
            # The task that starts it must be the one that ends it.
            life = await self._tasks.start(self._live, description)
            if isinstance(life, _Life):
                log.info("⇡ MCP server %s", self.name)
                return life
            told = life
            log.warning("the MCP server %s (%s) does not start: %s", self.name, description.get("command"), told)
        raise ServerError(f"The MCP server {self.name!r} does not start: {told} The worker's log says more.")

    async def _live(self, description: Mapping[str, Any], *, task_status: Any) -> None:
        """Starts it and holds it until its end; reports the life, or why there is none."""
        begun = False
        told = f"it was not ready within {self._patience.start_s:g} s."
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + self._patience.start_s) as starting:
                async with _client(description) as client:
                    life = _Life(client, await _listed(client))
                    starting.deadline = float("inf")
                    begun = True
                    task_status.started(life)
                    await life.end.wait()
        except Exception as error:  # noqa: BLE001  # whatever a server does wrong, it is only not there
            told = f"{_reason(error)}."
        if not begun:
            task_status.started(told)


@asynccontextmanager
async def _client(description: Mapping[str, Any]) -> "AsyncGenerator[Client]":
    from mcp import Client  # noqa: PLC0415  # only who calls servers

    async with transport(description) as streams, Client(streams) as client:
        yield client


async def _listed(client: "Client") -> "list[Tool]":
    tools: list[Tool] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return tools


def _reason(error: Exception) -> str:
    inner: Any = error
    while isinstance(inner, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[Exception]", inner).exceptions[0]
    return reason_of(inner)
