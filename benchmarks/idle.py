"""What a front and a worker with nothing to do cost, beside the bare SDK server and a loop that wakes once a second."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import anyio
import psutil

from benchmarks.report import Figure
from benchmarks.stage import BARE_SERVER, FRONT, ask, attached, cpu_s, server_process, stage

_MOST_PERCENT = 0.5
_LOOP = "import anyio\nasync def loop():\n    while True: await anyio.sleep(1)\nanyio.run(loop)"
"""An event loop that wakes once a second: what waking costs on this machine."""


async def run(*, quick: bool) -> list[Figure]:
    """Leaves them alone for a while after a first call."""
    seconds = 5 if quick else 20
    with stage() as here, _loop() as loop:
        async with attached(here.environ, BARE_SERVER), here.front() as client:
            await ask(client, "openai/instant")
            bare, front = (server_process(here.environ, which) for which in (BARE_SERVER, FRONT))
            processes = [front, here.worker(), bare, loop]
            await anyio.sleep(1)  # until the call's last traces are written
            before = [cpu_s(process) for process in processes]
            await anyio.sleep(seconds)
            percent = [
                100 * (cpu_s(process) - start) / seconds for process, start in zip(processes, before, strict=True)
            ]
    goal = f"<= {_MOST_PERCENT:g} %"
    return [
        Figure("idle front, share of a core", percent[0], "%", percent[2], goal, percent[0] <= _MOST_PERCENT),
        Figure("idle worker, share of a core", percent[1], "%", percent[3], goal, percent[1] <= _MOST_PERCENT),
    ]


@contextmanager
def _loop() -> Generator[psutil.Process]:
    with subprocess.Popen([sys.executable, "-c", _LOOP]) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()
