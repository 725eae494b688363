"""The MCP servers of one worker, each started once for all calls that want it with the same folders."""

import json
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import TaskGroup

from longcall.files.roots import Roots
from longcall.mcp_client import filesystem
from longcall.mcp_client.toolbox import Offer, Toolbox, boxed
from longcall.mcp_client.warm import Patience, WarmServer
from longcall.servers import chosen_servers, given_servers, own_servers

_MOST_WARM = 16
"""Servers that are kept; one that is at work is kept in any case."""


class Pool:
    """Hands out tools; see `open_pool`."""

    def __init__(
        self,
        tasks: TaskGroup,
        config: Path | None,
        writable: Sequence[str],
        environ: Mapping[str, str],
        patience: Patience,
    ) -> None:
        self._tasks = tasks
        self._config = config
        self._writable = frozenset(writable)
        self._environ = environ
        self._patience = patience
        self._warm: OrderedDict[str, WarmServer] = OrderedDict()

    async def toolbox(
        self,
        names: Sequence[str],
        mcp_config: Mapping[str, Any] | None,
        tools: Sequence[str],
        roots: Sequence[str],
    ) -> Toolbox:
        """Returns the tools that a model may use, of servers that are started for it if need be.

        Args:
            names: servers that the caller chose among the operator's.
            mcp_config: servers of the caller's own, whose writing tools are meant to be used.
            tools: the tools that the caller allows; none allows all.
            roots: the folders of the task.

        Raises:
            CallError: a server is unknown, or none has a tool of these names.
            ServerError: a server does not start.
        """
        offers = [await self._offer(name, roots) for name in names]
        for name, server in given_servers(mcp_config).items():
            offers.append(Offer(self._server(name, [server]), may_write=True, guard=_guard(server, roots)))
        return await boxed(offers, tools)

    async def _offer(self, name: str, roots: Sequence[str]) -> Offer:
        own = own_servers(self._config, self._writable)
        if name == filesystem.NAME and name not in own:
            if not roots:
                Roots(()).resolve(".")  # says what is missing
            server = self._server(name, filesystem.commands(roots, self._environ))
            return Offer(server, may_write=name in self._writable, guard=Roots.of(roots))
        description = chosen_servers([name], self._config, self._environ)[name]
        writes = own.get(name, False)
        return Offer(self._server(name, [description]), may_write=writes, guard=_guard(description, roots))

    def _server(self, name: str, descriptions: Sequence[Mapping[str, Any]]) -> WarmServer:
        key = json.dumps([name, descriptions], sort_keys=True, default=str)
        if key not in self._warm:
            self._warm[key] = WarmServer(name, descriptions, self._tasks, self._patience)
        self._warm.move_to_end(key)
        idle = [key for key, server in self._warm.items() if not server.in_use]
        for oldest in idle[: max(0, len(self._warm) - _MOST_WARM)]:
            if oldest != key:
                self._warm.pop(oldest).close()
        return self._warm[key]


def _guard(server: Mapping[str, Any], roots: Sequence[str]) -> Roots | None:
    return Roots.of(roots) if filesystem.is_filesystem(server) else None


@asynccontextmanager
async def open_pool(
    config: Path | None, writable: Sequence[str], environ: Mapping[str, str], patience: Patience | None = None
) -> AsyncGenerator[Pool]:
    """Opens the servers of a worker, none of which starts before it is needed; at the end of the block all are gone."""
    raised: Exception | None = None
    async with anyio.create_task_group() as tasks:
        try:
            yield Pool(tasks, config, writable, environ, patience or Patience())
        except Exception as error:  # noqa: BLE001  # raised again below, outside the group
            raised = error
        tasks.cancel_scope.cancel()
    if raised is not None:
        raise raised
