"""Whether memory, open files and the write-ahead log stay flat while a front and its worker are at work for long.

By hand: `uv run python -m benchmarks.soak --minutes 30`. One task begins every second, on models that answer at once,
late, or word by word; every fifth is cancelled on its way, the others are polled to their end.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import psutil
from mcp import Client

from benchmarks.report import Figure, table
from benchmarks.stage import FRONT, Stage, ask, call, rss_mib, server_process, stage
from longcall.beside import beside

_MODELS = ("openai/instant", "openai/wait-2", "openai/echo-3", "openai/drip-2", "openai/instant")
_CANCEL_EACH = 5
_CANCEL_AFTER_S = 0.5
_WARM = 40
"""Tasks before the first sample: first uses are no growth."""
_SAMPLES = 120
_LEAST_PAUSE_S = 0.5
_MOST_GROWTH_MIB = 10.0
_MOST_WAL_MIB = 64.0
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Sample:
    front_mib: float
    worker_mib: float
    front_files: int
    worker_files: int
    wal_mib: float


@dataclass(slots=True)
class _Tally:
    """What became of the tasks."""

    begun: int = 0
    ended: int = 0
    cancelled: int = 0
    wrong: int = 0


async def soak(minutes: float) -> list[Figure]:
    """Works for so long and tells what grew."""
    tally = _Tally()
    with stage() as here:
        async with here.front() as client:
            for number in range(_WARM):
                await ask(client, _MODELS[0])
                if number % _CANCEL_EACH == 0:
                    await _task(client, "openai/drip-2", tally=_Tally(), cancel=True)
            worker = here.worker()
            samples = await _samples(here, client, minutes * 60, tally)
            survived = here.worker() == worker and worker.is_running()
    return [*_figures(samples), *_tallied(tally, survived=survived)]


async def _samples(here: Stage, client: Client, seconds: float, tally: _Tally) -> list[_Sample]:
    front, worker = server_process(here.environ, FRONT), here.worker()
    log = here.home / "tasks.sqlite3-wal"
    samples: list[_Sample] = []
    over = anyio.Event()

    async def work() -> None:
        await _work(client, tally, over)

    async with beside(work):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            samples.append(_sample(front, worker, log))
            await anyio.sleep(max(_LEAST_PAUSE_S, seconds / _SAMPLES))
        over.set()
        while tally.ended < tally.begun:  # noqa: ASYNC110  # a bound on the waiting is each poll's own
            await anyio.sleep(0.1)
    return samples


def _sample(front: psutil.Process, worker: psutil.Process, log: Path) -> _Sample:
    wal = log.stat().st_size / _MIB if log.exists() else 0.0
    return _Sample(rss_mib(front), rss_mib(worker), front.num_fds(), worker.num_fds(), wal)


async def _work(client: Client, tally: _Tally, over: anyio.Event) -> None:
    async with anyio.create_task_group() as tasks:
        next_at = time.monotonic()
        while not over.is_set():
            tally.begun += 1
            model = _MODELS[tally.begun % len(_MODELS)]
            tasks.start_soon(_counted, client, model, tally, tally.begun % _CANCEL_EACH == 1)
            next_at += 1
            await anyio.sleep(max(0.0, next_at - time.monotonic()))


async def _counted(client: Client, model: str, tally: _Tally, cancel: bool) -> None:  # noqa: FBT001  # start_soon takes positions
    await _task(client, model, tally=tally, cancel=cancel)
    tally.ended += 1


async def _task(client: Client, model: str, *, tally: _Tally, cancel: bool) -> None:
    prompt = f"Task {tally.begun}: " + "say it all again, " * 40
    result = await call(client, "start_task", prompt=prompt, model=model, fresh=True)
    task = result["task_id"]
    if cancel:
        await anyio.sleep(_CANCEL_AFTER_S)
        result = await call(client, "cancel_task", task_id=task)
    while result["status"] == "working":
        result = await call(client, "poll_task", task_id=task, wait_s=1)
    tally.cancelled += result["status"] == "cancelled"
    tally.wrong += result["status"] != ("cancelled" if cancel else "completed")


def _figures(samples: Sequence[_Sample]) -> list[Figure]:
    quarter = max(1, len(samples) // 4)
    figures: list[Figure] = []
    for name, field in (("RSS of the front", "front_mib"), ("RSS of the worker", "worker_mib")):
        first, last = _means(samples, field, quarter)
        reached = last - first <= _MOST_GROWTH_MIB
        figures += [
            Figure(f"{name}, first quarter", first, "MiB"),
            Figure(f"{name}, last quarter", last, "MiB", None, f"grown <= {_MOST_GROWTH_MIB:g} MiB", reached),
        ]
    for name, field in (("open files of the front", "front_files"), ("open files of the worker", "worker_files")):
        first, last = _means(samples, field, quarter)
        figures += [
            Figure(f"{name}, first quarter", first, ""),
            Figure(f"{name}, last quarter", last, "", None, "grown < 2", last - first < 2),
        ]
    first, last = _means(samples, "wal_mib", quarter)
    most = max(sample.wal_mib for sample in samples)
    return [
        *figures,
        Figure("write-ahead log, first quarter", first, "MiB"),
        Figure("write-ahead log, last quarter", last, "MiB"),
        Figure("write-ahead log, most", most, "MiB", None, f"<= {_MOST_WAL_MIB:g} MiB", most <= _MOST_WAL_MIB),
    ]


def _means(samples: Sequence[_Sample], field: str, quarter: int) -> tuple[float, float]:
    values: list[float] = [getattr(sample, field) for sample in samples]
    return sum(values[:quarter]) / quarter, sum(values[-quarter:]) / quarter


def _tallied(tally: _Tally, *, survived: bool) -> list[Figure]:
    return [
        Figure("tasks", tally.ended, ""),
        Figure("  cancelled", tally.cancelled, ""),
        Figure("  with another end than they should", tally.wrong, "", None, "0", not tally.wrong),
        Figure("one worker all the time (1: yes)", survived, "", None, "1", survived),
    ]


def main() -> None:
    """Soaks for the minutes that the command line names; exits with 1 when something grew."""
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description="Looks for what grows in the long run.")
    parser.add_argument("--minutes", type=float, default=30)
    figures = anyio.run(soak, parser.parse_args().minutes)
    flat = all(figure.reached is not False for figure in figures)
    print(f"{table(figures)}\n\n{'Flat.' if flat else 'NOT flat.'}")
    sys.exit(not flat)


if __name__ == "__main__":
    main()
