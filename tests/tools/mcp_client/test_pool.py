"""MCP servers, real processes, as the worker keeps them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from support.claude import filesystem_server
from support.filesystem import installed
from support.http_server import http_server
from support.mocks import free_port
from support.processes import PATIENCE_S, clean_environ, lives, until

from longcall.errors import CallError
from longcall.mcp_client.pool import Pool, open_pool
from longcall.mcp_client.toolbox import RESULT_CHARS, Toolbox
from longcall.mcp_client.warm import Patience, ServerError

NODE, STAND_IN = "node", "stand-in"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Returns a folder with some files, beside one that is not in it."""
    folder = tmp_path / "root"
    (folder / "src").mkdir(parents=True)
    (folder / "a.txt").write_text("first\nsecond\nthird\n")
    (folder / "src" / "b.py").write_text("b = 2\n")
    (folder / ".env").write_text("SECRET")
    (folder / "alias.txt").symlink_to(folder / ".env")
    (tmp_path / "outside.txt").write_text("OUTSIDE")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    return folder


@pytest.fixture(params=[NODE, STAND_IN])
async def pool(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncGenerator[Pool]:
    """Returns a pool on a machine with the official server, and on one without Node."""
    path = installed(tmp_path / "bin") if request.param == NODE else "/nowhere"
    with anyio.fail_after(PATIENCE_S):
        async with open_pool(None, ["filesystem"], {"PATH": path}) as opened:
            yield opened
    assert children() == []


OTHERS: set[int] = set()
"""Processes that this one had started for other tests."""


@pytest.fixture(autouse=True)
def _others() -> None:
    OTHERS.clear()
    OTHERS.update(process.pid for process in psutil.Process().children(recursive=True))


def children(word: str = "") -> list[psutil.Process]:
    """Returns the living processes that the test has started, with a word in their command."""
    found = [one for one in psutil.Process().children(recursive=True) if one.pid not in OTHERS]
    return [one for one in found if lives(one) and word in _command(one)]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # it ended meanwhile
        return ""


def servers(root: Path) -> list[psutil.Process]:
    """Returns the processes of the filesystem server; not the shells that stand watch over them."""
    return [one for one in children(str(root)) if "-c" not in _command(one).split(" ")]


async def box(pool: Pool, root: Path, *tools: str) -> Toolbox:
    return await pool.toolbox(["filesystem"], None, tools, [str(root)])


async def use(toolbox: Toolbox, tool: str, **arguments: Any) -> tuple[str, bool]:
    result = await toolbox.call(f"mcp__filesystem__{tool}", json.dumps(arguments))
    return result.text, result.is_error


async def test_files_are_read_listed_found_and_written(pool: Pool, root: Path) -> None:
    files = await box(pool, root)
    assert await use(files, "read_text_file", path=str(root / "a.txt"), head=1) in [
        ("first", False),
        ("first\n", False),
    ]
    assert "src" in (await use(files, "list_directory", path=str(root)))[0]
    assert str(root / "src" / "b.py") in (await use(files, "search_files", path=str(root), pattern="**/*.py"))[0]
    assert not (await use(files, "write_file", path=str(root / "new.txt"), content="Grüße"))[1]
    assert (root / "new.txt").read_text("utf-8") == "Grüße"
    edits = [{"oldText": "Grüße", "newText": "Hello"}]
    assert not (await use(files, "edit_file", path=str(root / "new.txt"), edits=edits))[1]
    assert (root / "new.txt").read_text() == "Hello"
    assert len(servers(root)) == 1


@pytest.mark.parametrize("path", [
    "../outside.txt", "link.txt", "/etc/passwd", "/proc/self/environ", "src/../../outside.txt", ".env", ".ENV",
    "alias.txt", "src/../.env",
])  # fmt: skip
async def test_nothing_outside_and_no_secret_is_read_or_written(pool: Pool, root: Path, path: str) -> None:
    files = await box(pool, root)
    for tool, more in (("read_text_file", {}), ("write_file", {"content": "x"})):
        text, is_error = await use(files, tool, path=os.path.join(root, path), **more)  # noqa: PTH118  # as a model would
        assert is_error, text
        assert "SECRET" not in text
        assert "OUTSIDE" not in text
    text, _ = await use(files, "read_multiple_files", paths=[os.path.join(root, path)])  # noqa: PTH118  # as above
    assert "SECRET" not in text
    assert (root.parent / "outside.txt").read_text() == "OUTSIDE"
    assert (root / ".env").read_text() == "SECRET"


async def test_without_leave_only_what_reads_is_given(tmp_path: Path, root: Path) -> None:
    async with open_pool(None, [], {"PATH": installed(tmp_path / "bin")}) as pool:
        names = {tool.real_name for tool in (await box(pool, root)).tools}
        assert "read_text_file" in names
        assert not names & {"write_file", "edit_file", "move_file", "create_directory"}
        with pytest.raises(CallError, match="'write_file'"):
            await box(pool, root, "write_file")


async def test_fifty_calls_at_once_on_one_warm_server(pool: Pool, root: Path) -> None:
    files = await box(pool, root)
    told: list[tuple[str, bool]] = []

    async def one() -> None:
        told.append(await use(files, "read_text_file", path=str(root / "src" / "b.py")))

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(one)
    assert [(text.strip(), is_error) for text, is_error in told] == [("b = 2", False)] * 50
    assert len(servers(root)) == 1


async def test_a_server_killed_while_idle_is_started_again(pool: Pool, root: Path) -> None:
    files = await box(pool, root)
    [first] = servers(root)
    first.kill()
    assert not (await use(files, "read_text_file", path=str(root / "a.txt")))[1]
    [second] = servers(root)
    assert second.pid != first.pid


async def test_a_server_for_other_folders_is_another(pool: Pool, root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_text("other")
    here, there = await box(pool, root), await box(pool, other)
    assert (await use(there, "read_text_file", path=str(other / "a.txt")))[0] == "other"
    assert (await use(here, "read_text_file", path=str(other / "a.txt")))[1]


SCRIPT = """
import os, pathlib, sys, time
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
server, count = MCPServer("odd"), pathlib.Path(sys.argv[1])
def note():
    with count.open("a") as file: file.write("x")
def read_and_die(times: int) -> str:
    note()
    if len(count.read_text()) <= times: os._exit(1)
    return "alive"
def write_and_die() -> str:
    note()
    os._exit(1)
def hang() -> str:
    time.sleep(600)
def long() -> str:
    return "x" * 100_000
for tool in (read_and_die, hang, long):
    server.add_tool(tool, annotations=ToolAnnotations(read_only_hint=True))
server.add_tool(write_and_die)
server.run()
"""


@pytest.fixture
def odd(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that writes the operator's file with one odd server."""

    def write(**entry: Any) -> Path:
        script, config = tmp_path / "odd.py", tmp_path / "servers.json"
        script.write_text(SCRIPT)
        server = {"command": sys.executable, "args": [str(script), str(tmp_path / "count")], **entry}
        config.write_text(json.dumps({"mcpServers": {"odd": server}}))
        return config

    return write


@pytest.mark.parametrize(("times", "said"), [(1, "alive"), (9, "ended while it was to run")])
async def test_a_server_that_dies_in_a_call_that_reads_is_asked_once_more(
    odd: Callable[..., Path], tmp_path: Path, times: int, said: str
) -> None:
    async with open_pool(odd(), [], os.environ) as pool:
        tools = await pool.toolbox(["odd"], None, [], [])
        result = await tools.call("mcp__odd__read_and_die", json.dumps({"times": times}))
    assert said in result.text
    assert result.is_error == (times == 9)
    assert (tmp_path / "count").read_text() == "xx"


async def test_a_server_that_dies_in_a_call_that_writes_is_not_asked_again(
    odd: Callable[..., Path], tmp_path: Path
) -> None:
    async with open_pool(odd(writable=True), [], os.environ) as pool:
        tools = await pool.toolbox(["odd"], None, [], [])
        result = await tools.call("mcp__odd__write_and_die", "{}")
    assert "done or not" in result.text
    assert (tmp_path / "count").read_text() == "x"


async def test_a_call_that_hangs_ends_at_its_deadline_and_a_long_result_is_cut(odd: Callable[..., Path]) -> None:
    async with open_pool(odd(), [], os.environ, Patience(call_s=0.2)) as pool:
        tools = await pool.toolbox(["odd"], None, [], [])
        assert "did not answer within 0.2 s" in (await tools.call("mcp__odd__hang", "{}")).text
    async with open_pool(odd(), [], os.environ) as pool:
        tools = await pool.toolbox(["odd"], None, [], [])
        told = (await tools.call("mcp__odd__long", "{}")).text
        assert told.startswith("x" * RESULT_CHARS)
        assert len(told) < RESULT_CHARS + 200
        assert "no valid JSON" in (await tools.call("mcp__odd__long", "{")).text
        assert "JSON object" in (await tools.call("mcp__odd__long", "[]")).text


@pytest.mark.parametrize(("command", "said"), [
    (["sleep", "600"], "it was not ready within 0.5 s"), (["false"], ""),
    (["/nowhere/at/all"], "/nowhere/at/all: No such file or directory"),
])  # fmt: skip
async def test_a_server_that_does_not_start_is_told_and_leaves_nothing(
    odd: Callable[..., Path], command: list[str], said: str
) -> None:
    config = odd(command=command[0], args=command[1:])
    async with open_pool(config, [], os.environ, Patience(start_s=0.5)) as pool:
        with pytest.raises(ServerError, match="'odd' does not start: " + said):
            await pool.toolbox(["odd"], None, [], [])
    assert children() == []


async def test_a_node_that_hangs_is_stood_in_for(tmp_path: Path, root: Path) -> None:
    program = tmp_path / "bin" / "npx"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nsleep 600\n")
    program.chmod(0o755)
    environ = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    async with open_pool(None, [], environ, Patience(start_s=15)) as pool:
        with anyio.fail_after(PATIENCE_S):
            files = await box(pool, root)
        assert (await use(files, "read_text_file", path=str(root / "src" / "b.py")))[0] == "b = 2\n"


async def test_a_callers_own_server_may_write_and_secrets_stay_secret(root: Path) -> None:
    own = {"mcpServers": {"filesystem": filesystem_server(root)}}
    async with open_pool(None, [], os.environ) as pool:
        files = await pool.toolbox([], own, [], [str(root)])
        assert not (await use(files, "write_file", path=str(root / "own.txt"), content="x"))[1]
        assert (await use(files, "read_text_file", path=str(root / ".env")))[1]


async def test_without_a_folder_the_filesystem_server_is_refused() -> None:
    async with open_pool(None, [], os.environ) as pool:
        with pytest.raises(CallError, match="LONGCALL_ROOTS"):
            await pool.toolbox(["filesystem"], None, [], [])
        with pytest.raises(CallError, match="cannot be used"):
            await pool.toolbox(["unknown"], None, [], [])


HOLDER = """
import anyio, os, sys
from longcall.mcp_client.pool import open_pool
async def main():
    async with open_pool(None, [], {"PATH": sys.argv[2]}) as pool:
        await pool.toolbox(["filesystem"], None, [], [sys.argv[1]])
        print("ready", flush=True)
        await anyio.sleep_forever()
anyio.run(main)
"""


@pytest.mark.parametrize("stubborn", [False, True])
async def test_nothing_outlives_a_worker_that_is_killed(tmp_path: Path, root: Path, stubborn: bool) -> None:
    path = installed(tmp_path / "bin")
    if stubborn:  # a server that does not leave when its stdin ends
        program = tmp_path / "bin" / "mcp-server-filesystem"
        program.write_text(program.read_text().replace("exec ", "(trap '' HUP TERM; sleep 600) &\nexec "))
    command = [sys.executable, "-c", HOLDER, str(root), path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:  # noqa: ASYNC220  # to be killed
        assert holder.stdout is not None
        assert await anyio.to_thread.run_sync(holder.stdout.readline) == "ready\n"
        group = psutil.Process(holder.pid).children(recursive=True)
        assert group
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        await until(lambda: not any(lives(one) for one in group))


async def test_a_server_is_reached_over_http(tmp_path: Path) -> None:
    config = tmp_path / "servers.json"
    with http_server(clean_environ(tmp_path / "home"), tmp_path / "serving") as serving:
        config.write_text(json.dumps({"mcpServers": {"remote": {"type": "http", "url": serving.url}}}))
        with anyio.fail_after(PATIENCE_S):
            async with open_pool(config, [], {}) as pool:
                remote = await pool.toolbox(["remote"], None, ["list_models"], [])
                said = await remote.call("mcp__remote__list_models", json.dumps({"query": "demo/echo"}))
    assert (said.is_error, "demo/echo" in said.text) == (False, True)


async def test_a_server_that_is_not_there_over_http_is_told(tmp_path: Path) -> None:
    config = tmp_path / "servers.json"
    config.write_text(json.dumps({"mcpServers": {"remote": {"url": f"http://127.0.0.1:{free_port()}/mcp"}}}))
    with anyio.fail_after(PATIENCE_S):
        async with open_pool(config, [], {}) as pool:
            with pytest.raises(ServerError, match="remote"):
                await pool.toolbox(["remote"], None, [], [])
