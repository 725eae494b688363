"""Two hundred clients over HTTP that poll at once, each for a task of its own, in both eras of the protocol."""

import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path

import anyio
import psutil
from mcp import Client

from benchmarks.report import Figure, quantile
from benchmarks.stage import ROOT, Era, Stage, call, rss_mib, stage

_CLIENTS = 200
_WAIT_S = 5
_LAST_S = 8.0
"""Seconds after which the last of the tasks ends; the first ends after an eighth of it."""
_ALONE = 10
"""Tasks that the one client polls for, one after the other."""
_ADDRESS = re.compile(r"listens on (http://\S+)")
_ERAS: tuple[Era, ...] = ("auto", "legacy")


async def run(*, quick: bool) -> list[Figure]:
    """Has one client poll, then many, on a front of its own for each era."""
    many, few = (20, 2) if quick else (_CLIENTS, _ALONE)
    figures: list[Figure] = []
    for era in _ERAS:
        with stage() as here:
            with _front(here.including(LONGCALL_MAX_IN_FLIGHT=str(many))) as (process, url):
                await _round(url, era, [0.2])  # the worker's start is nobody's delay
                alone = _Polling()
                for number in range(few):
                    alone += await _round(url, era, [0.5 + number / 100])
                alone_mib = rss_mib(process)
                together = await _round(url, era, [_LAST_S * (1 + 7 * number / many) / 8 for number in range(many)])
                together_mib = rss_mib(process)
            figures += _figures(era, many, alone.delays_ms(here.home), together.delays_ms(here.home))
        wrong = len(alone.wrong) + len(together.wrong)
        figures += [
            Figure("  errors and wrong ends", wrong, "", None, "0", not wrong),
            Figure("  memory of the front, beside one client's", together_mib, "MiB", alone_mib),
        ]
    return figures


def _figures(era: Era, many: int, alone: list[float], together: list[float]) -> list[Figure]:
    half, most = ((quantile(together, share), quantile(alone, share)) for share in (0.5, 0.99))
    return [
        Figure(f"{many} clients poll ({era}): delay of an answer, p50, beside one client's", half[0], "ms", half[1]),
        Figure("  p99", most[0], "ms", most[1]),
        Figure("  polls", len(together), ""),
    ]


class _Polling:
    """What the clients of a round were told, and when."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self._polls: list[tuple[str, float, float]] = []
        """Task, when it was polled, when that was answered; seconds of the wall's clock."""

    def __iadd__(self, other: "_Polling") -> "_Polling":
        self.wrong += other.wrong
        self._polls += other._polls
        return self

    def delays_ms(self, home: Path) -> list[float]:
        """Returns for each poll the time from when it could be answered, by the store, to its answer."""
        with closing(sqlite3.connect(f"file:{home / 'tasks.sqlite3'}?mode=ro", uri=True)) as connection:
            ended = {row[0]: row[1] / 1000 for row in connection.execute("SELECT id, finished_at FROM tasks")}
        return [
            (answered - min(asked + _WAIT_S, max(asked, ended[task]))) * 1000 for task, asked, answered in self._polls
        ]

    async def follow(self, client: Client, seconds: float) -> None:
        """Begins a task of this length and polls until it ends."""
        try:
            result = await call(client, "start_task", prompt="A story.", model=f"demo/slow-{seconds:g}", fresh=True)
            while result["status"] == "working":
                asked = time.time()
                result = await call(client, "poll_task", task_id=result["task_id"], wait_s=_WAIT_S)
                self._polls.append((result["task_id"], asked, time.time()))
        except Exception as error:  # noqa: BLE001  # whatever a user is told is counted
            self.wrong.append(repr(error))
        else:
            if result["status"] != "completed" or not result["text"].endswith("to this last one."):
                self.wrong.append(str(result))


async def _round(url: str, era: Era, lengths: list[float]) -> _Polling:
    """Has as many clients as there are lengths each follow a task of its own, of that many seconds, all at once."""
    polling = _Polling()
    async with _clients(url, len(lengths), era) as clients, anyio.create_task_group() as users:
        for client, seconds in zip(clients, lengths, strict=True):
            users.start_soon(polling.follow, client, seconds)
    return polling


@asynccontextmanager
async def _clients(url: str, count: int, era: Era) -> AsyncGenerator[list[Client]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(Client(url, mode=era)) for _ in range(count)]


@contextmanager
def _front(here: Stage) -> Generator[tuple[psutil.Process, str]]:
    """Runs a front over HTTP until the block ends; yields its process and where it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "longcall_server", "serve", "--http", "--port", "0"],
        env=here.environ, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        url = next(found[1] for line in process.stderr if (found := _ADDRESS.search(line)))
        yield psutil.Process(process.pid), url
    finally:
        process.kill()
        process.communicate()
