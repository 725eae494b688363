"""A provider in the form of OpenAI's Responses that works in the background, and writes down every request.

openai/kept         works until it is released
openai/soon         works until it has been looked at twice
openai/at-once      has ended when it answers the request, as servers do that know no background
openai/counted      as `soon`, and counts tokens
openai/gpt-4o       as `counted`, under a name that has a price
openai/incomplete   ends at its token limit
openai/filtered     ends at its content filter
openai/declined     answers with a refusal
openai/failed       fails at its work; `openai/forbidden` for a reason that lies in the request
openai/cancelled    is cancelled there by somebody else
openai/gone         is not kept: status 404
openai/locked       lets nobody look: status 401
openai/flaky        is hard to look at: breaks the connection, says 500, says 429, sends no JSON, and then has ended
openai/overloaded   answers the request with status 503
openai/slow         answers the request only when it is released, and then works for ever
openai/dropped      closes the connection instead of answering the request
openai/reset        resets the connection instead of answering the request
openai/garbled      answers the request with no JSON
"""

import json
import socket
import struct
import sys
from dataclasses import dataclass, field
from typing import Any

import anyio
from aiohttp import web

TEXT = "An answer that was kept."
USAGE = {
    "input_tokens": 1000,
    "input_tokens_details": {"cached_tokens": 400},
    "output_tokens": 50,
    "output_tokens_details": {"reasoning_tokens": 30},
    "total_tokens": 1050,
}
_ERRORS = {"failed": "server_error", "forbidden": "invalid_prompt"}


@dataclass
class Kept:
    """One response, and how often it was looked at."""

    name: str
    model: str
    prompt: str
    looks: int = 0
    cancelled: bool = False
    released: anyio.Event = field(default_factory=anyio.Event)

    @property
    def status(self) -> str:
        """What has become of it."""
        if self.cancelled or (self.model == "cancelled" and self.looks):
            return "cancelled"
        if self.model == "at-once" or (self.model == "kept" and self.released.is_set()):
            return "completed"
        if self.model in ("kept", "slow") or not self.looks:
            return "in_progress" if self.looks else "queued"
        if self.model in _ERRORS:
            return "failed"
        if self.model in ("incomplete", "filtered"):
            return "incomplete"
        patient = self.model in ("soon", "counted", "gpt-4o")
        return "in_progress" if patient and self.looks < 2 else "completed"

    def facts(self) -> dict[str, Any]:
        """Returns it as the provider shows it."""
        ended = self.status in ("completed", "incomplete")
        part: dict[str, Any] = {"type": "output_text", "text": TEXT, "annotations": []}
        if self.model == "declined":
            part = {"type": "refusal", "refusal": "I will not say."}
        message: dict[str, Any] = {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
        reasoning: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": []}
        reason = "content_filter" if self.model == "filtered" else "max_output_tokens"
        error = {"code": _ERRORS.get(self.model), "message": "These are the provider's words."}
        return {
            "id": self.name,
            "object": "response",
            "created_at": 1,
            "model": f"{self.model}-2026",
            "status": self.status,
            "background": True,
            "error": error if self.status == "failed" else None,
            "incomplete_details": {"reason": reason} if self.status == "incomplete" else None,
            "output": [reasoning, message] if ended else [],
            "usage": USAGE if ended and self.model in ("counted", "gpt-4o") else None,
        }


class Endpoint:
    """The responses so far, and every request for them."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._journal: list[dict[str, Any]] = []

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Begins a response."""
        body = await request.json()
        content = body["input"][-1]["content"]
        prompt = content if isinstance(content, str) else json.dumps(content)
        kept = Kept(f"resp_{len(self._kept):016x}", body["model"], prompt)
        self._kept[kept.name] = kept
        self._note(request, kept, body)
        if kept.model == "slow":
            await kept.released.wait()
        return _no_answer(request, kept.model) or web.json_response(kept.facts())

    async def look(self, request: web.Request) -> web.StreamResponse:
        """Shows a response as it is now."""
        kept = self._kept[request.match_info["name"]]
        kept.looks += 1
        self._note(request, kept)
        if kept.model == "gone":
            return _error(404, "Response with that id not found.")
        if kept.model == "locked":
            return _error(401, "Incorrect API key provided.")
        if kept.model == "flaky" and kept.looks <= 4:
            return _trouble(request, kept.looks)
        return web.json_response(kept.facts())

    async def cancel(self, request: web.Request) -> web.Response:
        """Stops the work on a response."""
        kept = self._kept[request.match_info["name"]]
        self._note(request, kept)
        kept.cancelled = True
        return web.json_response(kept.facts())

    async def release(self, request: web.Request) -> web.Response:
        """Lets go on what was asked with this prompt."""
        for kept in self._kept.values():
            if kept.prompt == request.match_info["prompt"]:
                kept.released.set()
        return web.json_response(None)

    async def requests(self, _: web.Request) -> web.Response:
        """Lists every request for a response, oldest first."""
        return web.json_response(self._journal)

    def _note(self, request: web.Request, kept: Kept, body: Any = None) -> None:
        what = f"{request.method} {request.path.replace(kept.name, 'id')}"
        key = request.headers.get("Authorization", "")
        self._journal.append({"what": what, "prompt": kept.prompt, "authorization": key, "body": body})


def _no_answer(request: web.Request, model: str) -> web.Response | None:
    """Returns what a model answers that begins no response; None for the others."""
    if model in ("dropped", "reset"):
        return _hang_up(request, reset=model == "reset")
    if model == "overloaded":
        return _error(503, "Come back later.")
    return web.Response(text="<html>") if model == "garbled" else None


def _trouble(request: web.Request, look: int) -> web.Response:
    if look == 1:
        return _hang_up(request, reset=False)
    if look == 4:
        return web.Response(text="<html>")
    return _error(500 if look == 2 else 429, "Not now.")


def _hang_up(request: web.Request, *, reset: bool) -> web.Response:
    assert request.transport is not None
    if reset:
        raw = request.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort() if reset else request.transport.close()
    return web.Response()


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": "error", "code": None}}, status=status)


def serve(port: int) -> None:
    """Serves on loopback until killed."""
    endpoint = Endpoint()
    app = web.Application()
    app.add_routes(
        [
            web.post("/v1/responses", endpoint.create),
            web.get("/v1/responses/{name}", endpoint.look),
            web.post("/v1/responses/{name}/cancel", endpoint.cancel),
            web.get("/requests", endpoint.requests),
            web.post("/release/{prompt}", endpoint.release),
        ]
    )
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
