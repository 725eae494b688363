"""Claude's command line behind the real server and its worker."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.claude import claude_environ, claude_executable, filesystem_server, processes_in
from support.mocks import Mock, aimock
from support.processes import attached, call, error_text, kill, until, worker_processes

TEXT = "Said by Claude."
SLOW = {"match": {"userMessage": "slow"}, "response": {"content": "word " * 20_000}, "latency": 50, "chunkSize": 20}


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Generator[Mock]:
    with aimock([SLOW, {"match": {}, "response": {"content": TEXT}}], tmp_path_factory.mktemp("aimock")) as mock:
        yield mock


@pytest.fixture
def world(environ: dict[str, str], mock: Mock, tmp_path: Path) -> dict[str, str]:
    """Returns the environment of a server whose operator lets Claude's command line bill a key."""
    ours = claude_environ(mock.url, tmp_path)
    return {**environ, **ours, "LONGCALL_CLAUDE_CLI": str(claude_executable()), "LONGCALL_CLAUDE_API_KEY": "1"}


async def test_a_call_is_answered_and_its_models_are_listed(world: dict[str, str], tmp_path: Path):
    async with attached(world) as client:
        told = await call(client, "llm_call", model="max/sonnet", prompt="hello", system="Be brief.")
        assert (told["status"], told["text"], told["finish_reason"]) == ("completed", TEXT, "stop")
        assert told["model"].startswith("claude-sonnet")
        assert told["attempts"] == 1
        listed = await call(client, "list_models", query="max")
        assert {"max/opus", "max/sonnet"} <= {model["name"] for model in listed["models"]}
    await until(lambda: not processes_in(tmp_path / "tmp"))


async def test_without_the_command_line_nothing_is_sent(environ: dict[str, str]):
    async with attached(environ) as client:
        assert "is not at /nowhere/claude" in await error_text(client, "llm_call", model="max/sonnet", prompt="x")
        listed: Any = await call(client, "list_models", query="max/")
        assert not any(model["callable"] for model in listed["models"] if model["name"].startswith("max/"))


async def test_a_cancel_ends_the_command_line(world: dict[str, str], tmp_path: Path):
    async with attached(world) as client:
        begun = await call(client, "start_task", model="max/opus", prompt="slow")

        async def partial() -> str:
            return (await call(client, "poll_task", task_id=begun["task_id"], wait_s=0))["text"] or ""

        with anyio.fail_after(60):
            while not await partial():  # noqa: ASYNC110  # other processes set no event of ours
                await anyio.sleep(0.05)
        assert processes_in(tmp_path / "tmp")
        told = await call(client, "cancel_task", task_id=begun["task_id"])
        assert told["status"] == "cancelled"
        await until(lambda: not processes_in(tmp_path / "tmp"))
        assert not list((tmp_path / "tmp").glob("longcall-*"))


async def test_a_killed_worker_takes_the_command_line_along(world: dict[str, str], home: Path, tmp_path: Path):
    async with attached(world) as client:
        begun = await call(client, "start_task", model="max/opus", prompt="slow")
        await until(lambda: processes_in(tmp_path / "tmp"))
        await until(lambda: "claude" in {Path(process.exe()).name for process in processes_in(tmp_path / "tmp")})
        kill(worker_processes(home))
        await until(lambda: not processes_in(tmp_path / "tmp"))
        await until(lambda: not list((tmp_path / "tmp").glob("longcall-*")))
        told = await call(client, "poll_task", task_id=begun["task_id"], wait_s=30)
        assert told["status"] == "interrupted"


async def test_another_list_of_servers_is_another_environment(world: dict[str, str], home: Path, tmp_path: Path):
    config = tmp_path / "servers.json"
    config.write_text(json.dumps({"mcpServers": {"files": filesystem_server(tmp_path)}}))
    for environ in (world, {**world, "LONGCALL_MCP_CONFIG": str(config)}, {**world, "CLAUDE_CODE_SESSION_ID": "s"}):
        async with attached(environ) as client:
            assert (await call(client, "llm_call", model="max/", prompt="hello", fresh=True))["text"] == TEXT
    assert len(worker_processes(home)) == 2


async def test_a_conversation_goes_on_between_claude_and_others(world: dict[str, str], mock: Mock):
    said = {"system": "Be brief.", "conversation": "trip"}
    async with attached({**world, **mock.environ()}) as client:
        first = await call(client, "llm_call", model="max/sonnet", prompt="one?", **said)
        others = [("demo/echo", "two?"), ("openai/gpt-4o", "three?"), ("max/opus", "four?")]
        for model, prompt in others:
            told = await call(client, "llm_call", model=model, prompt=prompt, conversation=first["conversation"])
            assert (told["status"], told["conversation"]) == ("completed", first["conversation"])
            if model.startswith("openai"):
                asked = mock.journal()[-1]["body"]["messages"]
                assert [turn["role"] for turn in asked] == ["system", *["user", "assistant"] * 2, "user"]
    claude = mock.journal()[-1]
    assert claude["path"].startswith("/v1/messages")
    turns = [(turn["role"], _words(turn["content"])) for turn in claude["body"]["messages"] if turn["role"] != "system"]
    assert turns == [
        ("user", "one?"), ("assistant", TEXT), ("user", "two?"), ("assistant", "two?"), ("user", "three?"),
        ("assistant", TEXT), ("user", "four?"),
    ]  # fmt: skip
    assert "Be brief." in json.dumps(claude["body"])


def _words(content: Any) -> str:
    """Returns what a turn says, without the reminders that the command line adds."""
    parts: list[Any] = [content] if isinstance(content, str) else [part["text"] for part in content]
    return "".join(part for part in parts if not part.startswith("<system-reminder>"))
