"""LiteLLM alone in a process, with the settings that longcall gives it.

Prints a line of JSON when it is ready, then answers each line of JSON on standard input with one.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import anyio

from longcall.providers.litellm import load_litellm


class BareProvider:
    """Asks models directly."""

    def __init__(self) -> None:
        self._litellm: Any = load_litellm()

    async def one_by_one(self, model: str, count: int, *, stream: bool) -> dict[str, Any]:
        """Asks `count` times, each after the one before, and tells the seconds of each."""
        seconds: list[float] = []
        for _ in range(count):
            begun = time.perf_counter()
            await self._ask(model, stream=stream)
            seconds.append(time.perf_counter() - begun)
        return {"seconds": seconds}

    async def at_once(self, model: str, count: int, *, stream: bool) -> dict[str, Any]:
        """Asks `count` times at once, and tells the seconds and what they cost."""
        errors: list[str] = []

        async def ask() -> None:
            try:
                await self._ask(model, stream=stream)
            except Exception as error:  # noqa: BLE001  # whatever LiteLLM raises is counted
                errors.append(repr(error)[:200])

        begun, cpu = time.perf_counter(), time.process_time()
        async with anyio.create_task_group() as tasks:
            for _ in range(count):
                tasks.start_soon(ask)
        return {"wall_s": time.perf_counter() - begun, "cpu_s": time.process_time() - cpu, "errors": errors}

    async def _ask(self, model: str, *, stream: bool) -> str:
        options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        response = await self._litellm.acompletion(
            model=model,
            messages=[{"role": "user", "content": "Say four words."}],
            max_retries=0,
            timeout=3600,
            drop_params=True,
            **options,
        )
        if not stream:
            return response.choices[0].message.content
        return "".join([chunk.choices[0].delta.content or "" async for chunk in response if chunk.choices])


async def _serve() -> None:
    provider = BareProvider()
    commands: dict[str, Callable[..., Any]] = {"one_by_one": provider.one_by_one, "at_once": provider.at_once}
    print(json.dumps({"ready": True}), flush=True)
    while line := await anyio.to_thread.run_sync(sys.stdin.readline):
        name, arguments = json.loads(line)
        print(json.dumps(await commands[name](**arguments)), flush=True)


if __name__ == "__main__":
    anyio.run(_serve)
