"""Provider endpoints on loopback that tests talk to instead of paid ones."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.node import node_command
from support.processes import untraced

START_S = 30.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Mocks are on loopback, whatever proxy the environment names."""


@dataclass(frozen=True)
class Mock:
    """A running mock server."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, *, method: str = "GET") -> Any:
        """Returns the JSON at `path`."""
        request = urllib.request.Request(self.url + path, method=method)
        with _DIRECT.open(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def journal(self) -> list[dict[str, Any]]:
        """Returns every request that aimock has received, oldest first."""
        return self.ask("/__aimock/journal")

    def environ(self) -> dict[str, str]:
        """Returns the variables that point every provider here, with keys that mean nothing elsewhere."""
        return {
            "OPENAI_API_KEY": "sk-mock-openai-0123456789",
            "OPENAI_API_BASE": f"{self.url}/v1",
            "OPENAI_BASE_URL": f"{self.url}/v1",
            "ANTHROPIC_API_KEY": "sk-ant-mock-0123456789",
            "ANTHROPIC_API_BASE": self.url,
            "GEMINI_API_KEY": "mock-gemini-0123456789",
            "GEMINI_API_BASE": self.url,
            "OLLAMA_API_BASE": self.url,
        }


def free_port() -> int:
    """Returns a port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(command: Sequence[str], port: int, environ: dict[str, str] | None = None) -> Generator[Mock]:
    """Runs a mock server until the block ends."""
    process = subprocess.Popen(
        command,
        env=untraced(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_port(port, process)
        yield Mock(port, process)
    finally:
        process.kill()
        process.wait()


@contextmanager
def aimock(fixtures: Sequence[dict[str, Any]], folder: Path, *options: str) -> Generator[Mock]:
    """Runs aimock (npm @copilotkit/aimock) with these fixtures and command line options."""
    script = node_command("@copilotkit/aimock", "dist/cli.js")
    path = folder / "fixtures.json"
    path.write_text(json.dumps({"fixtures": list(fixtures)}))
    port = free_port()
    command = [*script, "-p", str(port), "-f", str(path), "--journal-max", "0", "--log-level", "silent"]
    with running([*command, *options], port) as mock:
        yield mock


@contextmanager
def llmock(*options: str) -> Generator[Mock]:
    """Runs llmock (PyPI) with these command line options."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("llmock")), "serve", "--port", str(port), "--log-level", "error"]
    with running([*command, *options], port) as mock:
        yield mock


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the mock server ended at its start: {process.args!r}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)  # another process's start has no event to wait for
    pytest.fail(f"the mock server did not listen within {START_S:g} s: {process.args!r}")
