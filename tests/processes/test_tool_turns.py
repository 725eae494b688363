"""Models of LiteLLM that use the tools of the real filesystem server, run by a real worker."""

import json
import os
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.filesystem import installed
from support.mocks import Mock, aimock
from support.processes import attached, call, kill, rows, until, worker_processes

from longcall import Result, connect

TEXT = "written by a model"


SLOW = """
import pathlib, sys, time
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
server, folder = MCPServer("slow"), pathlib.Path(sys.argv[1])
def run(name: str) -> str:
    with (folder / name).open("a") as file: file.write("x")
    while len((folder / name).read_text()) == 1: time.sleep(0.01)
    return "it went on"
def look() -> str:
    return run("looked")
def act() -> str:
    return run("acted")
server.add_tool(look, annotations=ToolAnnotations(read_only_hint=True))
server.add_tool(act)
server.run()
"""
"""A server whose tools never end when they are called for the first time."""


def slow(name: str) -> dict[str, Any]:
    return {"toolCalls": [{"id": f"slow-{name}", "name": f"mcp__slow__{name}", "arguments": "{}"}]}


def use(name: str, number: str, **arguments: Any) -> dict[str, Any]:
    """Returns an answer of the mock that asks for a tool of the filesystem server."""
    return {"toolCalls": [{"id": number, "name": f"mcp__filesystem__{name}", "arguments": json.dumps(arguments)}]}


def fixtures(root: Path) -> list[dict[str, Any]]:
    """Returns what the model says; it is told apart by the id of the tool's result that it got last, and the prompt."""
    note, once = str(root / "note.txt"), str(root / "once.txt")
    return [
        {"match": {"toolCallId": "read-1"}, "response": {"content": f"I wrote and read: {TEXT}"}},
        {"match": {"toolCallId": "write-1"}, "response": use("read_text_file", "read-1", path=note)},
        {"match": {"userMessage": "write a note"}, "response": use("write_file", "write-1", path=note, content=TEXT)},
        {"match": {"toolCallId": "again"}, "response": use("list_directory", "again", path=str(root))},
        {"match": {"userMessage": "for ever"}, "response": use("list_directory", "again", path=str(root))},
        {"match": {"toolCallId": "secret"}, "response": {"content": "I was refused."}},
        {"match": {"userMessage": "the secret"}, "response": use("read_text_file", "secret", path=str(root / ".env"))},
        {"match": {"toolCallId": "outside"}, "response": {"content": "I was refused too."}},
        {"match": {"userMessage": "the outside"}, "response": use("read_text_file", "outside", path="/etc/passwd")},
        {"match": {"toolCallId": "once"}, "response": {"content": "late"}, "latency": 60_000},
        {"match": {"userMessage": "once"}, "response": use("write_file", "once", path=once, content="x")},
        *({"match": {"toolCallId": f"slow-{name}"}, "response": {"content": "So be it."}} for name in ("look", "act")),
        *({"match": {"userMessage": f"slowly {name}"}, "response": slow(name)} for name in ("look", "act")),
        {"match": {"toolCallId": "long"}, "response": {"content": "It was long."}},
        {"match": {"userMessage": "long file"}, "response": use("read_text_file", "long", path=str(root / "long.txt"))},
        {"match": {"toolCallId": "better", "userMessage": "did not pass"}, "response": {"content": "It is good."}},
        {"match": {"toolCallId": "better"}, "response": {"content": "It is bad."}},
        {"match": {"userMessage": "did not pass"}, "response": use("list_directory", "better", path=str(root))},
        {"match": {"userMessage": "look well"}, "response": use("list_directory", "better", path=str(root))},
    ]


@dataclass(frozen=True)
class World:
    """Where the model works."""

    home: Path
    root: Path
    model: Mock

    async def ask(self, prompt: str, **options: Any) -> Result:
        """Asks the model with the filesystem server."""
        async with connect(self.root) as session:
            return await session.llm_call(prompt, model="openai/gpt-4o", servers=["filesystem"], **options)

    def asked(self, words: str) -> list[dict[str, Any]]:
        """Returns the requests whose prompt is `words`."""
        bodies = [entry["body"] for entry in self.model.journal()]
        return [body for body in bodies if any(turn.get("content") == words for turn in body.get("messages", ()))]

    def attempts(self, result: Result) -> list[tuple[str, str]]:
        """Returns role and state of every request."""
        found = rows(self.home, "SELECT role, state FROM attempts WHERE task = ? ORDER BY number", result.task_id)
        return [(row["role"], row["state"]) for row in found]


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[World, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("turns")
    root, home = folder / "project", folder / "home"
    root.mkdir()
    (root / ".env").write_text("SECRET")
    (root / "long.txt").write_text("word " * 50_000)
    (folder / "slow.py").write_text(SLOW)
    server = {"command": sys.executable, "args": [str(folder / "slow.py"), str(root)], "writable": True}
    (folder / "servers.json").write_text(json.dumps({"mcpServers": {"slow": server}}))
    with aimock(fixtures(root), folder) as model:
        variables = {
            "LONGCALL_MCP_CONFIG": str(folder / "servers.json"),
            **model.environ(),
            "LONGCALL_HOME": str(home),
            "LONGCALL_WORKER_IDLE_S": "60",
            "LONGCALL_WRITABLE_SERVERS": "filesystem",
            "PATH": installed(folder / "bin"),
        }
        yield World(home, root, model), variables
        kill(worker_processes(home))


@pytest.fixture
def world(_running: tuple[World, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> World:
    """Returns the world, with its variables in this process's environment."""
    world, variables = _running
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return world


async def test_a_model_writes_a_file_and_reads_it_back(world: World) -> None:
    result = await world.ask("write a note")
    assert (result.status, result.text) == ("completed", f"I wrote and read: {TEXT}")
    assert (world.root / "note.txt").read_text() == TEXT
    assert world.attempts(result) == [("turn", "answered"), ("turn", "answered"), ("answer", "answered")]
    assert len(world.asked("write a note")) == 3
    assert result.steps is not None
    assert [(step["turn"], step["tool"], step["state"]) for step in result.steps] == [
        (1, "mcp__filesystem__write_file", "done"), (2, "mcp__filesystem__read_text_file", "done"),
    ]  # fmt: skip
    assert result.steps[1]["result"] == TEXT


async def test_without_leave_to_write_there_is_no_tool_to_write_with(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LONGCALL_WRITABLE_SERVERS")
    (world.root / "note.txt").write_text("as it was")
    try:
        result = await world.ask("write a note", fresh=True)
    finally:
        kill(
            [
                process
                for process in worker_processes(world.home)
                if "LONGCALL_WRITABLE_SERVERS" not in process.environ()
            ]
        )
    assert (world.root / "note.txt").read_text() == "as it was"
    assert result.steps is not None
    assert result.steps[0]["state"] == "failed"
    assert "There is no tool" in result.steps[0]["result"]
    names = [tool["function"]["name"] for tool in world.asked("write a note")[-1]["tools"]]
    assert "mcp__filesystem__read_text_file" in names
    assert "mcp__filesystem__write_file" not in names


async def test_the_turns_are_bounded(world: World) -> None:
    before = len(world.asked("for ever"))
    result = await world.ask("for ever", max_turns=3)
    assert result.error is not None
    assert (result.status, result.error["code"]) == ("failed", "max_turns")
    assert world.attempts(result) == [("turn", "answered")] * 3
    asked = world.asked("for ever")[before:]
    assert [body.get("tool_choice") for body in asked] == [None, None, "none"]
    assert result.steps is not None
    assert [step["state"] for step in result.steps] == ["done", "done", "asked"]


async def test_a_budget_ends_the_turns(world: World) -> None:
    result = await world.ask("for ever", retry={"budget": {"tokens": 1}}, fresh=True)
    assert result.error is not None
    assert (result.status, result.error["code"]) == ("failed", "budget")
    assert world.attempts(result) == [("turn", "answered")]


@pytest.mark.parametrize(("prompt", "said"), [("the secret", "hold secrets"), ("the outside", "Access denied")])
async def test_what_a_tool_refuses_goes_back_to_the_model(world: World, prompt: str, said: str) -> None:
    result = await world.ask(prompt)
    assert (result.text or "").startswith("I was refused")
    assert result.steps is not None
    assert said in result.steps[0]["result"]
    assert "SECRET" not in str(world.asked(prompt))


async def test_a_long_result_is_cut_with_a_note(world: World) -> None:
    result = await world.ask("long file")
    [step] = rows(world.home, "SELECT result FROM steps WHERE task = ?", result.task_id)
    told = step["result"]
    assert len(told) < 70_000
    assert told.endswith("more characters; ask for a smaller part]")


async def test_only_the_tools_that_are_named_are_given(world: World) -> None:
    await world.ask("the outside", tools=["read_text_file"], fresh=True)
    assert len(world.asked("the outside")[-1]["tools"]) == 1
    result = await world.ask("the outside", tools=["format_disk"], fresh=True)
    assert result.error is not None
    assert "'format_disk'" in result.error["message"]
    assert world.attempts(result) == []


async def test_a_bad_answer_is_asked_again_with_the_tools(world: World) -> None:
    check = {"type": "contains", "all": ["good"]}
    result = await world.ask("look well", validate=[check], retry={"first_delay_s": 0})
    assert (result.status, result.text) == ("completed", "It is good.")
    assert [role for role, _ in world.attempts(result)] == ["turn", "answer", "turn", "answer"]


async def test_a_worker_killed_between_the_turns_leaves_its_steps_and_nothing_is_sent_twice(world: World) -> None:
    path = world.root / "once.txt"
    async with connect(world.root) as session:
        begun = await session.start_task("once", model="openai/gpt-4o", servers=["filesystem"])
        await session.client.see_to_worker()
        assert begun.task_id is not None
        await until(lambda: len(world.asked("once")) == 2)
        polled = await session.poll_task(begun.task_id)
        assert polled.steps is not None
        assert [step["state"] for step in polled.steps] == ["done"]
        kill(worker_processes(world.home))
        result = await session.poll_task(begun.task_id, wait_s=None)
    assert result.status == "interrupted"
    assert world.attempts(result) == [("turn", "answered"), ("answer", "lost")]
    assert result.steps is not None
    assert [step["tool"] for step in result.steps] == ["mcp__filesystem__write_file"]
    assert path.read_text() == "x"
    assert len(world.asked("once")) == 2
    await until(lambda: not _servers(world.root))


@pytest.mark.parametrize(("name", "file", "calls", "state", "said"), [
    ("look", "looked", "xx", "done", "it went on"), ("act", "acted", "x", "failed", "done or not"),
])  # fmt: skip
async def test_a_worker_killed_within_a_tool_is_followed_by_one_that_goes_on(
    world: World, name: str, file: str, calls: str, state: str, said: str
) -> None:
    async with connect(world.root) as session:
        begun = await session.start_task(f"slowly {name}", model="openai/gpt-4o", servers=["slow"])
        await session.client.see_to_worker()
        assert begun.task_id is not None
        await until((world.root / file).exists)
        kill(worker_processes(world.home))
        result = await session.poll_task(begun.task_id, wait_s=None)
    assert (result.status, result.text) == ("completed", "So be it.")
    assert world.attempts(result) == [("turn", "answered"), ("answer", "answered")]
    assert len(world.asked(f"slowly {name}")) == 2
    assert (world.root / file).read_text() == calls
    assert result.steps is not None
    [step] = result.steps
    assert step["state"] == state
    assert said in step["result"]


def _servers(root: Path) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if os.fsencode(root) in words and any(b"server-filesystem" in word for word in words):
                found.append(int(entry.name))
    return found


async def test_an_agent_asks_for_the_tools_by_the_server_itself(world: World) -> None:
    async with attached({**os.environ, "CLAUDE_PROJECT_DIR": str(world.root)}) as client:
        asked = {"prompt": "the outside", "model": "openai/gpt-4o", "fresh": True}
        result = await call(client, "llm_call", **asked, servers=["filesystem"], tools=["filesystem/read_text_file"])
        assert (result["status"], result["text"]) == ("completed", "I was refused too.")
        assert [step["state"] for step in result["steps"]] == ["failed"]
        polled = await call(client, "poll_task", task_id=result["task_id"])
        assert polled["steps"] == result["steps"]
        listed = await call(client, "list_models")
        servers = {server["name"]: server for server in listed["servers"]}
        assert servers["filesystem"]["writes"]
        assert "read_text_file" in servers["filesystem"]["tools"]
        assert servers["slow"]["writes"]
