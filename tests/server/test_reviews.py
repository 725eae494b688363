"""A task that needs review is a question to the user of a host that has forms, and a result for any other."""

import secrets
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from support.mcp_tasks import TAKES_FORMS, TAKES_TASKS, asked, called, refused
from support.wire import Wire, wired

from longcall.call import Call
from longcall.message import Message
from longcall.models import AttemptState, Completion, TaskState
from longcall.tasks.sqlite import open_sqlite_store
from longcall.tasks.store import Ending, NewTask, TaskStore

ENVIRONMENT = "e" * 16
"""Of no front here, so that nobody but these tests works on its tasks."""
WORKER = "the-test"
BEST = Completion("demo/echo", "stop", cost_usd=0.5, warnings=("json: the answer is no JSON",))
INVALID = -32602


@pytest.fixture(scope="module")
async def host(store: dict[str, str]) -> AsyncGenerator[Wire]:
    """Returns a host that takes tasks and has forms."""
    async with wired(store, TAKES_FORMS) as wire:
        await called(wire, "poll_task")  # makes the store
        yield wire


@pytest.fixture
async def work(store: dict[str, str], host: Wire) -> AsyncGenerator[TaskStore]:
    """Returns the store, to work on tasks in place of a worker."""
    async with open_sqlite_store(Path(store["LONGCALL_HOME"]) / "tasks.sqlite3") as opened:
        yield opened


async def answer(work: TaskStore, state: TaskState, text: str) -> str:
    """Takes the next task and ends it so; returns its id."""
    (claim,) = await work.claim(ENVIRONMENT, WORKER, 1)
    await work.mark_sent(claim.id, WORKER, claim.call.model)
    assert await work.finish(claim.id, WORKER, Ending(state, AttemptState.ANSWERED, text, BEST))
    return claim.id


async def reviewable(work: TaskStore, text: str = "no JSON at all") -> str:
    """Returns a task that needs review."""
    call = Call(model="demo/echo", messages=(Message(role="user", content="JSON, please"),))
    task = NewTask(secrets.token_hex(16), ENVIRONMENT, "/project", "demo/echo", "JSON", call, secrets.token_hex(12))
    await work.add([task])
    assert await answer(work, TaskState.NEEDS_REVIEW, text) == task.id
    return task.id


def filled_in(key: str, **content: Any) -> dict[str, Any]:
    """Returns the form as a user sends it off."""
    return {key: {"action": "accept", "content": content}}


async def question(host: Wire, task_id: str) -> tuple[str, dict[str, Any]]:
    """Returns the question that a task has, and its key."""
    task = await asked(host, "tasks/get", taskId=task_id)
    assert task["status"] == "input_required", task
    ((key, request),) = task["inputRequests"].items()
    return key, request


async def test_a_user_is_shown_the_answer_and_why_it_failed(host: Wire, work: TaskStore) -> None:
    _, request = await question(host, await reviewable(work, "no JSON " * 1000))
    assert request["method"] == "elicitation/create"
    assert request["params"]["requestedSchema"]["properties"]["decision"]["enum"] == ["accept", "guide", "stop"]
    message = request["params"]["message"]
    assert "json: the answer is no JSON" in message
    assert "no JSON no JSON" in message
    assert "8000 characters in all" in message
    assert len(message) < 2000


async def test_an_accepted_answer_is_the_result(host: Wire, work: TaskStore) -> None:
    task_id = await reviewable(work)
    key, _ = await question(host, task_id)
    await asked(host, "tasks/update", taskId=task_id, inputResponses=filled_in(key, decision="accept"))
    task = await asked(host, "tasks/get", taskId=task_id)
    assert task["status"] == "completed"
    result = task["result"]["structuredContent"]
    assert (result["status"], result["text"]) == ("completed", "no JSON at all")
    assert any("review" in warning for warning in result["warnings"])


async def test_guidance_has_the_model_asked_again_and_the_next_question_is_another(host: Wire, work: TaskStore) -> None:
    task_id = await reviewable(work)
    first, _ = await question(host, task_id)
    sent = filled_in(first, decision="guide", guidance="Use double quotes.")
    await asked(host, "tasks/update", taskId=task_id, inputResponses=sent)
    assert (await asked(host, "tasks/get", taskId=task_id))["status"] == "working"

    assert await answer(work, TaskState.NEEDS_REVIEW, "still none") == task_id
    second, _ = await question(host, task_id)
    assert second != first
    await asked(host, "tasks/update", taskId=task_id, inputResponses=filled_in(first, decision="stop"))
    assert (await question(host, task_id))[0] == second

    sent = filled_in(second, decision="guide", guidance="One more time.")
    await asked(host, "tasks/update", taskId=task_id, inputResponses=sent)
    (claim,) = await work.claim(ENVIRONMENT, WORKER, 1)
    assert [turn.content for turn in claim.call.messages] == [
        "JSON, please", "no JSON at all", "Use double quotes.", "still none", "One more time.",
    ]  # fmt: skip
    await work.mark_sent(task_id, WORKER, "demo/echo")
    await work.finish(task_id, WORKER, Ending(TaskState.COMPLETED, AttemptState.ANSWERED, '{"a": 1}', BEST))
    task = await asked(host, "tasks/get", taskId=task_id)
    assert task["result"]["structuredContent"]["text"] == '{"a": 1}'


@pytest.mark.parametrize("response", [{"action": "accept", "content": {"decision": "stop"}}, {"action": "decline"}])
async def test_a_user_who_stops_or_declines_ends_the_task(
    host: Wire, work: TaskStore, response: dict[str, Any]
) -> None:
    task_id = await reviewable(work)
    key, _ = await question(host, task_id)
    await asked(host, "tasks/update", taskId=task_id, inputResponses={key: response})
    assert (await asked(host, "tasks/get", taskId=task_id))["status"] == "cancelled"
    assert (await called(host, "poll_task", task_id=task_id))["structuredContent"]["text"] == "no JSON at all"


async def test_a_cancel_ends_it_too(host: Wire, work: TaskStore) -> None:
    task_id = await reviewable(work)
    await asked(host, "tasks/cancel", taskId=task_id)
    assert (await asked(host, "tasks/get", taskId=task_id))["status"] == "cancelled"


async def test_a_closed_form_leaves_the_question(host: Wire, work: TaskStore) -> None:
    task_id = await reviewable(work)
    key, _ = await question(host, task_id)
    for response in ({"action": "cancel"}, "nonsense", None):
        await asked(host, "tasks/update", taskId=task_id, inputResponses={key: response})
        assert (await question(host, task_id))[0] == key


@pytest.mark.parametrize("content", [{}, {"decision": "maybe"}, {"decision": "guide"}, {"decision": 1}, None])
async def test_a_form_that_says_nothing_usable_is_refused_and_the_question_stays(
    host: Wire, work: TaskStore, content: dict[str, Any] | None
) -> None:
    task_id = await reviewable(work)
    key, _ = await question(host, task_id)
    sent = {key: {"action": "accept", "content": content}}
    error = await refused(host, "tasks/update", taskId=task_id, inputResponses=sent)
    assert "\n" not in error["message"]
    assert (await question(host, task_id))[0] == key


async def test_a_host_without_forms_is_given_the_answer_with_what_to_do(store: dict[str, str], work: TaskStore) -> None:
    task_id = await reviewable(work)
    async with wired(store, TAKES_TASKS) as wire:
        task = await asked(wire, "tasks/get", taskId=task_id)
        assert task["status"] == "completed"
        result = task["result"]["structuredContent"]
        assert (result["status"], result["text"]) == ("needs_review", "no JSON at all")
        assert result["next"]
