"""The real Claude Code command line, offline: its model is a mock on loopback, its home is empty."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from support.claude import claude_environ, claude_executable
from support.mocks import Mock, aimock

RUN_S = 120.0
FINAL = "That is all."


@dataclass(frozen=True)
class Turn:
    """What the model asked for in one turn: tools by their names with the arguments."""

    calls: Sequence[tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Ran:
    """What came of one run."""

    said: str
    """The final answer that Claude Code printed."""
    shown: list[str]
    """What the model was shown as the result of each tool call, in order."""
    asked: str
    """What the model was shown as the words of the user."""


class Run(Protocol):
    """Runs Claude Code with one MCP server and a model that makes these turns."""

    def __call__(
        self, server: Mapping[str, Any], turns: Sequence[Turn], *, prompt: str = "begin", **environ: str
    ) -> Ran:
        """Returns what came of it; `prompt` is what its user says, `environ` is added to its environment."""
        ...


@pytest.fixture
def claude_code(tmp_path: Path) -> Run:
    """Returns a function that runs Claude Code."""

    def run(server: Mapping[str, Any], turns: Sequence[Turn], *, prompt: str = "begin", **environ: str) -> Ran:
        with aimock(_fixtures(turns), tmp_path) as model:
            said = _run(server, turns, prompt, claude_environ(model.url, tmp_path) | environ, tmp_path)
            return Ran(said, _shown(model), _asked(model))

    return run


def _fixtures(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    fixtures: list[dict[str, Any]] = []
    for number, turn in enumerate(turns):
        asked = [
            {"id": f"turn-{number}-{index}", "name": name, "arguments": json.dumps(arguments)}
            for index, (name, arguments) in enumerate(turn.calls)
        ]
        match = {"toolCallId": _last_id(turns, number - 1)} if number else {}
        fixtures.append({"match": match, "response": {"toolCalls": asked}})
    fixtures.append({"match": {"toolCallId": _last_id(turns, len(turns) - 1)}, "response": {"content": FINAL}})
    return fixtures[1:] + fixtures[:1]  # the first turn matches everything, and the first match wins


def _last_id(turns: Sequence[Turn], number: int) -> str:
    return f"turn-{number}-{len(turns[number].calls) - 1}"


def _run(
    server: Mapping[str, Any], turns: Sequence[Turn], prompt: str, environ: Mapping[str, str], folder: Path
) -> str:
    project = folder / "project"
    project.mkdir(exist_ok=True)
    servers = folder / "servers.json"
    servers.write_text(json.dumps({"mcpServers": {"longcall": dict(server)}}))
    allowed = ",".join(sorted({name for turn in turns for name, _ in turn.calls}))
    ended = subprocess.run(
        [str(claude_executable()), "-p", prompt, "--mcp-config", str(servers), "--strict-mcp-config",
         "--allowedTools", allowed, "--tools", ""],  # its own tools would fill the mock's journal
        cwd=project, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=RUN_S, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.strip()


def _shown(model: Mock) -> list[str]:
    conversation = model.journal()[-1]["body"]["messages"]
    return [_text(message["content"]) for message in conversation if message["role"] == "tool"]


def _asked(model: Mock) -> str:
    conversation = model.journal()[-1]["body"]["messages"]
    return "\n".join(_text(message["content"]) for message in conversation if message["role"] == "user")


def _text(content: str | list[dict[str, Any]]) -> str:
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)
