"""Work that runs beside a block and ends with it."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import anyio


@asynccontextmanager
async def beside(*works: Callable[[], Coroutine[Any, Any, None]]) -> AsyncGenerator[None]:
    """Runs `works` until the block ends, then cancels them.

    Unlike with a bare task group, what the block raises comes out as it is, not wrapped in an ExceptionGroup.
    """
    raised: Exception | None = None
    async with anyio.create_task_group() as tasks:
        for work in works:
            tasks.start_soon(work)
        try:
            yield
        except Exception as error:  # noqa: BLE001  # raised again below, outside the group
            raised = error
        tasks.cancel_scope.cancel()
    if raised is not None:
        raise raised
