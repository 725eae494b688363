"""Models that stand in for one that turned a request away."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from tools.tasks.bench import Answers, Bench, bench, briefly
from tools.tasks.samples import HERE, added, new_task

from longcall.backoff import Backoff
from longcall.call import Call
from longcall.calling import new_call
from longcall.errors import ProviderError
from longcall.limits import Limits
from longcall.models import AttemptState, Completion, Role, TaskState
from longcall.providers import Event, Handle, Provider, Sending
from longcall.retry import Retry
from longcall.settings import LimitSettings
from longcall.validators import parse_validators

__all__ = ["bench"]

BUSY = ProviderError("rate_limit", "first is rate limited", retryable=True, refused=True)
BROKEN = ProviderError("incomplete_stream", "first broke off", retryable=True)


def failing(error: ProviderError, text: str = "", *, sent: bool = True) -> Answers:
    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        if sent:
            await sending()
        if text:
            yield text
        raise error

    return Answers(answer)


def named(answers: dict[str, Provider]) -> Callable[[str], Provider]:
    return lambda model: answers[model]


async def ended(bench: Bench, answers: dict[str, Provider], **call: Any):
    options: dict[str, Any] = {"model": "first", "fallbacks": ("second", "third"), **call}
    async with bench.working(Answers(briefly), find=named(answers), backoff=Backoff(attempts=2, first_s=0)):
        [task] = await bench.add(new_task("why?", **options))
        return await bench.end(task)


async def test_a_fallback_answers_and_the_result_says_so(bench: Bench):
    found = await ended(bench, {"first": failing(BUSY), "second": Answers(briefly)})
    assert (found.state, found.text) == (TaskState.COMPLETED, "so: why?")
    assert [(attempt.model, attempt.state) for attempt in found.attempts] == [
        ("first", AttemptState.FAILED),
        ("first", AttemptState.FAILED),
        ("second", AttemptState.ANSWERED),
    ]
    assert found.completion is not None
    assert found.completion.warnings == (
        "second answered instead of first, whose fallback it is: first is rate limited",
    )


async def test_the_next_fallback_is_asked_when_one_fails_too(bench: Bench):
    gone = ProviderError("unknown_model", "second is no more", refused=True)
    found = await ended(bench, {"first": failing(BUSY), "second": failing(gone), "third": Answers(briefly)})
    assert found.state is TaskState.COMPLETED
    assert [attempt.model for attempt in found.attempts] == ["first", "first", "second", "third"]
    assert found.completion is not None
    assert len(found.completion.warnings) == 2


async def test_the_last_failure_stands_when_all_fail(bench: Bench):
    other = ProviderError("quota", "third has no credit", refused=True)
    found = await ended(bench, {"first": failing(BUSY), "second": failing(BUSY), "third": failing(other)})
    assert found.failure is not None
    assert (found.state, found.failure.message) == (TaskState.FAILED, "third has no credit")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (failing(BROKEN, "half"), "incomplete_stream"),
        (failing(ProviderError("timeout", "late", retryable=True)), "timeout"),
        (failing(ProviderError("rejected", "no such option", refused=True)), "rejected"),
    ],
)
async def test_what_was_streamed_may_be_billed_or_is_the_callers_fault_is_not_asked_of_another(
    bench: Bench, answer: Answers, code: str
):
    found = await ended(bench, {"first": answer, "second": Answers(briefly)})
    assert found.failure is not None
    assert (found.state, found.failure.code) == (TaskState.FAILED, code)
    assert {attempt.model for attempt in found.attempts} == {"first"}


async def test_a_broken_answer_goes_to_a_fallback_where_the_caller_pays_for_two(bench: Bench):
    answers: dict[str, Provider] = {"first": failing(BROKEN, "half"), "second": Answers(briefly)}
    found = await ended(bench, answers, retry=Retry(resend_broken=True))
    assert (found.state, found.text) == (TaskState.COMPLETED, "so: why?")
    assert [attempt.state for attempt in found.attempts] == [*[AttemptState.LOST] * 2, AttemptState.ANSWERED]


async def test_without_fallbacks_nobody_else_is_asked(bench: Bench):
    found = await ended(bench, {"first": failing(BUSY), "second": Answers(briefly)}, fallbacks=())
    assert found.failure is not None
    assert found.failure.code == "rate_limit"


async def test_the_rounds_of_a_checked_call_stay_with_the_fallback(bench: Bench):
    said = iter(["no", "yes"])

    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        yield next(said)
        yield Completion("really", "stop", cost_usd=0.0)

    checks = parse_validators([{"type": "contains", "all": ["yes"]}])
    found = await ended(bench, {"first": failing(BUSY), "second": Answers(answer)}, validators=checks)
    assert (found.state, found.text) == (TaskState.COMPLETED, "yes")
    assert [attempt.model for attempt in found.attempts] == ["first", "first", "second", "second"]


async def test_a_judge_without_a_model_of_its_own_is_the_model_that_answered(bench: Bench):
    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        asked = call.messages[-1].text
        verdict = '{"verdict": "pass", "reason": "fine", "quotes": []}'
        yield verdict if "verdict" in asked or len(call.messages) > 1 else "good"
        yield Completion("really", "stop", cost_usd=0.0)

    checks = parse_validators([{"type": "judge", "prompt": "Is {TEXT_TO_VALIDATE} good? Say your verdict."}])
    found = await ended(bench, {"first": failing(BUSY), "second": Answers(answer)}, validators=checks)
    assert {(attempt.model, attempt.role) for attempt in found.attempts[2:]} == {
        ("second", Role.ANSWER),
        ("second", Role.JUDGE),
    }


async def test_what_a_fallback_was_asked_before_a_crash_is_fetched_from_it(bench: Bench):
    async def fetched(call: Call, handle: Handle) -> AsyncGenerator[Event]:
        yield f"{call.model} kept {handle.name}"
        yield Completion("really", "stop", cost_usd=0.0)

    new = new_task("why?", model="first", fallbacks=("second",))
    [task] = await added(bench.store, new)
    await bench.store.claim(HERE, "dead", 1)
    await bench.store.mark_sent(task, "dead", "second")
    await bench.store.note_handle(task, "dead", "answer-1")
    answers: dict[str, Provider] = {"first": failing(BUSY), "second": Answers(briefly, fetched)}
    limits = Limits({"second": LimitSettings(requests_per_minute=1)})
    async with limits.place(new_call(model="second", prompt="another")):
        pass  # nothing more goes in this minute, but what is paid for is fetched all the same
    async with bench.working(Answers(briefly), find=named(answers), limits=limits):
        found = await bench.end(task)
    assert (found.state, found.text) == (TaskState.COMPLETED, "second kept answer-1")
    assert found.completion is not None
    assert "second answered instead of first" in found.completion.warnings[0]
