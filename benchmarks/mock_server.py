"""A provider on loopback in the OpenAI form whose model names say how it answers; run as a process of its own.

instant    answers at once
wait-5     answers after 5 s
drip-30    begins at once and says a word every 0.1 s for 30 s
echo-2     begins at once and repeats the prompt, word by word, over 2 s
hush-2     sends nothing, not even headers, for 2 s, and then repeats the prompt

Both as a stream and as one body. It prints its port, and ends with its standard input. `/stats` tells what it has seen;
its times are those of the monotonic clock, which all processes of the machine share. `/journal` lists the prompt of
every request that arrived whole, in order, answered or not.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncGenerator
from typing import Any

from aiohttp import web

_WORDS = ("Four ", "words ", "of ", "answer.")
_SILENT = ("wait", "hush")
"""Kinds that say nothing before their time."""
_DRIP_S = 0.1
_USAGE = {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9}


class Provider:
    """Answers, and counts what it sees."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.most_in_flight = 0
        self.requests = 0
        self.closed_at: list[float] = []
        """When clients closed connections whose answers were not complete."""
        self._journal: list[str] = []

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answers a chat completion request."""
        asked = await request.json()
        self._journal.append(_prompt(asked))
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await (_stream(request, asked) if asked.get("stream") else _body(asked))
        except (asyncio.CancelledError, ConnectionError):
            self.closed_at.append(time.monotonic())
            raise
        finally:
            self.in_flight -= 1

    async def stats(self, _: web.Request) -> web.Response:
        """Tells what was seen so far."""
        return web.json_response({name: value for name, value in vars(self).items() if not name.startswith("_")})

    async def journal(self, _: web.Request) -> web.Response:
        """Lists the prompts of all requests so far."""
        return web.json_response(self._journal)


def _prompt(asked: dict[str, Any]) -> str:
    return asked["messages"][-1]["content"]


async def _words(asked: dict[str, Any]) -> AsyncGenerator[str]:
    kind, _, seconds = asked["model"].partition("-")
    words = re.findall(r"\S+\s*", _prompt(asked)) if kind in ("echo", "hush") else _WORDS
    if kind in _SILENT:
        await asyncio.sleep(float(seconds))
    if kind == "drip":
        for _ in range(round(float(seconds) / _DRIP_S)):
            yield "drop "
            await asyncio.sleep(_DRIP_S)
    for word in words:
        yield word
        if kind == "echo":
            await asyncio.sleep(float(seconds) / len(words))


async def _body(asked: dict[str, Any]) -> web.Response:
    text = "".join([word async for word in _words(asked)])
    message = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return web.json_response(_shape(asked, "chat.completion", [message]) | {"usage": _USAGE})


async def _stream(request: web.Request, asked: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    if not asked["model"].startswith(_SILENT):
        await response.prepare(request)
    async for word in _words(asked):
        if not response.prepared:
            await response.prepare(request)
        await response.write(_event(_delta(asked, {"role": "assistant", "content": word}, None)))
    last = _event(_delta(asked, {}, "stop")) + _event(_shape(asked, "chat.completion.chunk", []) | {"usage": _USAGE})
    await response.write(last + b"data: [DONE]\n\n")
    await response.write_eof()
    return response


def _delta(asked: dict[str, Any], delta: dict[str, str], reason: str | None) -> dict[str, Any]:
    return _shape(asked, "chat.completion.chunk", [{"index": 0, "delta": delta, "finish_reason": reason}])


def _shape(asked: dict[str, Any], kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": asked["model"], "choices": choices}


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


async def _serve() -> None:
    provider = Provider()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", provider.complete)
    app.router.add_get("/stats", provider.stats)
    app.router.add_get("/journal", provider.journal)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())
