"""The proxy's /health while a hundred slow calls run through it, half of them streams, beside none."""

import re
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import anyio
import httpx

from benchmarks.report import Figure, quantile
from benchmarks.stage import ROOT, Stage, stage

_CALLS = 100
_SECONDS = 8
_LOOKS = 200
_PAUSE_S = 0.02
_GOAL_MS = 50.0
_ADDRESS = re.compile(r"listens on (http://\S+)")


async def run(*, quick: bool) -> list[Figure]:
    """Asks for /health again and again, first alone and then beside the calls."""
    calls, looks, seconds = (10, 20, 2) if quick else (_CALLS, _LOOKS, _SECONDS)
    with stage() as here, _proxy(here.including(LONGCALL_MAX_IN_FLIGHT=str(calls))) as url:
        root = url.removesuffix("/v1")
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(timeout=60, limits=limits, trust_env=False) as http:
            await _call(http, url, "warm", 0.1, [])  # the worker's start is nobody's delay
            alone = await _looks(http, root, looks)
            wrong, busy = list[str](), list[float]()
            async with anyio.create_task_group() as users:
                for number in range(calls):
                    users.start_soon(_call, http, url, f"no. {number}", seconds, wrong)
                await anyio.sleep(0.5)  # all are under way; the figures are of what runs, not of how it starts
                busy += await _looks(http, root, looks)
    half, most = ((quantile(busy, share), quantile(alone, share)) for share in (0.5, 0.99))
    return [
        Figure(f"/health while {calls} slow calls run, p50, beside none", half[0], "ms", half[1]),
        Figure("  p99", most[0], "ms", most[1], f"<= {_GOAL_MS:g} ms", most[0] <= _GOAL_MS),
        Figure("  the slowest", max(busy), "ms", max(alone)),
        Figure("  calls that were not answered whole", len(wrong), "", None, "0", not wrong),
    ]


async def _looks(http: httpx.AsyncClient, root: str, looks: int) -> list[float]:
    took: list[float] = []
    for _ in range(looks):
        begun = time.perf_counter()
        answer = await http.get(f"{root}/health")
        took.append((time.perf_counter() - begun) * 1000)
        answer.raise_for_status()
        await anyio.sleep(_PAUSE_S)
    return took


async def _call(http: httpx.AsyncClient, url: str, prompt: str, seconds: float, wrong: list[str]) -> None:
    body = {"model": f"demo/slow-{seconds:g}", "question": prompt, "stream": prompt.endswith(("1", "3", "5", "7", "9"))}
    answer = await http.post(f"{url}/chat/completions", json=body)
    # A stream breaks the text into pieces, each in its own delta.
    said = "".join(re.findall(r'"content": ?"([^"]*)"', answer.text))
    if answer.status_code != 200 or "last one." not in said:
        wrong.append(answer.text)


@contextmanager
def _proxy(here: Stage) -> Generator[str]:
    """Runs a proxy until the block ends; yields where it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "longcall_server", "proxy", "--port", "0"],
        env=here.environ, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        yield next(found[1] for line in process.stderr if (found := _ADDRESS.search(line)))
    finally:
        process.kill()
        process.communicate()
