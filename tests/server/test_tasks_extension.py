"""The MCP Tasks extension over stdio, byte by byte as SEP-2663 has it."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from support.mcp_tasks import TAKES_TASKS, TASKS, asked, called, ended, refused
from support.processes import facts, rows
from support.wire import Wire, wired

UNKNOWN = -32602
NOT_DECLARED = -32021
NO_METHOD = -32601


@pytest.fixture(scope="module")
async def front(store: dict[str, str]) -> AsyncGenerator[Wire]:
    """Returns a host that takes tasks."""
    async with wired(store, TAKES_TASKS) as wire:
        yield wire


@pytest.fixture(scope="module")
async def plain(store: dict[str, str]) -> AsyncGenerator[Wire]:
    """Returns a host of the same era that does not take tasks."""
    async with wired(store | {"LONGCALL_WAIT_S": "0.2"}, {}) as wire:
        yield wire


async def test_the_extension_is_advertised_and_the_experimental_tasks_are_not(front: Wire) -> None:
    capabilities = (await asked(front, "server/discover"))["capabilities"]
    assert capabilities["extensions"][TASKS] == {}
    assert "tasks" not in capabilities


async def test_a_quick_answer_is_a_result(front: Wire) -> None:
    result = await called(front, "llm_call", prompt="quick", model="demo/echo")
    assert result["resultType"] == "complete"
    assert result["structuredContent"]["text"] == "quick"
    assert "taskId" not in result


async def test_a_slow_answer_becomes_a_task_that_ends_with_it(front: Wire, store: dict[str, str]) -> None:
    created = await called(front, "llm_call", prompt="a slow answer", model="demo/slow-0.3", wait_s=0)
    assert created["resultType"] == "task"
    assert created["status"] == "working"
    assert created["ttlMs"] is None
    assert created["pollIntervalMs"] >= 1000
    assert "content" not in created
    (row,) = rows(Path(store["LONGCALL_HOME"]), "SELECT state FROM tasks WHERE id = ?", created["taskId"])
    assert row["state"] in ("queued", "running")

    working = await asked(front, "tasks/get", taskId=created["taskId"])
    assert working["resultType"] == "complete"
    assert working["statusMessage"]
    assert {"result", "error", "inputRequests"}.isdisjoint(working)

    task = await ended(front, created["taskId"])
    assert task["status"] == "completed"
    assert task["createdAt"] == created["createdAt"] <= task["lastUpdatedAt"]
    assert task["ttlMs"] >= 7 * 86_400_000
    assert task["result"]["structuredContent"]["status"] == "completed"
    assert task["result"]["structuredContent"]["text"].endswith("to this last one.")
    assert facts(task["result"]["content"][0]["text"])["task_id"] == created["taskId"]


async def test_without_a_wait_named_the_promotion_time_decides(store: dict[str, str]) -> None:
    async with wired(store | {"LONGCALL_PROMOTE_S": "0.2"}, TAKES_TASKS) as wire:
        created = await called(wire, "llm_call", prompt="never inline", model="demo/stall")
        assert created["resultType"] == "task"
        await asked(wire, "tasks/cancel", taskId=created["taskId"])


async def test_who_names_a_wait_is_made_to_wait_that_long(front: Wire) -> None:
    result = await called(front, "llm_call", prompt="waited for", model="demo/slow-0.3", wait_s=30)
    assert result["resultType"] == "complete"
    assert result["structuredContent"]["status"] == "completed"


async def test_a_begun_task_is_a_task_at_once_and_poll_task_knows_it_too(front: Wire, plain: Wire) -> None:
    created = await called(front, "start_task", prompt="two doors", model="demo/slow-0.3")
    assert created["resultType"] == "task"
    polled = await called(plain, "poll_task", task_id=created["taskId"], wait_s=30)
    assert polled["structuredContent"]["status"] == "completed"
    assert (await ended(front, created["taskId"]))["status"] == "completed"


async def test_a_task_begun_without_the_extension_can_be_followed_with_it(front: Wire, plain: Wire) -> None:
    begun = (await called(plain, "start_task", prompt="one door", model="demo/slow-0.3"))["structuredContent"]
    assert (await ended(front, begun["task_id"]))["result"]["structuredContent"]["task_id"] == begun["task_id"]


async def test_a_host_that_declares_nothing_never_sees_a_task(plain: Wire) -> None:
    result = await called(plain, "llm_call", prompt="no task", model="demo/slow-0.3")
    assert result["resultType"] == "complete"
    assert result["structuredContent"]["status"] == "working"
    assert "taskId" not in result
    task_id = result["structuredContent"]["task_id"]
    for method in ("tasks/get", "tasks/cancel"):
        error = await refused(plain, method, taskId=task_id)
        assert error["code"] == NOT_DECLARED
        assert error["data"]["requiredCapabilities"]["extensions"] == {TASKS: {}}
    assert (await refused(plain, "tasks/update", taskId=task_id, inputResponses={}))["code"] == NOT_DECLARED
    listening = await refused(plain, "subscriptions/listen", notifications={"taskIds": [task_id]})
    assert listening["code"] == NOT_DECLARED
    assert (await called(plain, "poll_task", task_id=task_id, wait_s=30))["structuredContent"]["status"] == "completed"


async def test_the_older_protocol_has_no_such_requests(store: dict[str, str]) -> None:
    async with wired(store) as legacy:
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            error = (await legacy.answer(await legacy.ask(method, {"taskId": "0" * 32, "inputResponses": {}})))["error"]
            assert error["code"] == NO_METHOD


async def test_a_failed_call_is_a_completed_task_with_an_error_in_its_result(front: Wire) -> None:
    created = await called(front, "llm_call", prompt="fails", model="demo/fail", wait_s=0)
    task = await ended(front, created["taskId"])
    assert task["status"] == "completed"
    assert task["result"]["isError"] is True
    assert task["result"]["structuredContent"]["error"]["code"] == "unavailable"
    assert task["statusMessage"] == task["result"]["structuredContent"]["error"]["message"]


async def test_a_cancelled_task_says_so_and_only_that(front: Wire, store: dict[str, str]) -> None:
    created = await called(front, "start_task", prompt="stalls", model="demo/stall")
    assert await asked(front, "tasks/cancel", taskId=created["taskId"]) | {"_meta": None} == {
        "resultType": "complete",
        "_meta": None,
    }
    task = await ended(front, created["taskId"])
    assert task["status"] == "cancelled"
    assert "result" not in task
    (row,) = rows(Path(store["LONGCALL_HOME"]), "SELECT state FROM tasks WHERE id = ?", created["taskId"])
    assert row["state"] == "cancelled"


async def test_a_cancel_that_comes_too_late_leaves_the_answer(front: Wire) -> None:
    done = (await called(front, "llm_call", prompt="too late", model="demo/echo"))["structuredContent"]
    await asked(front, "tasks/cancel", taskId=done["task_id"])
    assert (await asked(front, "tasks/get", taskId=done["task_id"]))["status"] == "completed"


@pytest.mark.parametrize("task_id", ["0" * 32, "", "🦆", "\x00"])
async def test_an_unknown_task_is_refused_by_every_request(front: Wire, task_id: str) -> None:
    for method in ("tasks/get", "tasks/cancel", "tasks/update"):
        error = await refused(front, method, taskId=task_id, inputResponses={})
        assert error["code"] == UNKNOWN
        assert "\n" not in error["message"]


async def test_answers_that_nobody_asked_for_are_ignored(front: Wire) -> None:
    created = await called(front, "start_task", prompt="unasked", model="demo/slow-0.3")
    responses = {"review-1": {"action": "accept", "content": {"decision": "stop"}}}
    await asked(front, "tasks/update", taskId=created["taskId"], inputResponses=responses)
    assert (await ended(front, created["taskId"]))["status"] == "completed"


async def test_a_group_is_one_task(front: Wire) -> None:
    created = await called(front, "start_task", prompts=["one of two", "two of two"], model="demo/echo")
    task = await ended(front, created["taskId"])
    assert [line["status"] for line in task["result"]["structuredContent"]["tasks"]] == ["completed", "completed"]
