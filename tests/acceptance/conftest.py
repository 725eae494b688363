"""One store, one worker, one mock of all models, the real Claude Code and the real filesystem server for all cases."""

import os
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from acceptance.models import FIXTURES, files_turns
from support.claude import claude_environ, claude_executable, filesystem_server
from support.mocks import Mock, aimock
from support.processes import kill, rows, worker_processes

from longcall import Result, llm_call


@dataclass(frozen=True)
class World:
    """Where the cases run."""

    home: Path
    files: Path
    """The folder that the filesystem server may use."""
    model: Mock
    variables: Mapping[str, str]

    @property
    def servers(self) -> dict[str, Any]:
        """The predecessor's `mcp_config` for the real filesystem server."""
        return {"mcpServers": {"filesystem": filesystem_server(self.files)}}

    def asked(self, *words: str) -> list[dict[str, Any]]:
        """Returns the requests in which all these words stand, oldest first."""
        bodies = [entry["body"] for entry in self.model.journal()]
        return [body for body in bodies if all(word in str(body) for word in words)]

    def attempts(self, result: Result) -> list[tuple[str, str]]:
        """Returns role and state of every request that a task made."""
        found = rows(self.home, "SELECT role, state FROM attempts WHERE task = ? ORDER BY number", result.task_id)
        return [(row["role"], row["state"]) for row in found]


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    folder = tmp_path_factory.mktemp("acceptance")
    files = folder / "files"
    files.mkdir()
    (folder / "claude").mkdir()
    home = folder / "home"
    with aimock([*files_turns(files), *FIXTURES], folder) as model:
        claude = claude_environ(model.url, folder / "claude")
        variables = {
            **claude,
            "NO_PROXY": "127.0.0.1,localhost",
            "LONGCALL_HOME": str(home),
            "LONGCALL_WORKER_IDLE_S": "60",
            "LONGCALL_CLAUDE_CLI": str(claude_executable()),
            "LONGCALL_CLAUDE_API_KEY": "1",
            "OPENAI_API_KEY": "sk-mock-openai-0123456789",
            "OPENAI_API_BASE": f"{model.url}/v1",
        }
        yield World(home, files, model, variables)
        kill(worker_processes(home))


@pytest.fixture
def world(_running: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Returns the world of the cases, with its variables in the environment of this process."""
    for name, value in _running.variables.items():
        if name not in ("PATH", "HOME"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", _running.variables["HOME"])
    assert os.environ["LONGCALL_HOME"] == str(_running.home)
    return _running


async def run(case: Mapping[str, Any], **changed: Any) -> Result:
    """Runs a case's config, as the predecessor's `llm_call` took it, without its pauses between answers."""
    config: dict[str, Any] = {**case, **changed}
    if "validation" in config:
        config["retry_config"] = {"initial_delay": 0, **config.get("retry_config", {})}
    return await llm_call(config, fresh=True)
