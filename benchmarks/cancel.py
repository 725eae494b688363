"""How soon a cancel, asked for in another process, has closed the connection at the provider."""

import time
from collections.abc import Callable

import anyio
from mcp import Client

from benchmarks.report import Figure, quantile
from benchmarks.stage import Stage, ask, call, stage

_MOST_MS = 250.0
_PATIENCE_S = 20.0
_LOOK_S = 0.002
_WORDS_S = 0.3
"""Seconds in which a few words come."""


async def run(*, quick: bool) -> list[Figure]:
    """Begins tasks at one front and cancels them at another."""
    figures: list[Figure] = []
    with stage() as here:
        async with here.front() as one, here.front() as other:
            await ask(one, "openai/instant")
            for name, model in (("before the first word", "openai/wait-30"), ("in the stream", "openai/drip-30")):
                ms = [await _cancel(here, one, other, model) for _ in range(3 if quick else 15)]
                worst = max(ms)
                figures += [
                    Figure(f"cancel {name}, p50", quantile(ms, 0.5), "ms"),
                    Figure(f"cancel {name}, worst", worst, "ms", None, f"<= {_MOST_MS:g} ms", worst <= _MOST_MS),
                ]
    return figures


async def _cancel(here: Stage, one: Client, other: Client, model: str) -> float:
    """Returns the milliseconds from the request to cancel until the provider saw its connection close."""
    closed = len(here.stats()["closed_at"])
    task = (await call(one, "start_task", prompt="Say four words.", model=model, fresh=True))["task_id"]
    with anyio.fail_after(_PATIENCE_S):
        await _until(lambda: here.stats()["in_flight"] > 0)
        if "drip" in model:
            await anyio.sleep(_WORDS_S)
        begun = time.monotonic()
        await call(other, "cancel_task", task_id=task)
        await _until(lambda: len(here.stats()["closed_at"]) > closed)
    return 1000 * (here.stats()["closed_at"][-1] - begun)


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # another process's doing has no event to wait for
        await anyio.sleep(_LOOK_S)
