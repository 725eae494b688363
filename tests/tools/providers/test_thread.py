"""Streams that run on a loop in another thread."""

import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from functools import partial

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from longcall.providers.thread import LoopThread

PATIENCE_S = 4.0
"""Less than the 5 s after which a stream that does not close is left alone."""


@pytest.fixture(scope="module")
def portal() -> Generator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def thread(portal: BlockingPortal) -> LoopThread:
    return LoopThread(portal)


async def nothing() -> None:
    pass


async def count(to: int) -> AsyncGenerator[int]:
    for number in range(to):
        if number % 7 == 0:
            await anyio.lowlevel.checkpoint()
        yield number


async def collected(thread: LoopThread, to: int) -> list[int]:
    return [number async for number in thread.relay(partial(count, to), nothing)]


async def test_items_arrive_once_and_in_order(thread: LoopThread) -> None:
    with anyio.fail_after(PATIENCE_S):
        assert await collected(thread, 1000) == list(range(1000))
        assert await collected(thread, 0) == []


async def test_a_stream_runs_in_the_other_thread(thread: LoopThread) -> None:
    async def where() -> AsyncGenerator[int]:
        yield threading.get_ident()

    idents = [ident async for ident in thread.relay(where, nothing)]
    assert len(idents) == 1
    assert idents != [threading.get_ident()]


async def test_many_streams_do_not_mix(thread: LoopThread) -> None:
    found: dict[int, list[int]] = {}

    async def collect(to: int) -> None:
        found[to] = await collected(thread, to)

    with anyio.fail_after(PATIENCE_S * 2):
        async with anyio.create_task_group() as tasks:
            for to in range(100):
                tasks.start_soon(collect, to)
    assert found == {to: list(range(to)) for to in range(100)}


async def test_an_error_over_there_is_raised_here_after_what_came_before_it(thread: LoopThread) -> None:
    async def broken() -> AsyncGenerator[int]:
        yield 1
        raise ZeroDivisionError("over there")

    items = thread.relay(broken, nothing)
    assert await anext(items) == 1
    with pytest.raises(ZeroDivisionError, match="over there"):
        await anext(items)


async def test_leaving_a_stream_cancels_it_and_waits_until_it_is_closed(thread: LoopThread) -> None:
    closed = threading.Event()

    async def endless() -> AsyncGenerator[int]:
        try:
            yield 1
            await anyio.sleep_forever()
        finally:
            closed.set()

    with anyio.fail_after(PATIENCE_S):
        async with aclosing(thread.relay(endless, nothing)) as items:
            assert await anext(items) == 1
            assert not closed.is_set()
    assert closed.is_set()


async def test_leaving_a_stream_that_has_already_ended_there_does_not_wait(thread: LoopThread) -> None:
    with anyio.fail_after(PATIENCE_S):
        async with aclosing(thread.relay(partial(count, 5), nothing)) as items:
            assert await anext(items) == 0
            await thread.run(anyio.lowlevel.checkpoint)  # by now the rest of it and its end are here


async def test_a_stream_that_is_cancelled_while_it_starts_does_not_go_on_unattended(thread: LoopThread) -> None:
    closed = threading.Event()
    begun = threading.Event()

    async def endless() -> AsyncGenerator[int]:
        begun.set()
        try:
            yield await anyio.sleep_forever() or 0
        finally:
            closed.set()

    async def consume() -> None:
        async for _ in thread.relay(endless, nothing):
            pass

    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(consume)
            while not begun.is_set():
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
    assert closed.is_set()


async def test_what_before_raises_keeps_the_stream_from_being_made(thread: LoopThread) -> None:
    made: list[int] = []

    async def refuse() -> None:
        raise LookupError("not now")

    def make() -> AsyncGenerator[int]:
        made.append(1)
        return count(1)

    with pytest.raises(LookupError, match="not now"):
        await anext(thread.relay(make, refuse))
    assert made == []
    assert [item async for item in thread.relay(make, nothing)] == [0]
    assert made == [1]


async def test_only_eight_streams_start_at_once(thread: LoopThread) -> None:
    waiting: list[int] = []
    go = anyio.Event()

    async def before() -> None:
        waiting.append(1)
        await go.wait()

    async def consume() -> None:
        assert [item async for item in thread.relay(partial(count, 3), before)] == [0, 1, 2]

    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(consume)
            await anyio.wait_all_tasks_blocked()
            assert len(waiting) == 8
            go.set()
    assert len(waiting) == 20
