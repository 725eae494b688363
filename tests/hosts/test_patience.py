"""Hosts that give up early, in time, or kill their server: each ends up with the whole answer, paid for once."""

from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError
from support.processes import attached, call, front_processes, kill, rows, structured, until, worker_processes
from support.wire import wired

from longcall_server.hosts import UNKNOWN_S

HOST_S = 60
"""What the reference client of the MCP TypeScript SDK, and with it most hosts, grants a call."""
END = "to this last one."


def _assert_asked_once(home: Path) -> None:
    assert rows(home, "SELECT count(*) AS tasks FROM tasks") == [{"tasks": 1}]
    assert rows(home, "SELECT count(*) AS attempts FROM attempts") == [{"attempts": 1}]


async def test_a_host_that_gives_up_after_five_seconds_finds_the_answer_in_two_ways(
    home: Path, environ: dict[str, str]
) -> None:
    asked: dict[str, Any] = {"prompt": "too long for five seconds", "model": "demo/slow-6"}
    async with attached(environ) as host:
        with pytest.raises(MCPError, match=r"(?i)timed out"):
            await host.call_tool("llm_call", asked, read_timeout_seconds=5)
        (line,) = (await call(host, "poll_task"))["tasks"]
        again = structured(await host.call_tool("llm_call", asked, read_timeout_seconds=30))
        assert again["status"] == "completed"
        assert again["text"].endswith(END)
        assert again["task_id"] == line["task_id"]
        assert "already running" in again["warnings"][0]
        polled = await call(host, "poll_task", task_id=line["task_id"])
        assert (polled["status"], polled["text"]) == ("completed", again["text"])
    _assert_asked_once(home)


async def test_a_host_that_waits_for_a_minute_is_answered_before(home: Path, environ: dict[str, str]) -> None:
    assert UNKNOWN_S < HOST_S
    shrunk = environ | {"LONGCALL_WAIT_S": str(UNKNOWN_S / 60)}
    async with attached(shrunk, read_timeout_seconds=HOST_S) as host:
        working = await call(host, "llm_call", prompt="a minute", model="demo/slow-2")
        assert working["status"] == "working"
        assert working["task_id"] in working["next"]
        polled = await call(host, "poll_task", task_id=working["task_id"], wait_s=45)
        assert (polled["status"], polled["text"].endswith(END)) == ("completed", True)
    _assert_asked_once(home)


async def test_a_host_that_kills_its_server_in_the_middle_is_told_all_by_the_next(
    home: Path, environ: dict[str, str]
) -> None:
    async with wired(environ) as first:
        await first.call("llm_call", prompt="killed", model="demo/slow-3")
        await until(lambda: worker_processes(home))  # it starts once the store has its tables and the task
        await until(lambda: rows(home, "SELECT 1 FROM pieces"))
        kill(front_processes(home))
    async with attached(environ) as second:
        (line,) = (await call(second, "poll_task"))["tasks"]
        assert line["status"] == "working"
        polled = await call(second, "poll_task", task_id=line["task_id"], wait_s=45)
        assert (polled["status"], polled["text"].endswith(END)) == ("completed", True)
    _assert_asked_once(home)
