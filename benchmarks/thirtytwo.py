"""32 calls of one second at once through one server."""

import time

import anyio

from benchmarks.report import Figure, median
from benchmarks.stage import ask, stage

_CALLS = 32
_MODEL = "openai/wait-1"
_MOST_S = 1.2


async def run(*, quick: bool) -> list[Figure]:
    """Takes turns with bare LiteLLM."""
    ours: list[float] = []
    bare: list[float] = []
    with stage() as here:
        async with here.front() as client, here.bare_provider() as provider:
            await ask(client, "openai/instant")
            await provider.ask("at_once", model="openai/instant", count=1, stream=True)
            for _ in range(2 if quick else 5):
                begun = time.perf_counter()
                async with anyio.create_task_group() as tasks:
                    for _ in range(_CALLS):
                        tasks.start_soon(ask, client, _MODEL)
                ours.append(time.perf_counter() - begun)
                answer = await provider.ask("at_once", model=_MODEL, count=_CALLS, stream=True)
                bare.append(answer["wall_s"])
    took = median(ours)
    return [Figure("32 calls of 1 s at once", took, "s", median(bare), f"<= {_MOST_S:g} s", took <= _MOST_S)]
