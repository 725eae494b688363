"""A second front and a bare server beside a busy front, asked every 100 ms by a process of their own.

Prints a line when it is attached, and what it measured when it is asked `stop`.
"""

import json
import os
import sys
import time
from collections import defaultdict

import anyio
import anyio.to_thread

from benchmarks.stage import BARE_SERVER, FRONT, attached

_PAUSE_S = 0.1


async def _probe(seconds: dict[str, list[float]]) -> None:
    environ = dict(os.environ)
    async with attached(environ, FRONT) as client, attached(environ, BARE_SERVER) as bare:
        await client.call_tool("poll_task", {})
        print(json.dumps({"ready": True}), flush=True)
        while True:
            for name, ask in (
                ("tools/list", client.list_tools(cache_mode="refresh")),
                ("poll_task", client.call_tool("poll_task", {})),
                ("bare", bare.call_tool("nothing", {})),
            ):
                begun = time.perf_counter()
                await ask
                seconds[name].append(time.perf_counter() - begun)
            await anyio.sleep(_PAUSE_S)


async def _serve() -> None:
    seconds: dict[str, list[float]] = defaultdict(list)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_probe, seconds)
        await anyio.to_thread.run_sync(sys.stdin.readline)
        print(json.dumps(seconds), flush=True)
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(_serve)
