"""The official Python clients of both lines, over both transports: they are told the same."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from interop.conftest import RUN_S, Where, seen_by
from mcp import Client, StdioServerParameters
from support.http_server import http_client
from support.node import missing
from support.processes import call, error_text

OLDER = Path(__file__).with_name("older_client.py")
TOOLS = {"llm_call", "start_task", "poll_task", "cancel_task", "list_models"}


@pytest.fixture(scope="module")
def older(wheres: Mapping[str, Where], shared: dict[str, str]) -> Mapping[str, Any]:
    """Returns what the client of the 1.x line sees over each transport."""
    uv = shutil.which("uv")
    if uv is None:
        missing("uv")
    script = ["--offline", "--locked", "--script", str(OLDER)]
    if subprocess.run([uv, "sync", "--check", *script], capture_output=True, timeout=RUN_S, check=False).returncode:
        missing("the environment of tests/interop/older_client.py")
    return seen_by([uv, "run", "--quiet", *script], wheres, shared)


def test_the_client_of_the_1_x_line_is_served_in_its_era(older: Mapping[str, Any], transport: str) -> None:
    seen = older[transport]
    assert seen["client"].startswith("1.")
    assert (seen["protocol"], seen["server"], seen["tasks"]) == ("2025-11-25", "longcall", None)
    assert set(seen["tools"]) >= TOOLS
    assert (seen["answered"]["status"], seen["answered"]["text"]) == ("completed", "Grüße\naus 1.x")
    assert any("characters so far" in message for message in seen["progress"])
    assert (seen["started"]["status"], seen["polled"]["status"]) == ("working", "completed")
    assert seen["polled"]["task_id"] == seen["started"]["task_id"]
    assert seen["polled"]["text"].endswith("this last one.")
    is_error, sentence = seen["refused"]
    assert is_error
    assert "There is nothing to ask" in sentence


async def test_the_client_of_the_2_x_line_is_served_in_its_era(wheres: Mapping[str, Where], transport: str) -> None:
    where = wheres[transport]
    if "url" in where:
        async with http_client(where["url"]) as client:
            await _look(client)
    else:
        async with Client(StdioServerParameters(**where)) as client:
            await _look(client)


async def _look(client: Client) -> None:
    heard: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del progress, total
        heard.append(message)

    assert client.protocol_version == "2026-07-28"
    assert {tool.name for tool in (await client.list_tools()).tools} >= TOOLS
    answered = await call(client, "llm_call", prompt="Grüße\naus 2.x", model="demo/echo", fresh=True)
    assert (answered["status"], answered["text"]) == ("completed", "Grüße\naus 2.x")
    slow = {"prompt": "slow", "model": "demo/slow-2.5", "fresh": True}
    await client.call_tool("llm_call", slow, progress_callback=hear)
    assert any("characters so far" in (message or "") for message in heard)
    started = await call(client, "start_task", prompt="a story", model="demo/slow-0.5", fresh=True)
    polled = await call(client, "poll_task", task_id=started["task_id"], wait_s=45)
    assert (started["status"], polled["status"]) == ("working", "completed")
    assert polled["text"].endswith("this last one.")
    assert "There is nothing to ask" in await error_text(client, "llm_call", prompt=" ", model="demo/echo")
