"""An event loop in a thread of its own, and streams that cross from it.

LiteLLM costs 7 to 10 ms of CPU for each call and blocks its loop at some first uses; on a loop of its own it cannot
hold up claims, cancels and writes. Starts are paced, so that a thousand at once do not freeze that loop either.
"""

import asyncio  # noqa: TID251  # anyio has no way to wake another loop without blocking this one
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

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
    error: Exception | None


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

    async def take(self) -> T | _End:
        while not self._items:
            await self._filled.wait()
            self._filled = anyio.Event()
        return self._items.popleft()


class LoopThread:
    """Runs streams on the loop of `portal` and hands their items over to the caller's loop."""

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal
        self._loop = portal.call(_running_loop)
        self._starting = anyio.CapacityLimiter(_STARTS_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def relay(
        self, make: Callable[[], AsyncGenerator[T]], before: Callable[[], Awaitable[None]]
    ) -> AsyncGenerator[T]:
        """Awaits `before` here when it is this stream's turn to start, runs `make()` there, and yields its items.

        Closing this generator cancels the stream there and waits until it has closed its connection.
        """
        inbox = _Inbox[T]()
        scope = anyio.CancelScope()
        running = False
        try:
            async with self._starting:
                await before()
                running = True
                self._start(partial(_produce, make, inbox, scope))
                await self._turns()
            while True:
                item = await inbox.take()
                if isinstance(item, _End):
                    running = False
                    if item.error is not None:
                        raise item.error
                    return
                yield item
        finally:
            if running:
                self._loop.call_soon_threadsafe(scope.cancel)
                with anyio.CancelScope(shield=True), anyio.move_on_after(_CLOSE_S):
                    while not isinstance(await inbox.take(), _End):
                        pass

    async def run(self, function: Callable[[], Awaitable[T]]) -> T:
        """Runs `function` on the other loop and returns what it returns."""
        return await asyncio.wrap_future(self._portal.start_task_soon(function))

    def _start(self, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Starts a task there without waiting for that loop, which the portal would do on this one's time."""

        def start() -> None:
            task = self._loop.create_task(make())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._loop.call_soon_threadsafe(start)

    async def _turns(self) -> None:
        passed = anyio.Event()
        self._start(partial(_count_turns, partial(asyncio.get_running_loop().call_soon_threadsafe, passed.set)))
        await passed.wait()


async def _running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def _produce(make: Callable[[], AsyncGenerator[T]], inbox: _Inbox[T], scope: anyio.CancelScope) -> None:
    try:
        with scope:
            async with aclosing(make()) as items:
                async for item in items:
                    inbox.put(item)
    except Exception as error:  # noqa: BLE001  # it crosses to the other loop and is raised there
        inbox.put(_End(error))
    except BaseException:
        inbox.put(_End(anyio.ClosedResourceError("the loop of the stream was shut down")))
        raise
    else:
        inbox.put(_End(None))


async def _count_turns(done: Callable[[], object]) -> None:
    for _ in range(_TURNS):
        await anyio.lowlevel.checkpoint()
    done()
