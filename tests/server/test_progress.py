"""Progress while a call waits, and the end of a wait, in both eras of the protocol."""

import re
from collections.abc import AsyncGenerator
from itertools import pairwise
from typing import Any

import pytest
from mcp import Client
from support.processes import call, structured
from support.wire import Wire, wired

EVERY_S = 2.0
ROUNDED_S = 0.1
SO_FAR = re.compile(r"demo/slow-2\.5: \d+ characters so far, about \d+ tokens by estimate, \d+ s")
BEFORE = re.compile(r"demo/slow-2\.5: (waiting for a worker|no text yet), \d+ s")


@pytest.fixture(scope="module", params=[None, {}], ids=["legacy", "modern"])
async def front(store: dict[str, str], request: pytest.FixtureRequest) -> AsyncGenerator[Wire]:
    """Returns a server's bare pipes, in the era of `initialize` and in that of 2026-07-28."""
    async with wired(store, request.param) as wire:
        yield wire


async def _ask(front: Wire, token: str | None, tool: str, **arguments: Any) -> int:
    meta = {} if token is None else {"progressToken": token}
    return await front.ask("tools/call", {"name": tool, "arguments": arguments, "_meta": meta})


def _progress(front: Wire, token: str) -> list[dict[str, Any]]:
    heard = [message["params"] for message in front.heard if message["method"] == "notifications/progress"]
    return [params for params in heard if params["progressToken"] == token]


async def test_progress_is_a_sentence_every_two_seconds_and_ends_with_the_call(front: Wire) -> None:
    asked = await _ask(front, "told", "llm_call", prompt="told", model="demo/slow-2.5", fresh=True)
    answer = await front.answer(asked)
    assert answer["result"]["structuredContent"]["status"] == "completed"
    told = _progress(front, "told")
    values = [params["progress"] for params in told]
    assert len(values) >= 2
    assert all(later - earlier >= EVERY_S - ROUNDED_S for earlier, later in pairwise(values))
    assert BEFORE.fullmatch(told[0]["message"])
    assert SO_FAR.fullmatch(told[-1]["message"])
    later = await _ask(front, "another", "llm_call", prompt="after it", model="demo/slow-0.3", fresh=True)
    await front.answer(later)
    assert _progress(front, "told") == told
    assert _progress(front, "another")


async def test_nobody_who_did_not_ask_is_told(front: Wire) -> None:
    heard = len(front.heard)
    await front.answer(await _ask(front, None, "llm_call", prompt="x", model="demo/slow-0.3", fresh=True))
    assert front.heard[heard:] == []


async def test_a_group_tells_how_many_of_its_members_are_done(client: Client) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    asked = {"prompt": "in a group", "models": ["demo/echo", "demo/slow-2.5"], "fresh": True}
    begun = await call(client, "start_task", **asked)
    waiting = {"task_id": begun["task_id"], "wait_s": 45}
    ended = await client.call_tool("poll_task", waiting, progress_callback=hear)
    assert structured(ended)["status"] == "completed"
    values = [progress for progress, _, _ in heard]
    assert len(values) >= 2
    assert sorted(set(values)) == values
    assert all(total == 2 and progress < total for progress, total, _ in heard)
    assert values[-1] >= 1
    assert (heard[-1][2] or "").startswith("1/2 done, ")


async def test_a_cancelled_request_ends_its_wait_alone(front: Wire) -> None:
    prompt = f"cancelled while {front.capabilities} waits"
    question = {"prompt": prompt, "model": "demo/slow-1.5"}
    waiting = await _ask(front, "cancelled", "llm_call", **question)
    while not _progress(front, "cancelled"):
        message = await front.message()
        front.heard.append(message)
    cancelled = {"requestId": waiting, "reason": "the user pressed Esc"}
    await front.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled})
    heard = len(front.heard)
    listed = await front.result("poll_task")
    task = next(task for task in listed["tasks"] if task["head"] == prompt)
    assert task["status"] == "working"
    told = await front.result("poll_task", task_id=task["task_id"], wait_s=45)
    assert (told["status"], told["attempts"]) == ("completed", 1)
    assert told["text"].endswith("this last one.")
    assert [message for message in front.heard[heard:] if message.get("method") == "notifications/progress"] == []
    assert not any(f'"id":{waiting},' in line and "structuredContent" in line for line in front.lines)
