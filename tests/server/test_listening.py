"""`notifications/tasks` on a `subscriptions/listen` stream (SEP-2663, SEP-2575)."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from support.mcp_tasks import TAKES_TASKS, asked, called, ended, refused
from support.wire import META, Wire, wired

INVALID = -32602
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"


@pytest.fixture(scope="module")
async def front(store: dict[str, str]) -> AsyncGenerator[Wire]:
    """Returns a host that takes tasks."""
    async with wired(store, TAKES_TASKS) as wire:
        yield wire


async def heard(wire: Wire, stream: int) -> dict[str, Any]:
    """Returns the next message on a stream; each names its stream."""
    while True:
        message = await wire.message()
        if "id" not in message and message["params"]["_meta"][f"{META}/subscriptionId"] == stream:
            return message


async def told(wire: Wire, stream: int, task_id: str, status: str) -> dict[str, Any]:
    """Returns what a stream tells of a task once it has that status."""
    while True:
        message = await heard(wire, stream)
        assert message["method"] == "notifications/tasks"
        if (message["params"]["taskId"], message["params"]["status"]) == (task_id, status):
            return message["params"]


async def test_a_stream_tells_of_a_task_from_now_to_its_end(front: Wire) -> None:
    created = await called(front, "start_task", prompt="listened to", model="demo/slow-0.3")
    stream = await front.ask("subscriptions/listen", {"notifications": {"taskIds": [created["taskId"]]}})
    first = await heard(front, stream)
    assert first["method"] == ACKNOWLEDGED
    assert first["params"]["notifications"] == {"taskIds": [created["taskId"]]}

    assert (await told(front, stream, created["taskId"], "working"))["createdAt"] == created["createdAt"]
    shown = await told(front, stream, created["taskId"], "completed")
    del shown["_meta"]
    got = await asked(front, "tasks/get", taskId=created["taskId"])
    assert shown == {name: got[name] for name in shown}
    assert got["result"]["structuredContent"]["text"]


async def test_a_stream_tells_of_several_tasks_each_by_its_end(front: Wire) -> None:
    ids = [
        (await called(front, "start_task", prompt=f"one of several {name}", model=model))["taskId"]
        for name, model in (("a", "demo/slow-0.3"), ("b", "demo/stall"))
    ]
    stream = await front.ask("subscriptions/listen", {"notifications": {"taskIds": ids}})
    assert (await heard(front, stream))["params"]["notifications"]["taskIds"] == ids
    await told(front, stream, ids[0], "completed")
    await front.ask("tasks/cancel", {"taskId": ids[1]})
    while (message := await front.message()).get("params", {}).get("status") != "cancelled":
        pass
    assert message["params"]["taskId"] == ids[1]


async def test_a_stream_for_tasks_and_lists_acknowledges_both(front: Wire) -> None:
    created = await called(front, "start_task", prompt="both", model="demo/echo")
    wanted = {"taskIds": [created["taskId"]], "toolsListChanged": True, "resourceSubscriptions": ["longcall://x"]}
    stream = await front.ask("subscriptions/listen", {"notifications": wanted})
    assert (await heard(front, stream))["params"]["notifications"] == wanted
    await told(front, stream, created["taskId"], "completed")


async def test_a_stream_without_tasks_is_the_sdks_own(front: Wire) -> None:
    stream = await front.ask("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    assert (await heard(front, stream))["params"]["notifications"] == {"toolsListChanged": True}


async def test_a_task_that_is_not_there_is_left_out_of_the_acknowledgement(front: Wire) -> None:
    created = await called(front, "start_task", prompt="there", model="demo/echo")
    ids = ["0" * 32, created["taskId"], created["taskId"]]
    stream = await front.ask("subscriptions/listen", {"notifications": {"taskIds": ids}})
    assert (await heard(front, stream))["params"]["notifications"]["taskIds"] == [created["taskId"]]
    await told(front, stream, created["taskId"], "completed")


async def test_leaving_a_stream_leaves_the_task_at_work(front: Wire) -> None:
    created = await called(front, "start_task", prompt="left", model="demo/slow-0.3")
    stream = await front.ask("subscriptions/listen", {"notifications": {"taskIds": [created["taskId"]]}})
    await heard(front, stream)
    await front.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": stream}})
    assert (await ended(front, created["taskId"]))["status"] == "completed"


@pytest.mark.parametrize("ids", ["x", [1], None, ["0" * 32] * 1_001])
async def test_task_ids_that_are_none_are_refused_with_one_sentence(front: Wire, ids: Any) -> None:
    error = await refused(front, "subscriptions/listen", notifications={"taskIds": ids})
    assert error["code"] == INVALID
    assert "\n" not in error["message"]
