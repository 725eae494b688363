"""How long a host waits for the server: from the spawn to its first answers, beside the SDK's server with one tool."""

import re
import time
from collections import defaultdict
from typing import get_args

from mcp import Client
from mcp.client.stdio import stdio_client

from benchmarks.report import Figure, median
from benchmarks.stage import BARE_SERVER, FRONT, Era, Stage, attached, call, server, stage

_MOST_RATIO = 1.15
_IMPORTED = re.compile(r"^import time:.*\|\s+litellm$", re.MULTILINE)


async def run(*, quick: bool) -> list[Figure]:
    """Starts both servers in turn, in both eras of the protocol."""
    figures: list[Figure] = []
    with stage() as here:
        for era in get_args(Era):
            figures += await _era(here, era, pairs=2 if quick else 9)
        loaded = await _loads_litellm(here)
        goal = "not in sys.modules after every tool was used"
        figures.append(Figure("front loads LiteLLM (1: yes)", loaded, "", None, goal, not loaded))
    return figures


async def _era(here: Stage, era: Era, pairs: int) -> list[Figure]:
    answered: dict[tuple[str, ...], list[float]] = defaultdict(list)
    listed: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for pair in range(pairs + 1):
        for which in (FRONT, BARE_SERVER):
            begun = time.perf_counter()
            async with attached(here.environ, which, era) as client:
                first = time.perf_counter() - begun
                await client.list_tools()
                both = time.perf_counter() - begun
            if pair > 0:  # the first pair compiles what nobody has compiled yet
                answered[which].append(first)
                listed[which].append(both)
    word = "discover" if era == "auto" else "initialize"
    return [_figure(f"spawn to {word}", answered), _figure(f"spawn to tools/list ({era})", listed)]


def _figure(name: str, seconds: dict[tuple[str, ...], list[float]]) -> Figure:
    ours, bare = median(seconds[FRONT]) * 1000, median(seconds[BARE_SERVER]) * 1000
    # The ratio of neighbours, not of medians taken minutes apart, is what a busy machine distorts least.
    paired = median([a / b for a, b in zip(seconds[FRONT], seconds[BARE_SERVER], strict=True)])
    goal = f"<= {_MOST_RATIO:g}x (paired {paired:.2f}x)"
    return Figure(name, ours, "ms", bare, goal, paired <= _MOST_RATIO)


async def _loads_litellm(here: Stage) -> bool:
    """Returns whether the interpreter of a front that has used each of its tools reports an import of LiteLLM."""
    said = here.home / "importtime"
    with said.open("w", encoding="utf-8") as errors:
        parameters = server(here.environ, ["-X", "importtime", *FRONT])
        async with Client(stdio_client(parameters, errlog=errors)) as client:
            task = await call(client, "llm_call", prompt="hello", model="demo/echo")
            await call(client, "start_task", prompt="hello again", model="demo/echo")
            await call(client, "poll_task", task_id=task["task_id"])
            await call(client, "cancel_task", task_id=task["task_id"])
            await call(client, "list_models")
    text = said.read_text("utf-8")
    if "longcall_server.app" not in text:
        raise RuntimeError("the interpreter reported no imports")
    return _IMPORTED.search(text) is not None
