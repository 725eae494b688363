"""Durable task writes: the store's group commit against one commit for each write, both with synchronous=FULL."""

import re
import secrets
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
import anyio

from benchmarks.report import Figure, median, quantile
from longcall.call import Call
from longcall.clock import Clock
from longcall.message import Message
from longcall.tasks.queries import load_queries
from longcall.tasks.sqlite import open_sqlite_store
from longcall.tasks.store import NewTask

_WRITERS = 64
_LEAST_RATIO = 10.0
_MOST_MS = 2.0
_CALL = Call(model="openai/instant", messages=(Message(role="user", content="word " * 200),))
_Write = Callable[[], Awaitable[None]]


async def run(*, quick: bool) -> list[Figure]:
    """Takes turns on two files of the same schema."""
    each = 10 if quick else 60
    rates: dict[str, list[float]] = {"group": [], "single": []}
    waits: dict[str, list[float]] = {"group": [], "single": []}
    with tempfile.TemporaryDirectory(prefix="longcall-benchmark-") as folder:
        async with _group(Path(folder) / "group.sqlite3") as group, _single(Path(folder) / "single.sqlite3") as single:
            for _ in range(2 if quick else 5):
                for name, write, count in (("group", group, each * 5), ("single", single, each)):
                    rate, seconds = await _burst(write, count)
                    rates[name].append(rate)
                    waits[name] += seconds
    ratio = median(rates["group"]) / median(rates["single"])
    p50, p99 = (1000 * quantile(waits["group"], share) for share in (0.5, 0.99))
    slow50, slow99 = (1000 * quantile(waits["single"], share) for share in (0.5, 0.99))
    goal = f">= {_LEAST_RATIO:g}x"
    return [
        Figure("durable writes by 64 writers", median(rates["group"]), "/s", median(rates["single"]), goal,
               ratio >= _LEAST_RATIO),
        Figure("  wait of one, p50", p50, "ms", slow50, f"<= {_MOST_MS:g} ms", p50 <= _MOST_MS),
        Figure("  wait of one, p99", p99, "ms", slow99),
    ]  # fmt: skip


@asynccontextmanager
async def _group(path: Path) -> AsyncGenerator[_Write]:
    async with open_sqlite_store(path) as store:

        async def write() -> None:
            await store.add([_new()])

        yield write


@asynccontextmanager
async def _single(path: Path) -> AsyncGenerator[_Write]:
    async with open_sqlite_store(path):
        pass  # for its schema
    async with aiosqlite.connect(path) as connection:
        await connection.execute("PRAGMA synchronous = FULL")
        add = load_queries()["add_task"]
        unset = {**dict.fromkeys(re.findall(r":(\w+)", add)), "held": 0}
        alone = anyio.Lock()  # or another task's commit would end this one's transaction

        async def write() -> None:
            task = _new()
            values = unset | {name: getattr(task, name) for name in NewTask.__slots__}
            values |= {"kind": task.kind, "call": _CALL.model_dump_json(exclude_none=True), "timeout_ms": 1, "tick": 1}
            values |= {"now": Clock().wall(), "on_interrupt": "report"}
            async with alone:
                await connection.execute(add, values)
                await connection.commit()

        yield write


def _new() -> NewTask:
    return NewTask(secrets.token_hex(16), "0" * 16, "/", _CALL.model, "word", _CALL, secrets.token_hex(32))


async def _burst(write: _Write, each: int) -> tuple[float, list[float]]:
    seconds: list[float] = []

    async def writer() -> None:
        for _ in range(each):
            begun = time.perf_counter()
            await write()
            seconds.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for _ in range(_WRITERS):
            tasks.start_soon(writer)
    return len(seconds) / (time.perf_counter() - begun), seconds
