"""Tasks in the shapes of the proxy: errors by their code, and streams whose tasks go ways that no real one goes."""

import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest
from tools.tasks.samples import DONE

from longcall.calling import new_call
from longcall.clock import Clock
from longcall.errors import Failure
from longcall.models import Task, TaskKind, TaskState
from longcall_server.proxy import streamed
from longcall_server.proxy.answers import completion_of, status_of
from longcall_server.proxy.asked import Asked
from longcall_server.proxy.problems import ProblemError, problem_with
from longcall_server.proxy.streamed import Streamed

CALL = new_call(model="demo/echo", prompt="x")
CHECKED = new_call(model="demo/echo", prompt="x", validate=["json"])


def task(state: TaskState = TaskState.RUNNING, text: str = "", **more: Any) -> Task:
    """Returns a task of this state; one that has ended did so now."""
    now = Clock().wall()
    known: dict[str, Any] = {"call": CALL, "completion": DONE if state is TaskState.COMPLETED else None, **more}
    return Task(
        "0" * 32, TaskKind.CALL, None, state, "here", "/project", "demo/echo", "x", now - 1000, now - 500,
        now if state.is_final else None, None, cancel_requested=False, chars=len(text), text=text, **known,
    )  # fmt: skip


def failed(code: str, **more: Any) -> Task:
    return task(TaskState.FAILED, failure=Failure(code, "It failed."), **more)


@pytest.mark.parametrize(("code", "status"), [
    ("rejected", 400), ("context_window", 400), ("budget", 400), ("no_key", 401), ("not_logged_in", 401),
    ("unknown_model", 404), ("validation_failed", 422), ("rate_limit", 429), ("usage_limit", 429), ("quota", 429),
    ("internal", 500), ("something_new", 500), ("incomplete_stream", 502), ("unreachable", 502), ("unavailable", 503),
    ("store", 503), ("timeout", 504),
])  # fmt: skip
def test_a_failure_has_its_status_and_is_never_repeated_by_the_client_itself(code: str, status: int):
    problem = problem_with(failed(code))
    assert problem is not None
    assert (problem.status, problem.headers) == (status, {"x-should-retry": "false"})
    assert problem.body["error"]["message"] == "It failed."


@pytest.mark.parametrize(("state", "status", "code"), [
    (TaskState.CANCELLED, 409, "cancelled"), (TaskState.NEEDS_REVIEW, 422, "needs_review"),
    (TaskState.INTERRUPTED, 502, "interrupted"), (TaskState.COMPLETED, None, None),
])  # fmt: skip
def test_every_other_end_has_one_too(state: TaskState, status: int | None, code: str | None):
    failure = Failure("interrupted", "The worker died.") if state is TaskState.INTERRUPTED else None
    problem = problem_with(task(state, "some text", failure=failure))
    assert (problem and problem.status, problem and problem.body["error"]["code"]) == (status, code)
    if state is TaskState.NEEDS_REVIEW:
        assert problem is not None
        assert problem.body["text"] == "some text"


def test_who_may_come_back_is_told_when_counted_from_now():
    ended = failed("rate_limit")
    limited = replace(ended, failure=Failure("rate_limit", "Wait.", retryable=True, retry_after_s=60))
    earlier = replace(limited, finished_at=Clock().wall() - 50_000)
    told = [problem.headers["Retry-After"] for one in (limited, earlier) if (problem := problem_with(one))]
    assert told == ["60", "10"]


def test_nobody_counted_is_not_zero():
    uncounted = task(TaskState.COMPLETED, "text", completion=replace(DONE, usage=None))
    assert completion_of(uncounted)["usage"] is None
    assert completion_of(task(TaskState.COMPLETED, "text"))["usage"]["total_tokens"] > 0


def test_a_polled_task_out_of_time_is_no_other_failure():
    assert [status_of(failed(code))["status"] for code in ("timeout", "rejected")] == ["timeout", "failed"]


async def heard(*seen: Task, asked: Asked | None = None, begin: bool = True) -> list[Any]:
    """Returns what is sent while a task is seen so: comments as texts, events as what they hold."""

    async def tasks() -> AsyncGenerator[Task]:
        for one in seen:
            yield one

    async def receive() -> Any:
        raise AssertionError("nobody listens outside a connection")

    stream = Streamed(tasks(), asked or Asked(None, {}, stream=True), {}, None)
    if begin:
        await stream.begin(receive)
    told = "".join([event async for event in stream.events()]).strip().split("\n\n")
    return [json.loads(line[6:]) if line.startswith("data: {") else line for line in told]


def content(events: list[Any]) -> list[str]:
    """Returns the pieces of the text."""
    parts: list[dict[str, Any]] = [event for event in events if not isinstance(event, str) and "choices" in event]
    return [text for part in parts if (text := part["choices"][0]["delta"].get("content"))]


async def test_a_stream_sends_what_is_new_and_ends_once():
    events = await heard(task(), task(text="On"), task(text="On"), task(TaskState.COMPLETED, "Once"))
    assert content(events) == ["On", "ce"]
    assert events[-1] == "data: [DONE]"
    assert [event["choices"][0]["finish_reason"] for event in events[:-1]] == [None, None, None, "stop"]


async def test_silence_is_filled_with_comments(monkeypatch: pytest.MonkeyPatch):
    seen = [task(), task(), task(TaskState.COMPLETED, "Once")]
    assert not any(event == ": still working" for event in await heard(*seen, begin=False))
    monkeypatch.setattr(streamed, "_ALIVE_S", 0)
    assert (await heard(*seen, begin=False)).count(": still working") == 2


async def test_an_answer_that_is_to_be_checked_is_sent_when_it_passed():
    half = task(text='{"wrong"', call=CHECKED)
    events = await heard(half, task(TaskState.COMPLETED, '{"a": 1}', call=CHECKED))
    assert content(events) == ['{"a": 1}']


async def test_an_answer_that_began_anew_is_not_passed_off_as_whole():
    events = await heard(task(text="Once upon"), task(text="A"), task(TaskState.COMPLETED, "A new answer."))
    assert events[-1]["error"]["code"] == "began_anew"
    assert "data: [DONE]" not in events


async def test_a_failure_after_the_first_text_is_an_event_with_its_status():
    events = await heard(task(text="Half"), failed("incomplete_stream", text="Half"))
    assert (content(events), events[-1]["status"]) == (["Half"], 502)
    assert events[-1]["error"]["code"] == "incomplete_stream"


async def test_a_failure_before_any_text_is_the_status_of_the_answer():
    with pytest.raises(ProblemError) as caught:
        await heard(task(), failed("no_key"))
    assert caught.value.status == 401
    # Another longcall is told of its task at once, and of the failure in the stream.
    events = await heard(task(), failed("no_key"), asked=Asked(None, {}, stream=True, hold_s=0))
    assert events[-1]["status"] == 401


async def test_the_end_of_the_wait_is_told_in_the_stream_too():
    with pytest.raises(ProblemError) as caught:
        await heard(task(), task(), asked=Asked(None, {}, stream=True, wait_s=0))
    assert (caught.value.status, caught.value.body["task_id"]) == (408, "0" * 32)
