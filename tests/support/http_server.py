"""The real server over HTTP, in a process of its own, and clients of it."""

import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from support.processes import PATIENCE_S

Era = Literal["legacy", "auto"]
_ADDRESS = re.compile(r"^longcall listens on (http://\S+)$", re.MULTILINE)
_ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
_META = "io.modelcontextprotocol"
HELLO: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}
"""What opens a session of the protocols before 2026-07-28."""


@dataclass(frozen=True)
class HttpServer:
    """A running server."""

    process: subprocess.Popen[bytes]
    said: Path
    """What it wrote to stderr."""
    wrote: Path
    """What it wrote to stdout."""

    @property
    def url(self) -> str:
        """Where its MCP endpoint is."""
        found = _ADDRESS.search(self.said.read_text("utf-8"))
        assert found is not None, self.said.read_text("utf-8")
        return found[1]

    @property
    def root(self) -> str:
        """The URL without the path."""
        return str(httpx2.URL(self.url).copy_with(path="/")).rstrip("/")

    def token(self) -> str:
        """Returns the token that it made and showed."""
        found = re.search(r"shown this once: (\S+)", self.said.read_text("utf-8"))
        assert found is not None
        return found[1]


def command(*words: str) -> list[str]:
    """Returns the command line `longcall …`."""
    return [sys.executable, "-m", "longcall_server", *words]


@contextmanager
def http_server(environ: Mapping[str, str], folder: Path, *options: str) -> Generator[HttpServer]:
    """Starts `longcall serve --http` on a free port, in `folder`; it is ended with the block."""
    with _serving(environ, folder, command("serve", "--http", "--port", "0", *options)) as server:
        yield server


@contextmanager
def proxy_server(environ: Mapping[str, str], folder: Path, *options: str) -> Generator[HttpServer]:
    """Starts `longcall proxy` on a free port, in `folder`; it is ended with the block."""
    with _serving(environ, folder, command("proxy", "--port", "0", *options)) as server:
        yield server


@contextmanager
def _serving(environ: Mapping[str, str], folder: Path, words: list[str]) -> Generator[HttpServer]:
    folder.mkdir(parents=True, exist_ok=True)
    said, wrote = folder / "stderr", folder / "stdout"
    with said.open("wb") as error, wrote.open("wb") as out:
        process = subprocess.Popen(
            words, env=dict(environ), cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=error
        )
    server = HttpServer(process, said, wrote)
    try:
        _await_address(server)
        yield server
    finally:
        process.terminate()  # it ends in good order, and what it has run is counted
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_address(server: HttpServer) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not _ADDRESS.search(server.said.read_text("utf-8")):
        if server.process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the server does not listen: {server.said.read_text('utf-8')}")
        time.sleep(0.02)  # another process's start has no event to wait for


@asynccontextmanager
async def http_client(url: str, token: str | None = None, *, mode: Era = "auto") -> AsyncGenerator[Client]:
    """Attaches a real MCP client over HTTP."""
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    with anyio.fail_after(PATIENCE_S * 2):
        async with (
            httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            yield client


def post(url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> httpx2.Response:
    """Posts a request of the era of 2026-07-28, by itself the harmless `tools/list`, and returns the answer."""
    content = json.dumps(request("tools/list", {})).encode() if body is None else body
    given = {**_ACCEPT, **method_headers("tools/list"), **(headers or {})}
    return httpx2.post(url, content=content, headers=given, timeout=PATIENCE_S)


def request(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a JSON-RPC request of the era of 2026-07-28."""
    envelope = {
        f"{_META}/protocolVersion": "2026-07-28",
        f"{_META}/clientInfo": {"name": "post", "version": "1"},
        f"{_META}/clientCapabilities": {},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": envelope}}


def method_headers(method: str, name: str | None = None) -> dict[str, str]:
    """Returns the headers that repeat what a request of that era asks for."""
    headers = {**_ACCEPT, "mcp-protocol-version": "2026-07-28", "mcp-method": method}
    return headers if name is None else {**headers, "mcp-name": name}
