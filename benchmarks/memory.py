"""What a front and a worker hold in RAM, beside the bare SDK server and a bare import of LiteLLM."""

import anyio
import psutil

from benchmarks.report import Figure
from benchmarks.stage import BARE_SERVER, FRONT, ask, attached, rss_mib, server_process, stage, uss_mib

_MODEL = "openai/instant"
_CALLS = 20
_SETTLE_S = 2.0
_MOST_FRONT = 1.1
_MOST_WORKER = 1.15


async def run(*, quick: bool) -> list[Figure]:
    """Looks at four processes that live at once."""
    figures: list[Figure] = []
    with stage() as here:
        async with attached(here.environ, BARE_SERVER) as empty, here.front() as client:
            await empty.list_tools()
            await client.list_tools()
            bare, front = (server_process(here.environ, which) for which in (BARE_SERVER, FRONT))
            figures += _figures("front after its start", front, bare, _MOST_FRONT)
            for _ in range(3 if quick else _CALLS):
                await ask(client, _MODEL)
                await empty.call_tool("nothing", {})
            figures += _figures("front after 20 calls", front, bare, _MOST_FRONT)
            async with here.bare_provider() as provider:
                bare = psutil.Process(provider.process.pid)
                await anyio.sleep(_SETTLE_S)
                figures += _figures("idle worker, a bare import", here.worker(), bare, _MOST_WORKER)
                await provider.ask("one_by_one", model=_MODEL, count=_CALLS, stream=True)
                figures += _figures("idle worker, a bare import after 20 calls", here.worker(), bare, None)
    return figures


def _figures(name: str, ours: psutil.Process, bare: psutil.Process, most: float | None) -> list[Figure]:
    rss, uss = (rss_mib(ours), rss_mib(bare)), (uss_mib(ours), uss_mib(bare))
    goal, reached = (None, None) if most is None else (f"<= {most:g}x", rss[0] <= most * rss[1])
    return [Figure(f"{name}, RSS", rss[0], "MiB", rss[1], goal, reached), Figure(f"{name}, USS", uss[0], "MiB", uss[1])]
