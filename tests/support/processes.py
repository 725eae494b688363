"""Real longcall processes for tests: servers over stdio, workers, and their deaths."""

import json
import os
import sqlite3
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import psutil
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent

from longcall.environment import matters

NO_CLAUDE = "/nowhere/claude"
"""Named as Claude's command line, so that no test runs the one that somebody is logged in to."""
PATIENCE_S = 60.0
"""Seconds that any wait in a test may take before the test fails; a worker's first LiteLLM import is the longest."""


def server(environ: Mapping[str, str], cwd: Path | None = None) -> StdioServerParameters:
    """Returns how to start the real server as a host does."""
    return StdioServerParameters(command=sys.executable, args=["-m", "longcall_server"], env=dict(environ), cwd=cwd)


@asynccontextmanager
async def attached(environ: Mapping[str, str], cwd: Path | None = None, **options: Any) -> AsyncGenerator[Client]:
    """Starts the real server and attaches a real MCP client to it over stdio."""
    with anyio.fail_after(PATIENCE_S * 2):
        async with Client(server(environ, cwd), **options) as client:
            yield client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Calls a tool and returns its structured result.

    Raises:
        AssertionError: the tool answered with an error that has no structured result; the text says what.
    """
    return structured(await client.call_tool(tool, arguments))


def structured(result: CallToolResult) -> dict[str, Any]:
    """Returns a tool's structured result."""
    assert result.structured_content is not None, shown(result)
    return result.structured_content


async def error_text(client: Client, tool: str, **arguments: Any) -> str:
    """Calls a tool that must answer with an error and returns its text."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return shown(result)


def shown(result: CallToolResult) -> str:
    """Returns the text of a tool's result."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


async def until(condition: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
    """Looks at other processes' doings until `condition` holds, and returns what it returned."""
    with anyio.fail_after(seconds):
        while not (found := condition()):  # noqa: ASYNC110  # other processes set no event of ours
            await anyio.sleep(0.01)
    return found


def worker_processes(home: Path) -> list[psutil.Process]:
    """Returns the living workers of a store."""
    return _processes("longcall.tasks.process", home)


def front_processes(home: Path) -> list[psutil.Process]:
    """Returns the living servers of a store."""
    return _processes("longcall_server", home)


def _processes(module: str, home: Path) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if module in process.cmdline() and process.environ().get("LONGCALL_HOME") == str(home):
                found.append(process)
        except psutil.Error:  # it ended meanwhile, or is not ours to look at
            continue
    return found


def kill(processes: list[psutil.Process]) -> None:
    """Kills processes with SIGKILL and waits until they are gone, or are zombies that their parent has yet to bury."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    deadline = time.monotonic() + PATIENCE_S
    while any(lives(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.005)


def lives(process: psutil.Process) -> bool:
    """Whether it has not ended, though its parent may yet have to bury it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def rows(home: Path, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Reads the store of `home` beside its users; a store that nobody has used yet has no rows."""
    if not (home / "tasks.sqlite3").exists():
        return []
    connection = sqlite3.connect(f"file:{home / 'tasks.sqlite3'}?mode=ro", uri=True, timeout=10)
    try:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, values)]
    finally:
        connection.close()


def state(home: Path, task_id: str) -> str:
    """Returns a task's state in the store."""
    return rows(home, "SELECT state FROM tasks WHERE id = ?", task_id)[0]["state"]


def facts(text: str) -> dict[str, Any]:
    """Returns the line of facts at the top of a tool's text."""
    return json.loads(text.split("\n", 1)[0])


def untraced(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns an environment, or ours, in which coverage does not follow into processes: for what is not longcall."""
    return {name: value for name, value in (environ or os.environ).items() if not name.startswith("COVERAGE_PROCESS")}


def clean_environ(home: Path, **more: str) -> dict[str, str]:
    """Returns the environment for servers on the store `home`, without keys and without a way beyond loopback.

    For fixtures that outlive one test; the fixture `environ` says the same for one test.
    """
    ours = {name: value for name, value in os.environ.items() if not matters(name) and not name.startswith("LONGCALL_")}
    ours.pop("CLAUDE_PROJECT_DIR", None)
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    store = {"LONGCALL_HOME": str(home), "LONGCALL_WORKER_IDLE_S": "60", "NO_PROXY": "127.0.0.1,localhost"}
    return {**ours, **proxies, **store, "LONGCALL_CLAUDE_CLI": NO_CLAUDE, **more}
