"""The real Claude Code command line, offline: its model is on loopback, its home is empty."""

import json
import os
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from longcall.calling import new_call
from longcall.errors import ProviderError
from longcall.models import Completion
from longcall.providers.claude_cli import ClaudeCLIProvider
from longcall.settings import Settings
from support.node import NODE_PARTS, missing, node
from support.processes import until

NOWHERE = "http://127.0.0.1:9"
KEY = "sk-ant-mock-0123456789"
FILESYSTEM = "@modelcontextprotocol/server-filesystem/dist/index.js"


def claude_executable() -> Path:
    """Returns the program of the npm package."""
    found = sorted((NODE_PARTS / "@anthropic-ai").glob("claude-code-*/claude*"))
    if not found:
        missing("Claude Code")
    return found[0]


def claude_environ(url: str, folder: Path) -> dict[str, str]:
    """Returns the environment in which it asks the model at `url`, with an empty home below `folder`."""
    for name in ("user", "config", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "user"),
        "TMPDIR": str(folder / "tmp"),
        "CLAUDE_CONFIG_DIR": str(folder / "config"),
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1,localhost",
    }


def filesystem_server(root: Path) -> dict[str, Any]:
    """Returns how to start the real filesystem MCP server for one folder."""
    script = NODE_PARTS / FILESYSTEM
    if not script.exists():
        missing("the filesystem MCP server")
    return {"command": str(node()), "args": [str(script), str(root)]}


def processes_in(folder: Path) -> list[psutil.Process]:
    """Returns the living processes that work below `folder`."""
    found: list[psutil.Process] = []
    for pid in psutil.pids():
        try:
            process = psutil.Process(pid)  # anew: process_iter remembers what a process was before it became another
            if process.cwd().startswith(str(folder)) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:  # it ended meanwhile, or is not ours to look at
            continue
    return found


def events(*said: Mapping[str, Any]) -> bytes:
    """Returns the body of a stream in Anthropic's form."""
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in said)


def half_an_answer(text: str) -> bytes:
    """Returns the body of a stream that says `text` and then ends without an end."""
    usage = {"input_tokens": 10, "output_tokens": 1}
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "claude-mock",
    }
    return events(
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
    )


def an_answer(text: str, stop_reason: str = "end_turn") -> bytes:
    """Returns the body of a stream that says `text` and why it ends."""
    return half_an_answer(text) + events(
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop_reason}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    )


@dataclass
class Endpoint:
    """A model's endpoint that answers every request in the same way."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    asked: list[Any] = field(default_factory=list[Any])
    """The bodies of the requests so far; aimock keeps no long ones."""
    url: str = ""


def error_body(kind: str, message: str) -> bytes:
    """Returns the body of an error in Anthropic's form."""
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()


@contextmanager
def answering(endpoint: Endpoint) -> Generator[Endpoint]:
    """Serves `endpoint` on loopback until the block ends; status 0 closes the connection without an answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            endpoint.asked.append(json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null"))
            if endpoint.status == 0:
                self.close_connection = True
                return
            kind = "text/event-stream" if endpoint.status == 200 else "application/json"
            self.send_response(endpoint.status)
            for name, value in {"Content-Type": kind, "Connection": "close", **endpoint.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(endpoint.body)

        do_GET = do_POST  # noqa: N815  # the base class names it so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        endpoint.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()


def fake_cli(folder: Path, lines: Sequence[str], interpreter: str) -> Path:
    """Writes an executable Python script that stands in for the command line where the real one cannot be made to."""
    path = folder / "fake-claude"
    path.write_text("\n".join([f"#!{interpreter}", *lines]) + "\n")
    path.chmod(0o700)
    return path


@dataclass
class Answer:
    """What came of a call."""

    pieces: list[str] = field(default_factory=list[str])
    completion: Completion | None = None
    sent: int = 0
    """How often the provider awaited `sending`."""

    @property
    def text(self) -> str:
        """The whole of it."""
        return "".join(self.pieces)

    @property
    def ending(self) -> Completion:
        """How it ended."""
        assert self.completion is not None
        return self.completion


@dataclass(frozen=True)
class Claude:
    """The provider with the real command line, in a world of its own below a folder."""

    folder: Path

    def environ(self, url: str, **more: str) -> dict[str, str]:
        """Returns the environment in which it asks the model at `url`."""
        return {**claude_environ(url, self.folder), "LONGCALL_CLAUDE_CLI": str(claude_executable()), **more}

    def provider(self, environ: Mapping[str, str], settings: Settings | None = None) -> ClaudeCLIProvider:
        """Returns a provider for several calls; the key is passed on unless `settings` say otherwise."""
        return ClaudeCLIProvider(settings or Settings(claude_api_key=True), environ)

    async def ask(
        self,
        environ: Mapping[str, str],
        prompt: str | None = "hello",
        *,
        model: str = "max/sonnet",
        settings: Settings | None = None,
        provider: ClaudeCLIProvider | None = None,
        into: Answer | None = None,
        **options: Any,
    ) -> Answer:
        """Asks and returns what came; `into` takes it as it comes, for calls that fail."""
        answer = into or Answer()

        async def sending() -> None:
            answer.sent += 1

        asked = provider or self.provider(environ, settings)
        async with aclosing(asked.stream(new_call(model=model, prompt=prompt, **options), sending)) as events:
            async for event in events:
                if isinstance(event, str):
                    answer.pieces.append(event)
                elif isinstance(event, Completion):
                    answer.completion = event
        return answer

    async def refusal(self, environ: Mapping[str, str], **options: Any) -> ProviderError:
        """Asks what must fail, and returns the error."""
        with pytest.raises(ProviderError) as caught:
            await self.ask(environ, **options)
        return caught.value

    async def gone(self) -> None:
        """Waits until nothing is left of its calls: what was killed takes an instant to be gone."""
        await until(lambda: not self.left())

    def left(self) -> list[str]:
        """Returns what is left of its calls: processes at work, and folders."""
        folders = [str(path) for path in (self.folder / "tmp").glob("longcall-*")]
        return [str(process) for process in processes_in(self.folder)] + folders
