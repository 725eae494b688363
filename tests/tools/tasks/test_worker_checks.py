"""A worker whose answers are checked: asked again until one passes, the budget is spent, or somebody has to decide."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import anyio
import pytest
from tools.tasks.bench import Answers, Bench, bench
from tools.tasks.checking_bench import (
    ANSWERED,
    BY_CRITERIA,
    COSTS,
    FREELY,
    JUDGED,
    Models,
    checked_task,
    down,
    judged_text,
    roles,
)

from longcall.account import cost_of
from longcall.call import Call
from longcall.errors import CallError
from longcall.models import Decision, Role, Task, TaskState
from longcall.providers import Event, Provider, Sending
from longcall.tasks.store import NewTask

__all__ = ["bench"]


async def ended(bench: Bench, models: Models, task: NewTask, **options: Any) -> Task:
    """Returns a task once a worker has ended it."""
    async with bench.working(models.provider, **options):
        [added] = await bench.add(task)
        return await bench.end(added)


def code(task: Task) -> str | None:
    return task.failure.code if task.failure else None


@pytest.mark.parametrize("judge", [BY_CRITERIA, FREELY], ids=["by criteria", "freely"])
async def test_a_wrong_answer_is_followed_by_a_right_one(bench: Bench, judge: Any):
    models = Models(["wrong", "right"])
    found = await ended(bench, models, checked_task(judge))
    assert (found.state, found.text, roles(found)) == (
        TaskState.COMPLETED, "right", [ANSWERED, JUDGED, ANSWERED, JUDGED],
    )  # fmt: skip
    assert found.validation is not None
    assert (found.validation.valid, found.validation.best, found.validation.last) == (True, 3, 3)
    first, _, third, _ = found.attempts
    assert first.checked is not None
    assert third.checked is not None
    assert ([issue.message for issue in first.checked.issues], third.checked.valid) == (["look"], True)
    assert await bench.store.attempt_text(found.id, 1) == "wrong"
    turns = models.sent[2].messages
    assert [turn.text for turn in turns[:2]] == ["why?", "wrong"]
    assert "1. [judge" in turns[2].text


async def test_what_is_never_right_fails_and_keeps_the_best(bench: Bench):
    models = Models(["wrong", "bad", "worse"])
    found = await ended(bench, models, checked_task(retry={"stop_without_progress": False}))
    assert (found.state, code(found), found.text) == (TaskState.FAILED, "validation_failed", "worse")
    assert found.validation is not None
    assert (found.validation.valid, found.validation.returned) == (False, "best")
    assert models.models == ["m", "j"] * 3


async def test_the_right_answer_is_asked_for_once(bench: Bench):
    models = Models(["right"])
    found = await ended(bench, models, checked_task())
    assert (found.state, models.models) == (TaskState.COMPLETED, ["m", "j"])


@pytest.mark.parametrize("on_exhausted", ["return_best", "return_last"])
async def test_a_caller_may_have_the_answer_all_the_same(bench: Bench, on_exhausted: str):
    found = await ended(bench, Models(["wrong"]), checked_task(retry={"max_attempts": 1, "on_exhausted": on_exhausted}))
    assert (found.state, found.text) == (TaskState.COMPLETED, "wrong")
    assert found.validation is not None
    assert found.validation.valid is False
    assert found.completion is not None
    assert "failed its checks" in found.completion.warnings[0]


async def test_other_models_are_asked_in_the_end(bench: Bench):
    models = Models(["wrong", "bad", "right"])
    found = await ended(bench, models, checked_task(retry={"escalate": ["b", "c"]}))
    assert (found.state, models.models) == (TaskState.COMPLETED, ["m", "j", "b", "j", "c", "j"])
    assert [attempt.model for attempt in found.attempts] == ["m", "j", "b", "j", "c", "j"]


@pytest.mark.parametrize("tokens", [1, 20, 21, 40, 41, 59, 60, 99])
async def test_a_budget_of_tokens_is_passed_by_less_than_one_request(bench: Bench, tokens: int):
    models = Models(["wrong", "bad", "worse", "awful"])
    retry = {"max_attempts": 9, "stop_without_progress": False, "budget": {"tokens": tokens}}
    found = await ended(bench, models, checked_task(retry=retry))
    spent = 20 * len(models.sent)
    assert spent - 20 < tokens <= spent
    assert (found.state, found.text) == (TaskState.FAILED, found.text)
    assert found.text in models.says


@pytest.mark.parametrize(("usd", "requests"), [(0.01, 1), (0.5, 1), (0.51, 2), (1.0, 2), (1.7, 4)])
async def test_a_budget_of_money_is_passed_by_less_than_one_request(bench: Bench, usd: float, requests: int):
    models = Models(["wrong", "bad", "worse", "awful"])
    retry = {"max_attempts": 9, "stop_without_progress": False, "budget": {"usd": usd}}
    found = await ended(bench, models, checked_task(retry=retry))
    assert (found.state, len(models.sent)) == (TaskState.FAILED, requests)


async def test_without_a_budget_more_is_spent(bench: Bench):
    models = Models(["wrong", "bad", "worse", "awful"])
    await ended(bench, models, checked_task(retry={"max_attempts": 4, "stop_without_progress": False}))
    assert len(models.sent) == 8


async def test_several_judges_hold_to_the_budget_too(bench: Bench):
    judge = BY_CRITERIA.model_copy(update={"models": ("j1", "j2", "j3")})
    models = Models(["right"])
    found = await ended(bench, models, checked_task(judge, retry={"budget": {"tokens": 41}}))
    assert (code(found), found.text, models.models) == ("not_checked", "right", ["m", "j1", "j2"])
    again = Models(["right"])
    assert (
        await ended(bench, again, checked_task(judge, retry={"budget": {"tokens": 61}}))
    ).state is TaskState.COMPLETED


async def test_a_request_of_unknown_price_is_the_last_one_under_a_budget_of_money(bench: Bench):
    models = Models(["right"], completion=replace(COSTS, cost_usd=None))
    found = await ended(bench, models, checked_task(retry={"budget": {"usd": 100}}))
    assert (code(found), found.text, models.models) == ("not_checked", "right", ["m"])
    unpriced = Models(["right"], completion=replace(COSTS, cost_usd=None))
    found = await ended(bench, unpriced, checked_task(retry={"budget": {"tokens": 100}}))
    assert (found.state, unpriced.models) == (TaskState.COMPLETED, ["m", "j"])


async def test_no_request_leaves_once_the_seconds_are_gone(bench: Bench):
    models = Models(["right"])
    found = await ended(bench, models, checked_task(retry={"budget": {"seconds": 1e-9}}))
    assert (code(found), found.attempts, models.sent) == ("budget", (), [])
    found = await ended(bench, models, checked_task(retry={"budget": {"seconds": 3600}}))
    assert (found.state, models.models) == (TaskState.COMPLETED, ["m", "j"])


async def test_a_judge_that_is_down_is_no_fault_of_the_answer(bench: Bench):
    models = Models(["right"], judge=down)
    found = await ended(bench, models, checked_task())
    assert (found.state, code(found), found.text) == (TaskState.FAILED, "not_checked", "right")
    assert models.models == ["m", "j"]
    assert found.failure is not None
    assert found.failure.retryable
    assert "The judge is down." in found.failure.message


async def test_a_judge_that_nobody_serves_is_no_fault_of_the_answer_either(bench: Bench):
    models = Models(["right"])

    def find(model: str) -> Provider:
        if model == "j":
            raise CallError("Nobody serves j.")
        return models.provider

    found = await ended(bench, models, checked_task(), find=find)
    assert (code(found), found.text, models.models) == ("not_checked", "right", ["m"])
    assert found.failure is not None
    assert "Nobody serves j." in found.failure.message


async def test_a_judge_that_talks_nonsense_is_asked_once_more_and_paid(bench: Bench):
    models = Models(["right"], judge=lambda _call: "nonsense")
    found = await ended(bench, models, checked_task())
    assert (code(found), roles(found)) == ("not_checked", [ANSWERED, JUDGED, JUDGED])


async def test_the_words_of_a_judge_are_not_shown_as_the_text(bench: Bench):
    waiting, gate = anyio.Event(), anyio.Event()

    async def during(call: Call, _number: int) -> None:
        if call.model == "j":
            waiting.set()
            await gate.wait()

    models = Models(["right"], during=during)
    async with bench.working(models.provider):
        [task] = await bench.add(checked_task())
        await waiting.wait()
        assert (await bench.until(task, lambda found: bool(found.text))).text == "right"
        gate.set()
        assert (await bench.end(task)).text == "right"


async def test_a_cancel_during_a_judge_closes_its_request(bench: Bench):
    waiting, closed = anyio.Event(), anyio.Event()

    async def during(call: Call, _number: int) -> None:
        if call.model == "j":
            try:
                waiting.set()
                await anyio.sleep_forever()
            finally:
                closed.set()

    models = Models(["right"], during=during)
    async with bench.working(models.provider):
        [task] = await bench.add(checked_task())
        await waiting.wait()
        await bench.cancel(task)
        found = await bench.end(task)
        assert closed.is_set()
    assert (found.state, found.text) == (TaskState.CANCELLED, "right")
    assert roles(found) == [ANSWERED, (Role.JUDGE, "cancelled")]


async def test_a_guided_task_begins_a_new_series(bench: Bench):
    models = Models(["wrong", "bad", "right"])
    retry = {"max_attempts": 5, "max_attempts_before_human": 2}
    async with bench.working(models.provider):
        [task] = await bench.add(checked_task(retry=retry))
        found = await bench.end(task)
        assert (found.state, found.text, len(found.attempts)) == (TaskState.NEEDS_REVIEW, "bad", 4)
        assert await bench.store.review(task, Decision.GUIDE, "be right")
        bench.bell.ring_self()
        found = await bench.end(task)
    assert (found.state, found.text) == (TaskState.COMPLETED, "right")
    assert [attempt.series for attempt in found.attempts] == [0, 0, 0, 0, 1, 1]
    assert [turn.text for turn in models.sent[4].messages] == ["why?", "bad", "be right"]
    assert "why?\n\nbe right" in models.sent[5].messages[1].text


async def test_the_budget_of_a_guided_task_begins_anew(bench: Bench):
    models = Models(["wrong", "right"])
    retry = {"max_attempts_before_human": 1, "budget": {"tokens": 40}}
    async with bench.working(models.provider):
        [task] = await bench.add(checked_task(retry=retry))
        assert (await bench.end(task)).state is TaskState.NEEDS_REVIEW
        assert await bench.store.review(task, Decision.GUIDE, "be right")
        bench.bell.ring_self()
        assert (await bench.end(task)).state is TaskState.COMPLETED


@pytest.mark.parametrize(("given", "state"), [("right", TaskState.COMPLETED), ("wrong", TaskState.FAILED)])
async def test_a_given_text_is_judged_and_no_model_asked_for_it(bench: Bench, given: str, state: TaskState):
    models = Models(["asked"])
    found = await ended(bench, models, checked_task(model="meta-task/check", given=given))
    assert (found.state, found.text, roles(found)) == (state, given, [JUDGED])
    assert (models.models, judged_text(models.sent[0])) == (["j"], given)


def breaking_once(says: str) -> tuple[Answers, list[str]]:
    """Returns a provider whose first answer breaks off, and whom it was sent requests for."""
    sent: list[str] = []
    models = Models([says])

    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        if sent:
            async for event in models.answer(call, sending):
                sent.extend([call.model] if isinstance(event, str) else [])
                yield event
        else:
            await sending()
            sent.append(call.model)
            yield "half"

    return Answers(answer), sent


async def test_what_broke_off_is_sent_again_for_a_caller_who_wants_it(bench: Bench):
    provider, sent = breaking_once("right")
    async with bench.working(provider):
        [task] = await bench.add(checked_task(retry={"resend_broken": True}))
        found = await bench.end(task)
    assert (found.state, found.text, sent) == (TaskState.COMPLETED, "right", ["m", "m", "j"])
    assert roles(found) == [(Role.ANSWER, "lost"), ANSWERED, JUDGED]
    assert cost_of(found) is None


@pytest.mark.parametrize("retry", [{}, {"resend_broken": True, "budget": {"usd": 100}}], ids=str)
async def test_what_broke_off_is_not_sent_again_otherwise(bench: Bench, retry: dict[str, Any]):
    provider, sent = breaking_once("right")
    async with bench.working(provider):
        [task] = await bench.add(checked_task(retry=retry))
        found = await bench.end(task)
    assert (code(found), found.text, sent) == ("incomplete_stream", "half", ["m"])
    assert roles(found) == [(Role.ANSWER, "failed")]


async def test_a_next_answer_that_broke_off_leaves_the_one_before(bench: Bench):
    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        if len(models.sent) < 2:
            async for event in models.answer(call, sending):
                yield event
        else:
            await sending()
            yield "ri"

    models = Models(["wrong"])
    async with bench.working(Answers(answer)):
        [task] = await bench.add(checked_task())
        found = await bench.end(task)
    assert (code(found), found.text) == ("incomplete_stream", "wrong")
    assert roles(found) == [ANSWERED, JUDGED, (Role.ANSWER, "lost")]
    assert cost_of(found) is None
    assert found.validation is not None
    assert found.validation.returned == "best"
