"""A provider in OpenAI's form that does what the model's name says, and writes down who asked and who hung up.

openai/at-once   answers
openai/silent    sends nothing, not even headers, before it is released
openai/half      sends headers and HALF at once, and the rest when it is released
openai/echo      answers with the prompt
openai/chooser   chooses the answer that says "best", as whoever combines answers asks for it
openai/babbler   says that it likes the second one
openai/refused   answers with status 401 and a sentence that repeats the key, as some providers do
"""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
from aiohttp import web

HALF = "The first half of the answer, "
REST = "and the rest of it."


@dataclass
class Asked:
    """One request for a completion."""

    model: str
    prompt: str
    authorization: str
    state: str = "open"
    """Then `answered`, or `hung up` when the client closed the connection before the end."""
    released: anyio.Event = field(default_factory=anyio.Event)

    def facts(self) -> dict[str, str]:
        """Returns what a test may know of it."""
        names = ("model", "prompt", "authorization", "state")
        return {name: getattr(self, name) for name in names}


class Endpoint:
    """The requests so far, and how they are answered."""

    def __init__(self) -> None:
        self._asked: list[Asked] = []

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answers a completion as the model's name says."""
        body = await request.json()
        prompt = body["messages"][-1]["content"]
        asked = Asked(body["model"], prompt, request.headers.get("Authorization", ""))
        self._asked.append(asked)
        try:
            response = await _answer(request, asked)
        except BaseException:
            asked.state = "hung up"
            raise
        asked.state = "answered"
        return response

    async def requests(self, _: web.Request) -> web.Response:
        """Lists every request, oldest first."""
        return web.json_response([asked.facts() for asked in self._asked])

    async def release(self, request: web.Request) -> web.Response:
        """Lets go on what was asked with this prompt."""
        for asked in self._asked:
            if asked.prompt == request.match_info["prompt"]:
                asked.released.set()
        return web.json_response(None)


def _choice(prompt: str) -> str:
    nonce = re.findall(r"</answer-([0-9a-f]{16})>", prompt)[-1]
    answers = re.findall(rf"<answer-{nonce} number=\"(\d+)\">\n(.*?)\n</answer-{nonce}>", prompt, re.DOTALL)
    best = next(number for number, answer in answers if "best" in answer)
    return json.dumps({"nonce": nonce, "reason": "it says so", "best": int(best)})


_SAID: dict[str, Callable[[str], str]] = {
    "echo": str,
    "chooser": _choice,
    "babbler": lambda _prompt: "I like the second one.",
}


async def _answer(request: web.Request, asked: Asked) -> web.StreamResponse:
    if asked.model == "refused":
        said = {"message": f"Incorrect API key provided: {asked.authorization}", "type": "invalid_request_error"}
        return web.json_response({"error": {**said, "code": "invalid_api_key"}}, status=401)
    if asked.model == "silent" or asked.prompt.endswith("Never say which."):
        await asked.released.wait()
    said = _SAID.get(asked.model)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await _send(response, asked.model, {"role": "assistant", "content": HALF if said is None else said(asked.prompt)})
    if asked.model == "half":
        await asked.released.wait()
    if said is None:
        await _send(response, asked.model, {"content": REST})
    await _send(response, asked.model, {}, finish_reason="stop")
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


async def _send(
    response: web.StreamResponse, model: str, delta: dict[str, str], finish_reason: str | None = None
) -> None:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}
    await response.write(f"data: {json.dumps(chunk)}\n\n".encode())


def serve(port: int) -> None:
    """Serves on loopback until killed."""
    endpoint = Endpoint()
    app = web.Application()
    app.add_routes(
        [
            web.post("/v1/chat/completions", endpoint.complete),
            web.get("/requests", endpoint.requests),
            web.post("/release/{prompt}", endpoint.release),
        ]
    )
    web.run_app(app, host="127.0.0.1", port=port, handler_cancellation=True, print=None, access_log=None)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
