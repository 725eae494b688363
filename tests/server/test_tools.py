"""What hosts and models can rely on when they use the tools, in both eras of the protocol."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_types import Tool, ToolAnnotations
from support.processes import attached, call, error_text, facts, rows, shown, structured

LIST_BYTES = 10_000
INSTRUCTIONS_BYTES = 2_000
HOST_CUT_CHARS = 2_000
"""Claude Code cuts descriptions and instructions here."""
NAMES = {"llm_call", "start_task", "poll_task", "cancel_task", "validate_code", "list_models"}


async def _tools(client: Client) -> list[Tool]:
    return (await client.list_tools()).tools


async def test_each_era_is_really_spoken(client: Client, request: pytest.FixtureRequest) -> None:
    era = request.node.callspec.params["client"]
    assert client.protocol_version >= "2026-07-28" if era == "auto" else client.protocol_version < "2026-07-28"


async def test_the_tools_cost_a_host_less_than_ten_kilobytes_of_context(client: Client) -> None:
    listed = await client.list_tools()
    assert {tool.name for tool in listed.tools} >= NAMES
    assert len(listed.tools) <= 6
    assert len(listed.model_dump_json(by_alias=True, exclude_none=True).encode()) < LIST_BYTES


async def test_the_instructions_fit_into_what_hosts_show_and_name_the_tools(client: Client) -> None:
    instructions = client.instructions or ""
    assert len(instructions.encode()) < INSTRUCTIONS_BYTES
    assert all(name in instructions for name in NAMES)


async def test_every_tool_and_every_argument_is_described(client: Client) -> None:
    described: dict[str, list[Any]] = {}
    known: set[str] = set()
    for tool in await _tools(client):
        arguments = tool.input_schema["properties"]
        silent = [name for name, schema in arguments.items() if not schema.get("description")]
        described[tool.name] = [name for name in silent if name not in known]
        known |= set(arguments)
        assert 40 < len(tool.description or "") < HOST_CUT_CHARS
        assert tool.title
    assert described == {tool: [] for tool in described}


async def test_annotations_let_hosts_run_calls_in_parallel_and_ask_before_a_cancel(client: Client) -> None:
    annotations = {tool.name: tool.annotations or ToolAnnotations() for tool in await _tools(client)}
    assert [name for name, hints in annotations.items() if not hints.read_only_hint] == ["cancel_task"]
    assert [name for name, hints in annotations.items() if hints.destructive_hint] == ["cancel_task"]
    asking = {name for name, hints in annotations.items() if hints.open_world_hint}
    assert asking == {name for name, hints in annotations.items() if not hints.idempotent_hint}
    assert asking == {"llm_call", "start_task", "validate_code"}


async def test_an_answer_comes_inline_with_its_status_first(client: Client) -> None:
    result = await client.call_tool("llm_call", {"prompt": 'say "hi"\nto me', "model": "demo/echo"})
    assert not result.is_error
    answer = structured(result)
    assert next(iter(answer)) == "status"
    assert (answer["status"], answer["text"]) == ("completed", 'say "hi"\nto me')
    assert (answer["model"], answer["finish_reason"], answer["attempts"]) == ("demo/echo", "stop", 1)
    text = shown(result)
    assert text.startswith('{"status": "completed"')
    assert facts(text)["task_id"] == answer["task_id"]
    assert text.endswith('\n\nsay "hi"\nto me')


async def test_a_provider_that_is_down_is_a_tool_error_with_a_code(client: Client) -> None:
    result = await client.call_tool("llm_call", {"prompt": "x", "model": "demo/fail"})
    assert result.is_error
    failed = structured(result)
    assert failed["status"] == "failed"
    assert (failed["error"]["code"], failed["error"]["retryable"]) == ("unavailable", True)
    polled = await client.call_tool("poll_task", {"task_id": failed["task_id"]})
    assert not polled.is_error
    assert structured(polled)["error"] == failed["error"]


async def test_a_slow_answer_is_working_first_and_then_read_with_poll_task(client: Client) -> None:
    working = await call(client, "llm_call", prompt="x", model="demo/slow-1.5", wait_s=0.2)
    assert (next(iter(working)), working["status"]) == ("status", "working")
    assert f"poll_task(task_id='{working['task_id']}'" in working["next"]
    result = await call(client, "poll_task", task_id=working["task_id"], wait_s=45)
    assert (result["status"], result.get("next")) == ("completed", None)
    assert result["text"].startswith("This answer was never in a hurry.")


async def test_start_task_answers_before_the_model_does(client: Client) -> None:
    started = await call(client, "start_task", prompt="one two three four", model="demo/stall")
    assert started["status"] == "working"
    cancelled = await call(client, "cancel_task", task_id=started["task_id"])
    assert cancelled["status"] == "cancelled"


async def test_several_prompts_and_models_make_one_group(client: Client) -> None:
    started = await call(client, "start_task", prompts=["a", "b"], models=["demo/echo", "demo/slow-0.1"])
    group = await call(client, "poll_task", task_id=started["task_id"], wait_s=45)
    assert group["status"] == "completed"
    assert [(line["head"], line["model"]) for line in group["tasks"]] == [
        ("a", "demo/echo"), ("a", "demo/slow-0.1"), ("b", "demo/echo"), ("b", "demo/slow-0.1"),
    ]  # fmt: skip
    member = await call(client, "poll_task", task_id=group["tasks"][2]["task_id"])
    assert (member["status"], member["text"]) == ("completed", "b")


async def test_progress_arrives_while_a_call_waits(client: Client) -> None:
    heard: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del total
        heard.append((progress, message))

    arguments = {"prompt": "x", "model": "demo/slow-2.5"}
    result = await client.call_tool("llm_call", arguments, progress_callback=hear)
    assert structured(result)["status"] == "completed"
    assert len(heard) >= 2
    assert sorted(heard) == heard
    assert "characters so far" in (heard[-1][1] or "")


@pytest.mark.parametrize(("tool", "argument", "value"), [
    ("llm_call", "wait_s", -1), ("poll_task", "wait_s", -1), ("poll_task", "wait_s", 45.5), ("poll_task", "offset", -1),
    ("poll_task", "limit", 0), ("list_models", "limit", 0),
])  # fmt: skip
async def test_a_figure_out_of_its_bounds_is_refused_by_name(
    client: Client, tool: str, argument: str, value: float
) -> None:
    rest = {"prompt": "x", "model": "demo/echo"} if tool == "llm_call" else {}
    assert argument in await error_text(client, tool, **rest, **{argument: value})


@pytest.mark.parametrize("wait_s", [0, 45])
async def test_a_poll_may_wait_from_nothing_to_its_limit(client: Client, wait_s: float) -> None:
    answered = await call(client, "llm_call", prompt="x", model="demo/echo")
    polled = await call(client, "poll_task", task_id=answered["task_id"], wait_s=wait_s)
    assert (polled["status"], polled["text"]) == ("completed", "x")


@pytest.mark.parametrize("limit", [7, 1000])
async def test_pages_put_together_are_the_whole_text(client: Client, limit: int) -> None:
    text = "Straße, 東京, 🎉! " * 9
    answered = await call(client, "llm_call", prompt=text, model="demo/echo")
    pages: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = await call(client, "poll_task", task_id=answered["task_id"], offset=offset, limit=limit)
        pages.append(page["text"])
        assert len(page["text"]) <= limit
        offset = offset + len(page["text"]) if page.get("next") else None
        assert offset is None or f"offset={offset}" in page["next"]
    assert "".join(pages) == text
    assert len(pages) == -(-len(text) // limit)


async def test_a_list_shows_the_tasks_of_its_own_project(store: dict[str, str], client: Client) -> None:
    name = f"here {client.protocol_version}"
    asked = await call(client, "llm_call", prompt=name, model="demo/echo")
    other_project = store | {"CLAUDE_PROJECT_DIR": f"/elsewhere/{client.protocol_version}"}
    async with attached(other_project) as elsewhere:
        assert (await call(elsewhere, "poll_task")).get("tasks", []) == []
        other = await call(elsewhere, "llm_call", prompt="there", model="demo/echo")
        seen_there = (await call(elsewhere, "poll_task"))["tasks"]
    assert [(task["task_id"], task["head"]) for task in seen_there] == [(other["task_id"], "there")]
    seen_here = {task["task_id"]: task["head"] for task in (await call(client, "poll_task"))["tasks"]}
    assert seen_here.get(asked["task_id"]) == name
    assert other["task_id"] not in seen_here
    assert (await call(client, "poll_task", task_id=other["task_id"]))["text"] == "there"


async def test_calls_of_one_client_run_side_by_side(client: Client, store: dict[str, str]) -> None:
    results: list[dict[str, Any]] = []

    async def ask() -> None:
        results.append(await call(client, "llm_call", prompt="x", model="demo/slow-1"))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(ask)
    spans = [_span(store, result["task_id"]) for result in results]
    assert max(begun for begun, _ in spans) < min(ended for _, ended in spans)


def _span(store: dict[str, str], task_id: str) -> tuple[int, int]:
    row = rows(Path(store["LONGCALL_HOME"]), "SELECT started_at, finished_at FROM tasks WHERE id = ?", task_id)[0]
    return row["started_at"], row["finished_at"]
