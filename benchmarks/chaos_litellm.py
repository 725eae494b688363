"""A stand-in for the package `litellm` that a chaos worker imports in its place: ready at once, and plain HTTP.

It knows one provider, in the OpenAI form, and of LiteLLM's interface just what `longcall.providers.litellm` needs to
send and to read a stream; each worker's log says once that the mending of LiteLLM's resets found nothing to mend.
"""

import json
import os
import sys
from asyncio import StreamReader, StreamWriter, open_connection
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any, NoReturn
from urllib.parse import urlsplit

suppress_debug_info = False
disable_token_counter = False
model_cost: dict[str, Any] = {}
_DONE = b"[DONE]"


class Timeout(Exception):  # noqa: N818  # LiteLLM's name
    """Never raised; asked about."""


class UnsupportedParamsError(Exception):
    """Never raised; asked about."""


class Response:
    """An answer as it streams in."""

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.received_finish_reason: str | None = None
        self.intermittent_finish_reason: str | None = None
        self._reader = reader
        self._writer = writer

    async def __aiter__(self) -> AsyncGenerator[SimpleNamespace]:
        """Yields the chunks."""
        while line := await self._reader.readline():
            data = line.removeprefix(b"data: ").strip()
            if data and data != _DONE:
                yield self._chunk(json.loads(data))

    def _chunk(self, data: dict[str, Any]) -> SimpleNamespace:
        choices: list[SimpleNamespace] = []
        for choice in data["choices"]:
            self.received_finish_reason = choice["finish_reason"] or self.received_finish_reason
            choices.append(SimpleNamespace(delta=SimpleNamespace(content=choice["delta"].get("content"))))
        usage = SimpleNamespace(**data["usage"]) if "usage" in data else None
        return SimpleNamespace(model=data["model"], choices=choices, usage=usage)

    async def aclose(self) -> None:
        """Closes the connection."""
        self._writer.close()


async def acompletion(*, model: str, messages: list[dict[str, Any]], **options: Any) -> Response:
    """Sends one request; the response is there with its headers."""
    url = urlsplit(os.environ["OPENAI_API_BASE"])
    reader, writer = await open_connection(url.hostname, url.port)
    body = json.dumps({"model": model.partition("/")[2], "messages": messages, "stream": options["stream"]}).encode()
    head = f"POST {url.path}/chat/completions HTTP/1.0\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    status = (await reader.readline()).split()
    if status[1:2] != [b"200"]:
        writer.close()
        raise ConnectionError(f"the provider said {status}")
    while (await reader.readline()).strip():
        pass
    return Response(reader, writer)


def get_llm_provider(*, model: str) -> tuple[str, str, None, None]:
    """Returns the model's own name and its provider."""
    return model.partition("/")[2], "openai", None, None


def validate_environment(**_: Any) -> dict[str, Any]:
    """Finds every key in place."""
    return {"keys_in_environment": True, "missing_keys": []}


def cost_per_token(**_: Any) -> NoReturn:
    """Knows no price."""
    raise ValueError


async def close_litellm_async_clients() -> None:
    """Closes nothing, since nothing stays open."""


# Where longcall looks for the function above.
sys.modules["litellm.llms.custom_httpx.async_client_cleanup"] = sys.modules[__name__]
