"""The tasks of the store behind the MCP Tasks extension (SEP-2663): one row behind both."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio

from longcall.errors import WorkerStartError
from longcall_server.asking import Request, session_of

if TYPE_CHECKING:
    from longcall_server.detailed_task import DetailedTask

_LOOK_S = 2.0
_NEWS_S = 5.0
"""Seconds between two notifications that differ in their message alone."""


class StoredTasks:
    """The tasks of the store, as far as whoever asks may see them.

    Every method raises UnknownTaskError for a task that is not theirs, and StoreError when the store cannot be used.
    """

    async def get(self, request: Request, task_id: str) -> "DetailedTask":
        """Returns a task as it is now."""
        from longcall_server.detailed_task import detailed  # noqa: PLC0415  # a server that starts has no task to tell

        return await detailed(request, await session_of(request), task_id)

    async def update(self, request: Request, task_id: str, responses: Mapping[str, Any]) -> None:
        """Takes the user's decision on an answer that needs review; answers to other questions are ignored.

        Raises:
            MCPError: the form was not filled in so that it could be followed.
        """
        from longcall_server.detailed_task import decide  # noqa: PLC0415  # as above

        await decide(await session_of(request), task_id, responses)

    async def cancel(self, request: Request, task_id: str) -> None:
        """Stops a task; one that has ended stays as it is."""
        from longcall_server.detailed_task import stop  # noqa: PLC0415  # as above

        await stop(await session_of(request), task_id)

    async def watch(self, request: Request, task_id: str) -> "AsyncGenerator[DetailedTask]":
        """Yields a task as it is, and again whenever its state changes or there is news of it, until it ends."""
        session = await session_of(request)
        last: DetailedTask | None = None
        told_at = 0.0
        while True:
            shown = await self.get(request, task_id)
            is_news = last is None or shown["status"] != last["status"] or anyio.current_time() - told_at >= _NEWS_S
            if is_news and shown != last:
                yield shown
                last, told_at = shown, anyio.current_time()
            if shown["status"] in ("completed", "failed", "cancelled"):
                return
            if shown["status"] == "input_required":
                await anyio.sleep(_LOOK_S)
            else:
                with suppress(WorkerStartError):  # polling tells of it; the task waits for better times
                    await session.client.wait(task_id, _LOOK_S)
