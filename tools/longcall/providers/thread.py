"""An event loop in a thread of its own, and streams that cross from it.

LiteLLM costs 7 to 10 ms of CPU for each call and blocks its loop at some first uses; on a loop of its own it cannot hold
up claims, cancels and writes. Starts are paced, so that a thousand at once do not freeze that loop either.
"""

import asyncio  # noqa: TID251  # anyio has no way to wake another loop without blocking this one
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel
from anyio.from_thread import BlockingPortal

T = TypeVar("T")
_STARTS_AT_ONCE = 8
_TURNS = 4
"""Turns of the other loop that a start is given before the next one may come."""
_CLOSE_S = 5.0
"""Seconds that closing a stream may take there before it is left alone."""


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


class _Inbox(Generic[T]):
    """What the other thread has put here, taken out in order on this one."""

    def __init__(self) -> None:
        self._items: deque[T | _End] = deque()
        self._filled = anyio.Event()
        self._waking = False
        self._loop = asyncio.get_running_loop()

    def put(self, item: T | _End) -> None:
        self._items.append(item)
        if not self._waking:
            self._waking = True
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._filled.set()

    async def take(self) -> list[T | _End]:
        await self._filled.wait()
        self._filled = anyio.Event()
        return [self._items.popleft() for _ in range(len(self._items))]


class LoopThread:
    """Runs streams on the loop of `portal` and hands their items over to the caller's loop."""

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal
        self._starting = anyio.CapacityLimiter(_STARTS_AT_ONCE)

    async def relay(
        self, make: Callable[[], AsyncGenerator[T]], before: Callable[[], Awaitable[None]]
    ) -> AsyncGenerator[T]:
        """Awaits `before` here when it is this stream's turn to start, runs `make()` there, and yields its items.

        Closing this generator cancels the stream there and waits until it has closed its connection.
        """
        inbox = _Inbox[T]()
        async with self._starting:
            await before()
            future = self._portal.start_task_soon(_produce, make, inbox)
            await asyncio.wrap_future(self._portal.start_task_soon(_turns))
        ended = False
        try:
            while not ended:
                for item in await inbox.take():
                    if isinstance(item, _End):
                        ended = True
                        if item.error is not None:
                            raise item.error
                    else:
                        yield item
        finally:
            if not ended:
                future.cancel()
                with anyio.CancelScope(shield=True), anyio.move_on_after(_CLOSE_S):
                    while not any(isinstance(item, _End) for item in await inbox.take()):
                        pass

    async def run(self, function: Callable[[], Awaitable[None]]) -> None:
        """Runs `function` on the other loop and waits for its end."""
        await asyncio.wrap_future(self._portal.start_task_soon(function))


async def _produce(make: Callable[[], AsyncGenerator[T]], inbox: _Inbox[T]) -> None:
    try:
        async with aclosing(make()) as items:
            async for item in items:
                inbox.put(item)
    except Exception as error:  # noqa: BLE001  # it crosses to the other loop and is raised there
        inbox.put(_End(error))
    except BaseException as error:
        inbox.put(_End(error))
        raise
    else:
        inbox.put(_End(None))


async def _turns() -> None:
    for _ in range(_TURNS):
        await anyio.lowlevel.checkpoint()
