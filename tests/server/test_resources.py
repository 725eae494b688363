"""Tasks as MCP resources, in both eras of the protocol."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp_types import Resource, TextResourceContents
from support.processes import attached, call, clean_environ, kill, rows, worker_processes

INVALID_PARAMS = -32602


async def _text(client: Client, task_id: str) -> str:
    read = await client.read_resource(f"longcall://tasks/{task_id}")
    assert [content.mime_type for content in read.contents] == ["text/markdown"]
    contents = read.contents[0]
    assert isinstance(contents, TextResourceContents)
    return contents.text


async def _listed(client: Client) -> list[Resource]:
    return (await client.list_resources()).resources


async def test_the_whole_of_a_long_answer_is_one_resource(client: Client) -> None:
    text = "".join(f"řádek {number}\n" for number in range(9_000))
    answered = await call(client, "llm_call", prompt=text, model="demo/echo", fresh=True)
    assert len(answered["text"]) < len(text)
    assert await _text(client, answered["task_id"]) == text


async def test_a_task_at_work_shows_its_text_so_far_and_one_without_text_what_it_is_at(client: Client) -> None:
    begun = await call(client, "start_task", prompt="one two three four", model="demo/stall", fresh=True)
    assert "demo/stall: " in await _text(client, begun["task_id"])
    told: dict[str, Any] = {}
    while not told.get("text"):
        told = await call(client, "poll_task", task_id=begun["task_id"], wait_s=0.2)
    assert await _text(client, begun["task_id"]) == told["text"]
    await call(client, "cancel_task", task_id=begun["task_id"])


async def test_a_failure_without_text_shows_its_reason(client: Client) -> None:
    failed = await client.call_tool("llm_call", {"prompt": "x", "model": "demo/fail", "fresh": True})
    assert failed.structured_content is not None
    assert await _text(client, failed.structured_content["task_id"]) == failed.structured_content["error"]["message"]


async def test_a_group_names_its_members_each_a_resource_of_its_own(client: Client) -> None:
    begun = await call(client, "start_task", prompts=["first", "second"], model="demo/echo", fresh=True)
    group = await call(client, "poll_task", task_id=begun["task_id"], wait_s=45)
    lines = (await _text(client, group["task_id"])).splitlines()
    assert len(lines) == 2
    for line, member in zip(lines, group["tasks"], strict=True):
        assert f"longcall://tasks/{member['task_id']} (completed, demo/echo): {member['head']}" in line
        assert await _text(client, member["task_id"]) == member["head"]


async def test_the_recent_tasks_are_listed_newest_first_and_may_not_be_cached(client: Client) -> None:
    answered = [
        (await call(client, "llm_call", prompt=prompt, model="demo/echo", fresh=True))["task_id"]
        for prompt in ("the older", "x" * 200)
    ]
    listed = await client.list_resources()
    newest, older = listed.resources[:2]
    assert [resource.uri for resource in (older, newest)] == [f"longcall://tasks/{task_id}" for task_id in answered]
    assert (older.name, older.description) == ("the older", "completed: demo/echo, 9 characters")
    assert (len(newest.name), newest.name[-1]) == (60, "…")
    if client.protocol_version >= "2026-07-28":
        assert (listed.ttl_ms, listed.cache_scope) == (0, "private")


@pytest.mark.parametrize("task_id", ["nothing", "0" * 32, "%00", "..%2F..%2Fetc%2Fpasswd", "%25"])
async def test_an_unknown_task_is_an_unknown_resource(client: Client, task_id: str) -> None:
    with pytest.raises(MCPError) as refused:
        await client.read_resource(f"longcall://tasks/{task_id}")
    assert refused.value.code == INVALID_PARAMS


async def test_reading_an_answer_counts_as_its_delivery(store: dict[str, str], one_client: Client) -> None:
    question = {"prompt": "read as a resource", "model": "demo/slow-0.3"}
    begun = await call(one_client, "llm_call", wait_s=0, **question)
    home = Path(store["LONGCALL_HOME"])
    while rows(home, "SELECT state FROM tasks WHERE id = ?", begun["task_id"])[0]["state"] != "completed":
        await call(one_client, "poll_task")  # lists, and delivers nothing
    again = await call(one_client, "llm_call", wait_s=0, **question)
    assert again["task_id"] == begun["task_id"]
    other = {"prompt": "read as a resource, then asked anew", "model": "demo/slow-0.3"}
    unread = await call(one_client, "llm_call", wait_s=0, **other)
    while (await _text(one_client, unread["task_id"])).find("this last one.") < 0:
        continue
    assert (await call(one_client, "llm_call", wait_s=0, **other))["task_id"] != unread["task_id"]


async def test_tasks_of_another_project_are_not_listed_but_can_be_read(tmp_path: Path) -> None:
    environ = clean_environ(tmp_path / "home")
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    async with attached(environ, tmp_path / "here") as here, attached(environ, tmp_path / "there") as there:
        assert await _listed(here) == []
        answered = await call(here, "llm_call", prompt="asked here", model="demo/echo")
        assert [resource.name for resource in await _listed(here)] == ["asked here"]
        assert await _listed(there) == []
        assert await _text(there, answered["task_id"]) == "asked here"
    kill(worker_processes(tmp_path / "home"))


async def test_a_store_in_trouble_is_said_in_its_sentence(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    async with attached(clean_environ(tmp_path / "home")) as front:
        with pytest.raises(MCPError, match="LONGCALL_HOME"):
            await front.list_resources()
        with pytest.raises(MCPError, match="LONGCALL_HOME"):
            await front.read_resource("longcall://tasks/any")
        assert (await front.list_resource_templates()).resource_templates[
            0
        ].uri_template == "longcall://tasks/{task_id}"
