"""What a front and a worker with nothing to do cost, beside the bare SDK server."""

import anyio

from benchmarks.report import Figure
from benchmarks.stage import BARE_SERVER, FRONT, ask, attached, cpu_s, server_process, stage

_MOST_PERCENT = 0.5


async def run(*, quick: bool) -> list[Figure]:
    """Leaves them alone for a while after a first call."""
    seconds = 5 if quick else 20
    with stage() as here:
        async with attached(here.environ, BARE_SERVER), here.front() as client:
            await ask(client, "openai/instant")
            bare, front = (server_process(here.environ, which) for which in (BARE_SERVER, FRONT))
            processes = [front, here.worker(), bare]
            await anyio.sleep(1)  # until the call's last traces are written
            before = [cpu_s(process) for process in processes]
            await anyio.sleep(seconds)
            percent = [
                100 * (cpu_s(process) - start) / seconds for process, start in zip(processes, before, strict=True)
            ]
    goal = f"<= {_MOST_PERCENT:g} %"
    return [
        Figure("idle front, share of a core", percent[0], "%", percent[2], goal, percent[0] <= _MOST_PERCENT),
        Figure("idle worker, share of a core", percent[1], "%", None, goal, percent[1] <= _MOST_PERCENT),
    ]
