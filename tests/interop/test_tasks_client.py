"""The official Tasks client (npm @modelcontextprotocol/ext-tasks) over both transports."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from interop.conftest import Where, seen_by
from support.node import node_command
from support.processes import rows

UNKNOWN = -32602


@pytest.fixture(scope="module")
def seen_everywhere(wheres: Mapping[str, Where], shared: dict[str, str]) -> Mapping[str, Any]:
    """Returns what the client saw over each transport; it lies beside its packages, where Node looks for them."""
    node_command("@modelcontextprotocol/ext-tasks", "package.json")
    return seen_by(node_command("..", "tasks_client.mjs"), wheres, shared)


def test_it_follows_calls_to_their_ends(
    seen_everywhere: Mapping[str, Any], transport: str, shared: dict[str, str]
) -> None:
    seen = seen_everywhere[transport]
    quick, slow, cancelled = seen["quick"], seen["slow"], seen["cancelled"]
    assert _text(quick) == "quick"

    assert (slow["kind"], slow["outcome"]["status"]) == ("task", "completed")
    assert (slow["states"][0], slow["states"][-1]) == ("working", "completed")
    assert _text(slow).endswith("this last one.")
    assert seen["recovered"] == "completed"

    assert (cancelled["kind"], cancelled["status"]) == ("task", "cancelled")
    stored = {task["taskId"]: _state(shared, task["taskId"]) for task in (slow, cancelled)}
    assert stored == {slow["taskId"]: "completed", cancelled["taskId"]: "cancelled"}

    assert seen["unknown"]["code"] == UNKNOWN
    assert "no-such-task" in seen["unknown"]["message"]


def _text(settled: dict[str, Any]) -> str:
    return settled["outcome"]["result"]["structuredContent"]["text"]


def _state(shared: dict[str, str], task_id: str) -> str:
    (row,) = rows(Path(shared["LONGCALL_HOME"]), "SELECT state FROM tasks WHERE id = ?", task_id)
    return row["state"]
