"""The real command line in processes of its own, on a store that these tests share."""

import os
import pty
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.processes import NO_CLAUDE, PATIENCE_S, front_processes, kill, worker_processes

from longcall.environment import matters

NOWHERE = "http://127.0.0.1:9"
Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Ended:
    """What a command left."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class CommandLine:
    """Runs `longcall` with one environment in one folder."""

    home: Path
    folder: Path
    environ: dict[str, str] = field(default_factory=dict[str, str])

    def with_environ(self, **variables: str) -> "CommandLine":
        """Returns the same with more variables."""
        return CommandLine(self.home, self.folder, {**self.environ, **variables})

    def run(self, *arguments: str, stdin: bytes = b"") -> Ended:
        """Runs a command to its end, without a terminal."""
        done = subprocess.run(
            _command(arguments),
            input=stdin,
            capture_output=True,
            env=self.environ,
            cwd=self.folder,
            timeout=PATIENCE_S,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    @contextmanager
    def begun(self, *arguments: str) -> Generator[Process]:
        """Starts a command with pipes; it is killed if it has not ended with the block."""
        process = subprocess.Popen(
            _command(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environ,
            cwd=self.folder,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def in_terminal(self, *arguments: str, typed: bytes = b"", stdout: int | None = None) -> Ended:
        """Runs a command in a terminal, typing `typed`; `out` is everything it showed there."""
        ours, theirs = pty.openpty()
        try:
            process = subprocess.Popen(
                _command(arguments),
                stdin=theirs,
                stdout=theirs if stdout is None else stdout,
                stderr=theirs,
                env={**self.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
                cwd=self.folder,
            )
            os.close(theirs)
            if typed:
                os.write(ours, typed)
            shown = _everything(ours)
            return Ended(process.wait(PATIENCE_S), shown.decode(), "")
        finally:
            os.close(ours)


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "longcall_server", *arguments]


def _everything(descriptor: int) -> bytes:
    shown = b""
    while True:
        try:
            piece = os.read(descriptor, 65536)
        except OSError:  # how Linux tells that nobody has the other end open any more
            return shown
        if not piece:
            return shown
        shown += piece


def _environ(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not matters(name) and not name.startswith("LONGCALL_")}
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), NOWHERE)
    local = {"NO_PROXY": "127.0.0.1,localhost", "OLLAMA_API_BASE": NOWHERE}
    no_claude = {"LONGCALL_CLAUDE_CLI": NO_CLAUDE}
    return {**kept, **proxies, **local, "LONGCALL_HOME": str(home), "LONGCALL_WORKER_IDLE_S": "60", **no_claude}


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Returns the store that these tests share, so that they share its worker; what runs on it is killed at the end."""
    path = tmp_path_factory.mktemp("cli") / "home"
    yield path
    kill(front_processes(path) + worker_processes(path))


@pytest.fixture
def cli(shared_home: Path, tmp_path: Path) -> CommandLine:
    """Returns the command line on the shared store, in a project folder of the test's own."""
    return CommandLine(shared_home, tmp_path, _environ(shared_home))


@pytest.fixture
def lone_cli(tmp_path: Path) -> Generator[CommandLine]:
    """Returns the command line on a store of the test's own."""
    home = tmp_path / "home"
    yield CommandLine(home, tmp_path, _environ(home))
    kill(front_processes(home) + worker_processes(home))
