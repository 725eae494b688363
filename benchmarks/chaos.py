"""Kills fronts and workers with SIGKILL at random points under load, and counts what that lost or sent twice.

By hand: `uv run python -m benchmarks.chaos --kills 1000`. Four fronts at a time, each a process of its own that speaks
MCP over stdio, begin tasks with start_task and llm_call, half of them with an idempotency key, under which they are
asked for again when their front died before it answered. The provider on loopback repeats each prompt, no two of which
are equal, and writes down every request it receives, so that its journal is exact.

Two parts, with stores of their own:

quick    fronts, worker processes, store, locks, `longcall.providers.litellm` with its thread: all as they are shipped.
         Only the package `litellm` itself is a stand-in (`benchmarks.chaos_litellm`, by PYTHONPATH) that sends real
         HTTP: LiteLLM takes seconds to import, in which a worker that is killed often would never come to send.
litellm  everything as it is shipped, LiteLLM too; fewer kills.

`--evidence FILE` keeps what every side wrote down, and `--judge FILE` counts again from there.
"""

import argparse
import random
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import psutil
from anyio.abc import Process

from benchmarks.chaos_evidence import Evidence, Sighting, judge, read_evidence, write_evidence
from benchmarks.chaos_front import Front, FrontDiedError, ToldError, front
from benchmarks.chaos_home import complaints, end_workers, living_workers, put_stand_in, read_log, read_rows
from benchmarks.report import Figure, table
from benchmarks.stage import Stage, stage

_FRONTS = 4
_USERS = 3
"""Users of one front, each with one request at a time."""
_POLLERS = 8
_PATIENCE_S = 120.0
"""Seconds in which everything must have ended after the last kill."""
_KILLS = 100
_MODELS = ("openai/echo-0", "openai/echo-0.2", "openai/echo-1", "openai/hush-0.1", "openai/hush-0.6")


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question; no two have the same prompt."""

    prompt: str
    model: str
    key: str | None


class _Run:
    """Load and kills on one store."""

    def __init__(self, here: Stage, chance: random.Random) -> None:
        self.fronts: list[Process] = []
        self.killed_fronts = 0
        self.killed_workers = 0
        self.acknowledged: dict[str, str] = {}
        self.sightings: list[Sighting] = []
        self.told: list[str] = []
        self._here = here
        self._chance = chance
        self._over = anyio.Event()
        self._again: list[_Asked] = []
        self._ended: set[str] = set()
        self._name = secrets.token_hex(4)
        self._asked = 0

    async def kill_under_load(self, kills: int) -> None:
        """Keeps the fronts at work until so many processes were killed."""
        async with anyio.create_task_group() as tasks:
            for _ in range(_FRONTS):
                tasks.start_soon(self._keep_front)
            victims = [self._kill_front, self._kill_worker] * kills
            for kill in self._chance.sample(victims[:kills], kills):
                while not await kill():
                    pass
            await _until(lambda: bool(self.acknowledged))
            self._over.set()

    async def drain(self) -> None:
        """Waits for the end of every acknowledged task, at a new front."""
        waiting = sorted(self.acknowledged)

        async def poll(one: Front) -> None:
            while waiting:
                task = waiting.pop()
                while task not in self._ended:
                    await self._poll(one, task, 20)
                await self._poll(one, task, 0)

        async with front(self._here.environ, self.fronts) as one, anyio.create_task_group() as tasks:
            for _ in range(_POLLERS):
                tasks.start_soon(poll, one)

    async def _keep_front(self) -> None:
        while not self._over.is_set():
            with suppress(FrontDiedError):
                async with front(self._here.environ, self.fronts) as one, anyio.create_task_group() as users:
                    for _ in range(_USERS):
                        users.start_soon(self._use, one)

    async def _use(self, one: Front) -> None:
        with suppress(FrontDiedError):
            while not self._over.is_set():
                await self._ask(one, self._again.pop() if self._again else self._new())
                if self.acknowledged:
                    await self._poll(one, self._chance.choice(list(self.acknowledged)), 0)
                await anyio.sleep(self._chance.uniform(0, 0.2))

    def _new(self) -> _Asked:
        self._asked += 1
        prompt = f"Question {self._asked} of {self._name}: how much is lost when the power goes out now?"
        key = prompt if self._chance.random() < 0.5 else None
        return _Asked(prompt, self._chance.choice(_MODELS), key)

    async def _ask(self, one: Front, asked: _Asked) -> None:
        arguments: dict[str, Any] = {"prompt": asked.prompt, "model": asked.model}
        if asked.key is not None:
            arguments["idempotency_key"] = asked.key
        try:
            if self._chance.random() < 0.5:
                result = await one.call("start_task", **arguments)
            else:
                result = await one.call("llm_call", wait_s=self._chance.choice((0, 0.3, 2)), **arguments)
        except FrontDiedError:
            if asked.key is not None:
                self._again.append(asked)
            raise
        except ToldError as error:
            self.told.append(str(error))
            return
        self.acknowledged[result["task_id"]] = asked.prompt
        self._note(result["task_id"], result)
        await self._poll(one, result["task_id"], self._chance.choice((0, 0.2, 1)))

    async def _poll(self, one: Front, task: str, wait_s: float) -> None:
        had_ended = task in self._ended
        try:
            result = await one.call("poll_task", task_id=task, wait_s=wait_s)
        except ToldError as error:
            self.told.append(str(error))
            if had_ended or "no task" in str(error).lower():
                self._note(task, {"status": "gone"})
            return
        if had_ended or result["status"] != "working":
            self._note(task, result)

    def _note(self, task: str, result: dict[str, Any]) -> None:
        if result["status"] != "working" or task in self._ended:
            self.sightings.append(Sighting(task, result["status"], result.get("text", "")))
            self._ended.add(task)

    async def _kill_front(self) -> bool:
        await anyio.sleep(self._chance.uniform(0, 0.5))
        if not self.fronts:
            return False
        self.fronts.pop(self._chance.randrange(len(self.fronts))).kill()
        self.killed_fronts += 1
        return True

    async def _kill_worker(self) -> bool:
        """Mostly kills one that has requests at the provider, sometimes whichever there is."""
        if self._chance.random() < 0.75:
            await _until(lambda: self._here.stats()["in_flight"] > 0)
            await anyio.sleep(self._chance.uniform(0, 0.3))
        else:
            await anyio.sleep(self._chance.uniform(0, 1))
        workers = await anyio.to_thread.run_sync(living_workers, self._here.home)
        for worker in workers[:1]:
            with suppress(psutil.NoSuchProcess):
                worker.kill()
                self.killed_workers += 1
                return True
        return False


async def chaos(kills: int, seed: int, *, quickly: bool) -> Evidence:
    """Kills so many processes on a store of their own and returns what every side wrote down."""
    begun = time.monotonic()
    with stage() as here:
        if quickly:
            here.including(PYTHONPATH=put_stand_in(here.home))
        run = _Run(here, random.Random(seed))  # a seed makes the choices repeatable
        try:
            await run.kill_under_load(kills)
            with anyio.fail_after(_PATIENCE_S):
                await run.drain()
                await _until(lambda: all(row.state not in ("queued", "running") for row in read_rows(here.home)))
        finally:
            end_workers(here.home)
        return Evidence(
            wall_s=time.monotonic() - begun,
            killed_fronts=run.killed_fronts,
            killed_workers=run.killed_workers,
            acknowledged=run.acknowledged,
            sightings=run.sightings,
            journal=here.journal(),
            rows=read_rows(here.home),
            log=read_log(here.home),
            told=run.told,
            integrity=complaints(here.home),
        )


async def _until(condition: Callable[[], bool]) -> None:
    with anyio.move_on_after(_PATIENCE_S):
        while not await anyio.to_thread.run_sync(condition):  # noqa: ASYNC110  # other processes set no event of ours
            await anyio.sleep(0.01)


async def run(*, quick: bool) -> list[Figure]:
    """Kills 100 processes, a tenth of them around the real LiteLLM."""
    parts = await _parts(10 if quick else _KILLS, secrets.randbits(32))
    return [figure for name, evidence in parts.items() for figure in judge(name, evidence)]


async def _parts(kills: int, seed: int) -> dict[str, Evidence]:
    real = max(1, kills // 10)
    print(f"chaos: --seed {seed}", file=sys.stderr, flush=True)
    parts: dict[str, Evidence] = {}

    async def part(name: str, share: int) -> None:
        parts[name] = await chaos(share, seed, quickly=name == "quick")

    async with anyio.create_task_group() as tasks:  # a worker that imports leaves time to kill others meanwhile
        tasks.start_soon(part, "quick", kills - real)
        tasks.start_soon(part, "litellm", real)
    return {name: parts[name] for name in sorted(parts, reverse=True)}


def main() -> None:
    """Runs both parts, or judges what they left; exits with 1 when a count that must be 0 is not."""
    parser = argparse.ArgumentParser(prog="benchmarks.chaos", description="Kills fronts and workers under load.")
    parser.add_argument("--kills", type=int, default=_KILLS, help="processes to kill; a tenth around the real LiteLLM")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="repeats the random choices of a run")
    parser.add_argument("--evidence", type=Path, metavar="FILE", help="keep there what every side wrote down")
    parser.add_argument("--judge", type=Path, metavar="FILE", help="kill nothing; count again from such a file")
    chosen = parser.parse_args()
    parts = read_evidence(chosen.judge) if chosen.judge else anyio.run(_parts, chosen.kills, chosen.seed)
    if chosen.evidence is not None:
        write_evidence(chosen.evidence, parts)
    figures = [figure for name, evidence in parts.items() for figure in judge(name, evidence)]
    print(table(figures))
    sys.exit(any(figure.reached is False for figure in figures))


if __name__ == "__main__":
    main()
