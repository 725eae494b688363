"""The task store, opened at the first use: a server whose store is in trouble still starts, and says so when asked."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup, TaskStatus

from longcall.errors import LongcallError
from longcall.settings import Settings

if TYPE_CHECKING:
    from longcall.result import Fit
    from longcall.session import Session

_SOON_S = 1.0
_LATER = (
    "longcall.listing",
    "longcall.mcp_client.offered",
    "longcall.code_task",
    "longcall_server.detailed_task",
)
"""What handlers import when they are first called, beside what opening the store takes."""


class Opening:
    """Hands out the one session of this server, opened by whoever asks first."""

    def __init__(
        self, tasks: TaskGroup, settings: Settings, fit: "Fit | None" = None, *, opens_project: bool = True
    ) -> None:
        self.settings = settings
        self._fit = fit
        self._tasks = tasks
        self._opens_project = opens_project
        self._opening = anyio.Lock()
        self._session: Session | None = None

    async def session(self) -> "Session":
        """Returns the open session.

        Raises:
            StoreError: the store cannot be used now; the next call tries again.
        """
        async with self._opening:
            session = self._session
            if session is None:
                session = self._session = await self._tasks.start(self._hold)
            return session

    async def open_soon(self) -> None:
        """Opens the store once the host has had its first answers, so that tasks a dead front left behind run."""
        await anyio.sleep(_SOON_S)
        for name in _LATER:  # now, or a longcall that is upgraded beneath a living server would be two editions at once
            import_module(name)
        with suppress(LongcallError):
            await self.session()

    async def _hold(self, *, task_status: "TaskStatus[Session]") -> None:
        # A host wants its first answers sooner than all of the library is there. Not in a thread: two that import the
        # same package at once may come to stand in each other's way.
        from longcall.access import open_session  # noqa: PLC0415  # see above
        from longcall.overflow import fitting  # noqa: PLC0415  # as above

        project = Path(os.environ.get("CLAUDE_PROJECT_DIR") or Path.cwd())
        fit = self._fit or partial(fitting, inline_chars=self.settings.inline_chars, folder=self.settings.results_path)
        async with open_session(
            self.settings, os.environ, project=project, fit=fit, opens_project=self._opens_project
        ) as session:
            task_status.started(session)
            await anyio.sleep_forever()


@asynccontextmanager
async def opening(
    settings: Settings, fit: "Fit | None" = None, *, opens_project: bool = True
) -> AsyncGenerator[Opening]:
    """Holds an opening until the block ends; `fit` is how tasks are told of, None cuts them to a tool's answer."""
    async with anyio.create_task_group() as running:
        found = Opening(running, settings, fit, opens_project=opens_project)
        running.start_soon(found.open_soon)
        yield found
        running.cancel_scope.cancel()
