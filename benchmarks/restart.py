"""The first call after a kill of the idle worker, beside a fresh process that imports LiteLLM and asks."""

import time

import psutil

from benchmarks.report import Figure, median
from benchmarks.stage import ask, stage

_MODEL = "openai/instant"


async def run(*, quick: bool) -> list[Figure]:
    """Takes turns with bare LiteLLM."""
    ours: list[float] = []
    bare: list[float] = []
    with stage() as here:
        async with here.front() as client:
            await ask(client, _MODEL)
            for _ in range(1 if quick else 3):
                worker = here.worker()
                worker.kill()
                psutil.wait_procs([worker], timeout=10)
                begun = time.perf_counter()
                await ask(client, _MODEL)
                ours.append(time.perf_counter() - begun)
                begun = time.perf_counter()
                async with here.bare_provider() as provider:
                    await provider.ask("one_by_one", model=_MODEL, count=1, stream=True)
                    bare.append(time.perf_counter() - begun)
    return [Figure("first call after kill -9 of the worker", median(ours), "s", median(bare))]
