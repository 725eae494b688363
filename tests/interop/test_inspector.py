"""The official Inspector (its command line) against the real server over stdio, in each era it speaks."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.node import node_command
from support.processes import rows

RUN_S = 60.0
ERAS = ("legacy", "auto", "modern")
TOOL_ERROR, UNPORTABLE = 5, 6
LONGCALL = ["-m", "longcall_server"]
UNPORTABLE_SERVER = [str(Path(__file__).with_name("unportable_server.py"))]


class Inspector:
    """Runs the Inspector in one era, with a home of its own."""

    def __init__(self, era: str, environ: Mapping[str, str], home: Path) -> None:
        package = "@modelcontextprotocol/inspector"
        self._command = [*node_command(package, "clients/launcher/build/index.js"), "--cli", "--format", "json", "-q"]
        # By itself the Inspector hands hardly any variable on.
        named = [f"{name}={value}" for name, value in environ.items() if name.startswith("LONGCALL_")]
        self._options = ["--protocol-era", era, *(word for pair in named for word in ("-e", pair))]
        self._environ = {**environ, "HOME": str(home), "MCP_CATALOG_PATH": str(home / "catalog.json")}

    def ask(self, *options: str, server: list[str] = LONGCALL) -> subprocess.CompletedProcess[str]:
        """Makes one request of a server and returns how the Inspector ended."""
        return subprocess.run(
            [*self._command, *self._options, *options, "--", sys.executable, *server], env=self._environ,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", timeout=RUN_S, check=False,
        )  # fmt: skip

    def call(self, **arguments: Any) -> dict[str, Any]:
        """Calls llm_call and returns its structured result."""
        given = ["--tool-args-json", json.dumps(arguments)]
        ended = self.ask("--method", "tools/call", "--tool-name", "llm_call", *given)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)["result"]["structuredContent"]


@pytest.fixture(params=ERAS)
def inspector(shared: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest) -> Inspector:
    """Returns the Inspector, once for each era; those without tasks wait as briefly as those with them."""
    return Inspector(request.param, shared | {"LONGCALL_WAIT_S": "0.3"}, tmp_path)


def test_the_tools_are_listed_and_their_schemas_fit_every_host(inspector: Inspector) -> None:
    ended = inspector.ask("--strict", "--method", "tools/list")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert {tool["name"] for tool in json.loads(ended.stdout)["result"]["tools"]} >= {"llm_call", "poll_task"}


def test_a_schema_that_does_not_fit_every_host_would_be_seen(shared: dict[str, str], tmp_path: Path) -> None:
    inspector = Inspector("legacy", shared, tmp_path)
    ended = inspector.ask("--strict", "--method", "tools/list", server=UNPORTABLE_SERVER)
    assert ended.returncode == UNPORTABLE
    assert "anything" in ended.stderr


def test_a_call_longer_than_the_wait_is_a_task_where_there_are_tasks(
    inspector: Inspector, shared: dict[str, str], request: pytest.FixtureRequest
) -> None:
    answer = inspector.call(prompt="über den Inspector", model="demo/slow-2", fresh=True)
    if request.node.callspec.params["inspector"] == "legacy":
        assert answer["status"] == "working"
        assert "poll_task" in answer["next"]
    else:
        assert answer["status"] == "completed"
        assert answer["text"].endswith("this last one.")
    (row,) = rows(Path(shared["LONGCALL_HOME"]), "SELECT model FROM tasks WHERE id = ?", answer["task_id"])
    assert row["model"] == "demo/slow-2"


def test_a_tool_that_is_not_there_is_an_error(shared: dict[str, str], tmp_path: Path) -> None:
    ended = Inspector("modern", shared, tmp_path).ask("--method", "tools/call", "--tool-name", "no_such_tool")
    assert ended.returncode == TOOL_ERROR
