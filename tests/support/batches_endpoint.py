"""A provider in the form of OpenAI's files and batches that does what the model's name says, and notes every request.

What stands behind a dot in a model's name means nothing here: `openai/kept.a` is `openai/kept`.

openai/echo         answers each prompt with `so: ` and the prompt, when the batch has been looked at twice
openai/gpt-4o       as `echo`, under a name that has a price
openai/kept         as `echo`, but not before it is released
openai/held         as `echo`; its batch is made, but the request for it is answered only when it is released
openai/early        answers the request for a batch only when it is released, and makes none
openai/dropped      makes the batch and closes the connection instead of saying so
openai/overloaded   answers the first request for a batch with status 503, and makes none; then as `echo`
openai/denied       answers the request for a batch with status 400
openai/batchless    takes no files: status 404
openai/expired      expires when all is answered but the prompts that begin with `late`
openai/failed       fails as a whole
openai/stopped      is cancelled there by somebody else
openai/gone         is not known when it is looked at: status 404; `openai/hidden` not at the first two looks
openai/locked       lets nobody look: status 401
openai/flaky        is hard to look at: breaks the connection, says 500, says 429, and then has ended

A prompt that begins with `refuse`, `later`, `omit` or `garble` is answered with an error 400 or 429, not at all, or
with what is no completion.
"""

import json
import sys
from dataclasses import dataclass, field
from typing import Any

import anyio
from aiohttp import web

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
_ENDS = {"expired": "expired", "failed": "failed", "stopped": "cancelled"}
_ERRORS = {"refuse": 400, "later": 429}


@dataclass
class Kept:
    """One batch, and how often it was looked at."""

    name: str
    file: str
    lines: list[dict[str, Any]]
    metadata: dict[str, str]
    looks: int = 0
    cancelled: bool = False
    released: anyio.Event = field(default_factory=anyio.Event)

    @property
    def model(self) -> str:
        """The model of its first request."""
        return self.lines[0]["body"]["model"]

    @property
    def manner(self) -> str:
        """What its model does."""
        return _manner(self.model)

    @property
    def status(self) -> str:
        """What has become of it."""
        if self.cancelled:
            return "cancelled"
        if not self.looks:
            return "validating"
        if self.looks < 2 or (self.manner == "kept" and not self.released.is_set()):
            return "in_progress"
        return _ENDS.get(self.manner, "completed")

    def facts(self) -> dict[str, Any]:
        """Returns it as the provider shows it."""
        answered, failed = self.results()
        ended = self.status not in ("validating", "in_progress")
        total = len(self.lines)
        errors = {"object": "list", "data": [{"code": "bad_file", "message": "These are the provider's words."}]}
        return {
            "id": self.name,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "input_file_id": self.file,
            "completion_window": "24h",
            "created_at": 1,
            "status": self.status,
            "metadata": self.metadata,
            "errors": errors if self.status == "failed" else None,
            "output_file_id": f"{self.name}-output" if ended and answered else None,
            "error_file_id": f"{self.name}-error" if ended and failed else None,
            "request_counts": {"total": total, "completed": len(answered) if ended else 0, "failed": len(failed)},
        }

    def results(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Returns the lines of its answers and of its errors, in another order than they were asked in."""
        lines = [*reversed(self.lines)]
        if self.status in ("failed", "cancelled"):
            return [], []
        if self.status == "expired":
            late = [line for line in lines if _prompt(line).startswith("late")]
            error = {"code": "batch_expired", "message": "Too late."}
            return [_answered(line) for line in lines if line not in late], [_line(line, None, error) for line in late]
        told = [_answered(line) for line in lines if not _prompt(line).startswith("omit")]
        return [line for line in told if line["response"]["status_code"] == 200], [
            line for line in told if line["response"]["status_code"] != 200
        ]


def _manner(model: str) -> str:
    return model.partition(".")[0]


def _prompt(line: dict[str, Any]) -> str:
    return line["body"]["messages"][-1]["content"]


def _line(asked: dict[str, Any], response: Any, error: Any) -> dict[str, Any]:
    return {"id": "batch_req_1", "custom_id": asked["custom_id"], "response": response, "error": error}


def _answered(asked: dict[str, Any]) -> dict[str, Any]:
    prompt = _prompt(asked)
    for word, status in _ERRORS.items():
        if prompt.startswith(word):
            said = {"error": {"message": f"Not {prompt}.", "type": "error", "code": None}}
            return _line(asked, {"status_code": status, "request_id": "req_1", "body": said}, None)
    message = {"role": "assistant", "content": f"so: {prompt}"}
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": asked["body"]["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": USAGE,
    }
    if prompt.startswith("garble"):
        body = {"choices": []}
    return _line(asked, {"status_code": 200, "request_id": "req_1", "body": body}, None)


class Endpoint:
    """The files and batches so far, and every request for them."""

    def __init__(self) -> None:
        self._files: dict[str, list[dict[str, Any]]] = {}
        self._kept: dict[str, Kept] = {}
        self._waiting: dict[str, anyio.Event] = {}
        self._journal: list[dict[str, Any]] = []

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Takes a file of requests."""
        form = await request.post()
        sent = form["file"]
        assert isinstance(sent, web.FileField)
        lines = [json.loads(line) for line in sent.file.read().splitlines()]
        model = lines[0]["body"]["model"]
        self._note(request, model, lines=lines)
        if _manner(model) == "batchless":
            return web.Response(status=404, text="not found")
        name = f"file-{len(self._files):08x}"
        self._files[name] = lines
        facts = {"id": name, "object": "file", "bytes": 1, "created_at": 1, "filename": "f", "purpose": "batch"}
        return web.json_response({**facts, "status": "processed"})

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Makes a batch of a file."""
        body = await request.json()
        lines = self._files[body["input_file_id"]]
        model = lines[0]["body"]["model"]
        before = sum(noted["what"] == "POST /v1/batches" and noted["model"] == model for noted in self._journal)
        self._note(request, model, metadata=body["metadata"])
        manner = _manner(model)
        if manner == "denied":
            return _error(400, "This cannot be a batch.")
        if manner == "overloaded" and not before:
            return _error(503, "Come back later.")
        if manner == "early":
            await self._released(model)
            return _error(500, "Too late.")
        kept = Kept(f"batch_{len(self._kept):08x}", body["input_file_id"], lines, body["metadata"])
        self._kept[kept.name] = kept
        if manner == "held":
            await self._released(model)
        return _hang_up(request) if manner == "dropped" else web.json_response(kept.facts())

    async def listing(self, request: web.Request) -> web.Response:
        """Lists batches, newest first."""
        self._note(request, "")
        newest = [*reversed(self._kept.values())]
        after, most = request.query.get("after"), int(request.query.get("limit", "20"))
        first = next((place + 1 for place, kept in enumerate(newest) if kept.name == after), 0)
        page = newest[first : first + most]
        more = len(newest) > first + most
        return web.json_response({"object": "list", "data": [kept.facts() for kept in page], "has_more": more})

    async def look(self, request: web.Request) -> web.StreamResponse:
        """Shows a batch as it is now."""
        kept = self._kept[request.match_info["name"]]
        kept.looks += 1
        self._note(request, kept.model)
        if kept.manner == "gone" or (kept.manner == "hidden" and kept.looks < 3):
            return _error(404, "No batch of that id.")
        if kept.manner == "locked":
            return _error(401, "Incorrect API key provided.")
        if kept.manner == "flaky" and kept.looks <= 3:
            statuses = {2: 500, 3: 429}
            return _hang_up(request) if kept.looks == 1 else _error(statuses[kept.looks], "Not now.")
        return web.json_response(kept.facts())

    async def cancel(self, request: web.Request) -> web.Response:
        """Stops the work on a batch."""
        kept = self._kept[request.match_info["name"]]
        self._note(request, kept.model)
        kept.cancelled = True
        return web.json_response(kept.facts())

    async def content(self, request: web.Request) -> web.Response:
        """Returns the answers or the errors of a batch."""
        name, _, kind = request.match_info["name"].partition("-")
        kept = self._kept[name]
        self._note(request, kept.model)
        answered, failed = kept.results()
        lines = answered if kind == "output" else failed
        return web.Response(text="".join(json.dumps(line) + "\n" for line in lines))

    async def release(self, request: web.Request) -> web.Response:
        """Lets go on what was asked of a model."""
        model = request.match_info["model"]
        self._waiting.setdefault(model, anyio.Event()).set()
        for kept in self._kept.values():
            if kept.model == model:
                kept.released.set()
        return web.json_response(None)

    async def requests(self, _: web.Request) -> web.Response:
        """Lists every request, oldest first."""
        return web.json_response(self._journal)

    async def _released(self, model: str) -> None:
        await self._waiting.setdefault(model, anyio.Event()).wait()

    def _note(self, request: web.Request, model: str, **more: Any) -> None:
        name = request.match_info.get("name")
        what = f"{request.method} {request.path.replace(name, 'id') if name else request.path}"
        self._journal.append({"what": what, "model": model, **more})


def _hang_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": "error", "code": None}}, status=status)


def serve(port: int) -> None:
    """Serves on loopback until killed."""
    endpoint = Endpoint()
    app = web.Application(client_max_size=2**28)
    app.add_routes(
        [
            web.post("/v1/files", endpoint.upload),
            web.get("/v1/files/{name}/content", endpoint.content),
            web.post("/v1/batches", endpoint.create),
            web.get("/v1/batches", endpoint.listing),
            web.get("/v1/batches/{name}", endpoint.look),
            web.post("/v1/batches/{name}/cancel", endpoint.cancel),
            web.get("/requests", endpoint.requests),
            web.post("/release/{model}", endpoint.release),
        ]
    )
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
