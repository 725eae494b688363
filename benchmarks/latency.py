"""What one call costs beyond the provider: client, server and worker against bare LiteLLM, one at a time."""

import time
from collections import defaultdict

from mcp import Client

from benchmarks.report import Figure, quantile
from benchmarks.stage import BARE_SERVER, Child, ask, attached, stage

MODEL = "openai/instant"
_BLOCK = 10
_MOST_P50_MS = 10.0
_MOST_P99_MS = 30.0


async def run(*, quick: bool) -> list[Figure]:
    """Takes turns in blocks of ten."""
    seconds: dict[str, list[float]] = defaultdict(list)
    with stage() as here:
        async with (
            here.front() as client,
            here.bare_provider() as provider,
            attached(here.environ, BARE_SERVER) as empty,
        ):
            await _block(client, provider, empty, defaultdict(list))  # warms all of them
            for _ in range(3 if quick else 20):
                await _block(client, provider, empty, seconds)
    ms = {name: [1000 * value for value in values] for name, values in seconds.items()}
    return [
        *_figures(ms, 0.5, _MOST_P50_MS),
        *_figures(ms, 0.99, _MOST_P99_MS),
        Figure("empty tool of the bare server, p50", quantile(ms["tool"], 0.5), "ms"),
    ]


async def _block(client: Client, provider: Child, empty: Client, seconds: dict[str, list[float]]) -> None:
    for _ in range(_BLOCK):
        begun = time.perf_counter()
        await ask(client, MODEL)
        seconds["longcall"].append(time.perf_counter() - begun)
    for name, stream in (("stream", True), ("plain", False)):
        answer = await provider.ask("one_by_one", model=MODEL, count=_BLOCK, stream=stream)
        seconds[name] += answer["seconds"]
    for _ in range(_BLOCK):
        begun = time.perf_counter()
        await empty.call_tool("nothing", {})
        seconds["tool"].append(time.perf_counter() - begun)


def _figures(ms: dict[str, list[float]], share: float, most: float) -> list[Figure]:
    ours, stream, plain = (quantile(ms[name], share) for name in ("longcall", "stream", "plain"))
    word = f"p{share * 100:g}"
    return [
        Figure(f"llm_call against acompletion(stream=True), {word}", ours, "ms", stream),
        Figure(f"llm_call against acompletion(), {word}", ours, "ms", plain),
        Figure(
            f"added to a streamed call, {word}", ours - stream, "ms", None, f"<= {most:g} ms", ours - stream <= most
        ),
        Figure(f"added to a plain call, {word}", ours - plain, "ms"),
    ]
