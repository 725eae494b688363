"""1,000 calls of five seconds at once through one server, beside bare LiteLLM; meanwhile a second server is asked."""

import time
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread
import psutil
from mcp import Client

from benchmarks.report import Figure, quantile
from benchmarks.stage import FRONT, Stage, ask, call, child, cpu_s, peak_mib, server_process, stage

_MODEL = "openai/wait-5"
_MOST_RATIO = 1.2
_MOST_PROBE_MS = 20.0


@dataclass(slots=True)
class _Outcome:
    """What a burst took."""

    wall_s: float = 0
    errors: list[str] = field(default_factory=list[str])
    cpu_s: dict[str, float] = field(default_factory=dict[str, float])
    probes: dict[str, list[float]] = field(default_factory=dict[str, list[float]])


async def run(*, quick: bool) -> list[Figure]:
    """Bare streams and bare plain calls before, longcall after, on the same provider."""
    count = 100 if quick else 1000
    with stage() as here:
        here.including(LONGCALL_MAX_IN_FLIGHT=str(count))
        bare, bare_peak = await _bare(here, count)
        async with here.front() as client:
            await ask(client, "openai/instant")
            front, worker = server_process(here.environ, FRONT), here.worker()
            calls = await _measured(here, client, count, [front, worker], group=False)
            group = await _measured(here, client, count, [front, worker], group=True)
            peaks = [
                Figure("  peak memory of the worker", peak_mib(worker), "MiB", bare_peak),
                Figure("  peak memory of the front", peak_mib(front), "MiB"),
            ]
        reached = here.stats()["most_in_flight"]
    return [
        *_figures(f"{count} llm_call of 5 s at once", calls, bare),
        *_figures(f"one group of {count} tasks of 5 s", group, bare),
        *peaks,
        Figure("  most in flight at the provider", reached, "", count),
    ]


async def _bare(here: Stage, count: int) -> tuple[dict[str, Any], float]:
    async with here.bare_provider() as provider:
        await provider.ask("at_once", model="openai/instant", count=1, stream=True)
        stream = await provider.ask("at_once", model=_MODEL, count=count, stream=True)
        plain = await provider.ask("at_once", model=_MODEL, count=count, stream=False)
        return {"stream": stream, "plain": plain}, peak_mib(psutil.Process(provider.process.pid))


async def _measured(
    here: Stage, client: Client, count: int, processes: list[psutil.Process], *, group: bool
) -> _Outcome:
    outcome = _Outcome()
    with child("benchmarks.prober", here.environ) as prober:
        await anyio.to_thread.run_sync(prober.read)
        before = [cpu_s(process) for process in processes]
        begun = time.perf_counter()
        await (_group if group else _calls)(client, count, outcome)
        outcome.wall_s = time.perf_counter() - begun
        used = [cpu_s(process) - start for process, start in zip(processes, before, strict=True)]
        outcome.cpu_s = dict(zip(("front", "worker"), used, strict=True))
        outcome.probes = await prober.ask("stop")
    return outcome


async def _calls(client: Client, count: int, outcome: _Outcome) -> None:
    async def one() -> None:
        try:
            await ask(client, _MODEL)
        except Exception as error:  # noqa: BLE001  # whatever goes wrong is counted
            outcome.errors.append(repr(error)[:200])

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(one)


async def _group(client: Client, count: int, outcome: _Outcome) -> None:
    prompts = [f"Say four words, time {number}." for number in range(count)]
    result = await call(client, "start_task", prompts=prompts, model=_MODEL)
    while result["status"] == "working":
        result = await call(client, "poll_task", task_id=result["task_id"], wait_s=45)
    outcome.errors = [task["status"] for task in result["tasks"] if task["status"] != "completed"]


def _figures(name: str, outcome: _Outcome, bare: dict[str, Any]) -> list[Figure]:
    stream, plain = bare["stream"], bare["plain"]
    figures = [
        Figure(name, outcome.wall_s, "s", stream["wall_s"], f"<= {_MOST_RATIO:g}x of streams",
               outcome.wall_s <= _MOST_RATIO * stream["wall_s"]),
        Figure("  against plain bare calls", outcome.wall_s, "s", plain["wall_s"]),
        Figure("  errors", len(outcome.errors), "", len(stream["errors"]), "0", not outcome.errors),
        Figure("  CPU of the worker", outcome.cpu_s["worker"], "s", stream["cpu_s"]),
        Figure("  CPU of the front", outcome.cpu_s["front"], "s"),
    ]  # fmt: skip
    for probe in ("tools/list", "poll_task"):
        for share, word in ((0.5, "p50"), (0.99, "p99"), (1, "max")):
            ms, alone = (1000 * quantile(outcome.probes[which], share) for which in (probe, "bare"))
            goal, reached = (None, None) if share == 1 else (f"<= {_MOST_PROBE_MS:g} ms", ms <= _MOST_PROBE_MS)
            figures.append(Figure(f"  another front's {probe} meanwhile, {word}", ms, "ms", alone, goal, reached))
    return figures
