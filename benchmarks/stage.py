"""A stage for one part: a store of its own, a provider on loopback, and processes that end with it."""

import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import anyio
import anyio.to_thread
import psutil
from mcp import Client, StdioServerParameters

ROOT = Path(__file__).parents[1]
FRONT = ("-m", "longcall_server")
BARE_SERVER = ("-m", "benchmarks.bare_server")
Era = Literal["auto", "legacy"]
_MIB = 1024 * 1024
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""The provider is on loopback, whatever proxy the environment names."""
_numbers = itertools.count(1)
_WAIT_S = 45
_WORKER_S = 60.0


@dataclass(frozen=True, slots=True)
class Child:
    """A process that reads a line of JSON and answers with one."""

    process: subprocess.Popen[str]

    async def ask(self, command: str, **arguments: Any) -> Any:
        """Returns the answer to a command."""
        return await anyio.to_thread.run_sync(self._ask, json.dumps([command, arguments]))

    def _ask(self, line: str) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.read()

    def read(self) -> Any:
        """Returns the next line that it prints."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


@contextmanager
def child(module: str, environ: dict[str, str], *arguments: str) -> Generator[Child]:
    """Runs a module of this package until the block ends; it has printed its first line, if it is to."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=environ, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield Child(process)
    finally:
        process.kill()
        process.communicate()


class Stage:
    """A store of its own, seen by fronts and one worker, with a provider on loopback."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self._url = f"http://127.0.0.1:{port}"
        self.environ = clean_environ() | {
            "LONGCALL_HOME": str(home),
            "LONGCALL_WORKER_IDLE_S": "120",
            "OPENAI_API_KEY": "sk-nothing",
            "OPENAI_API_BASE": f"{self._url}/v1",
            "OPENAI_BASE_URL": f"{self._url}/v1",
        }

    def including(self, **variables: str) -> Self:
        """Sets more variables for the processes to come; returns the stage."""
        self.environ.update(variables)
        return self

    @asynccontextmanager
    async def front(self) -> AsyncGenerator[Client]:
        """Attaches a client to a new front."""
        async with attached(self.environ, FRONT) as client:
            yield client

    @asynccontextmanager
    async def bare_provider(self) -> AsyncGenerator[Child]:
        """Runs LiteLLM alone in a process, imported and ready."""
        with child("benchmarks.bare_provider", self.environ) as provider:
            await anyio.to_thread.run_sync(provider.read)
            yield provider

    def stats(self) -> dict[str, Any]:
        """Returns what the provider has seen."""
        return self._look("stats")

    def journal(self) -> list[str]:
        """Returns the prompt of every request that the provider has seen, oldest first."""
        return self._look("journal")

    def _look(self, path: str) -> Any:
        with _DIRECT.open(f"{self._url}/{path}", timeout=10) as answer:
            return json.loads(answer.read())

    def worker(self) -> psutil.Process:
        """Returns the living worker of the store."""
        return psutil.Process(_worker_pids(self.home)[-1])


def _worker_pids(home: Path) -> list[int]:
    path = home / "tasks.sqlite3"
    if not path.exists():
        return []
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return [row[0] for row in connection.execute("SELECT pid FROM workers ORDER BY started_at")]
    except sqlite3.OperationalError:  # whoever made the file died before it had tables
        return []
    finally:
        connection.close()


def clean_environ() -> dict[str, str]:
    """Returns an environment without any key, in which nothing but loopback can be reached."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "SYSTEMROOT") if name in os.environ}
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    return kept | nowhere | {"NO_PROXY": "127.0.0.1,localhost", "PYTHONUNBUFFERED": "1"}


@contextmanager
def stage() -> Generator[Stage]:
    """Opens a stage; at its end its worker is killed and its store removed."""
    home = Path(tempfile.mkdtemp(prefix="longcall-benchmark-"))
    try:
        with child("benchmarks.mock_server", clean_environ()) as provider:
            try:
                yield Stage(home, provider.read())
            finally:
                _kill_workers(home)
    finally:
        shutil.rmtree(home)


def _kill_workers(home: Path) -> None:
    for pid in _worker_pids(home):
        with_pid = psutil.Process(pid) if psutil.pid_exists(pid) else None
        if with_pid is not None and "longcall.tasks.process" in with_pid.cmdline():
            with_pid.kill()
            psutil.wait_procs([with_pid], timeout=_WORKER_S)


@asynccontextmanager
async def attached(environ: dict[str, str], arguments: Sequence[str], mode: Era = "auto") -> AsyncGenerator[Client]:
    """Starts a server with Python and attaches a client to it over stdio."""
    async with Client(server(environ, arguments), mode=mode) as client:
        yield client


def server(environ: dict[str, str], arguments: Sequence[str]) -> StdioServerParameters:
    """Returns how to start a server with Python."""
    return StdioServerParameters(command=sys.executable, args=list(arguments), env=environ, cwd=ROOT)


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Calls a tool and returns its structured result.

    Raises:
        RuntimeError: the tool answered with an error.
    """
    result = await client.call_tool(tool, arguments)
    if result.is_error or result.structured_content is None:
        raise RuntimeError(f"{tool}: {result.content}")
    return result.structured_content


async def ask(client: Client, model: str) -> None:
    """Has a model asked and its whole answer delivered, however long that takes.

    No two prompts are equal, since equal ones that run at the same time are one task.

    Raises:
        RuntimeError: there was no complete answer.
    """
    result = await call(
        client, "llm_call", prompt=f"Say four words, no. {next(_numbers)}.", model=model, wait_s=_WAIT_S
    )
    while result["status"] == "working":
        result = await call(client, "poll_task", task_id=result["task_id"], wait_s=_WAIT_S)
    if result["status"] != "completed":
        raise RuntimeError(str(result))


def server_process(environ: dict[str, str], arguments: Sequence[str]) -> psutil.Process:
    """Returns the newest process that `attached` started here with these arguments."""
    module, home = arguments[-1], environ.get("LONGCALL_HOME")
    found = [
        process
        for process in psutil.Process().children()
        if module in process.cmdline() and process.environ().get("LONGCALL_HOME") == home
    ]
    return max(found, key=psutil.Process.create_time)


def cpu_s(process: psutil.Process) -> float:
    """Returns the CPU seconds a process has used."""
    times = process.cpu_times()
    return times.user + times.system


def rss_mib(process: psutil.Process) -> float:
    """Returns the memory a process has in RAM."""
    return process.memory_info().rss / _MIB


def uss_mib(process: psutil.Process) -> float:
    """Returns the memory that would be free if the process ended."""
    return process.memory_full_info().uss / _MIB


def peak_mib(process: psutil.Process) -> float:
    """Returns the most memory a process ever had in RAM; where the system does not say, what it has now."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text("utf-8").splitlines()
    except FileNotFoundError:
        return rss_mib(process)
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
