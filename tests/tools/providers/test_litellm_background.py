"""Answers that the provider keeps: how they are asked for, fetched, lost and cancelled, on the wire of Responses."""

import re
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing
from typing import Any

import anyio
import pytest
from support.mocks import Mock, free_port
from support.processes import PATIENCE_S, until
from support.responses import CANCEL, LOOK, SEND, ResponsesEndpoint, responses_endpoint_process
from support.responses_endpoint import TEXT

from longcall.call import Call
from longcall.calling import new_call
from longcall.errors import ProviderError
from longcall.models import Completion, Usage
from longcall.providers import Event, Handle, litellm_background
from longcall.providers.litellm import LiteLLMProvider

PointAt = Callable[..., None]
ANTHROPIC = "anthropic/claude-haiku-4-5"


@pytest.fixture(scope="module")
def _endpoint() -> Generator[ResponsesEndpoint]:
    with responses_endpoint_process() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(_endpoint: ResponsesEndpoint, point_at: PointAt) -> ResponsesEndpoint:
    """Returns the provider that keeps answers; `openai` is pointed at it."""
    point_at(openai=f"{_endpoint.mock.url}/v1")
    return _endpoint


def asking(model: str, prompt: str, **options: Any) -> Call:
    return new_call(model=model, prompt=prompt, background=True, **options)


async def nothing() -> None:
    pass


async def heard(stream: AsyncGenerator[Event]) -> list[Event]:
    with anyio.fail_after(PATIENCE_S):
        async with aclosing(stream) as events:
            return [event async for event in events]


async def failure(stream: AsyncGenerator[Event]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await heard(stream)
    return caught.value


def completion(events: Sequence[Event]) -> Completion:
    assert isinstance(events[-1], Completion)
    return events[-1]


async def handle_of(provider: LiteLLMProvider, call: Call) -> Handle:
    """Sends a call and leaves it to the provider, as a worker does that dies then."""
    stream = provider.stream(call, nothing)
    handle = await anext(stream)
    assert isinstance(handle, Handle)
    _left_open.append(stream)
    return handle


_left_open: list[AsyncGenerator[Event]] = []


@pytest.fixture(autouse=True)
async def _close_what_was_left_open() -> AsyncGenerator[None]:
    yield
    while _left_open:
        await _left_open.pop().aclose()


async def test_the_handle_comes_first_and_then_the_whole_answer(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    handle, text, ended = await heard(provider.stream(asking("openai/soon", "first"), nothing))
    assert isinstance(handle, Handle)
    assert text == TEXT
    assert isinstance(ended, Completion)
    assert (ended.model, ended.finish_reason) == ("soon-2026", "stop")
    assert endpoint.requests("first") == [SEND, LOOK, LOOK]
    [sent, *_] = endpoint.asked("first")
    assert (sent["body"]["background"], sent["body"]["store"]) == (True, True)
    assert sent["body"].get("stream") is None
    assert sent["authorization"] == "Bearer sk-mock-openai-0123456789"


async def test_a_call_that_is_not_for_the_background_keeps_nothing(provider: LiteLLMProvider, wires: Mock) -> None:
    events = await heard(provider.stream(new_call(model="openai/gpt-4o", prompt="plain"), nothing))
    assert not [event for event in events if isinstance(event, Handle)]
    assert wires.journal()[-1]["path"] == "/v1/chat/completions"


async def test_a_handle_leads_to_the_answer_without_another_request(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    handle = await handle_of(provider, asking("openai/kept", "fetched"))
    endpoint.release("fetched")
    text, ended = await heard(provider.resume(asking("openai/kept", "fetched"), Handle(handle.name)))
    assert text == TEXT
    assert completion([ended]).finish_reason == "stop"
    assert endpoint.requests("fetched").count(SEND) == 1


async def test_an_answer_that_is_there_at_once_is_not_looked_for(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    events = await heard(provider.stream(asking("openai/at-once", "now"), nothing))
    assert events[1] == TEXT
    assert endpoint.requests("now") == [SEND]


async def test_nothing_is_sent_before_the_attempt_is_written_down(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    seen: list[list[str]] = []

    async def sending() -> None:
        await anyio.wait_all_tasks_blocked()
        seen.append(endpoint.requests("written"))

    await heard(provider.stream(asking("openai/soon", "written"), sending))
    assert seen == [[]]
    assert endpoint.requests("written")[0] == SEND


async def test_nothing_is_sent_when_the_attempt_cannot_be_written_down(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    async def sending() -> None:
        raise RuntimeError("no room on the disk")

    with pytest.raises(RuntimeError, match="no room"):
        await heard(provider.stream(asking("openai/soon", "unwritten"), sending))
    await heard(provider.stream(asking("openai/at-once", "after"), nothing))
    assert endpoint.requests("unwritten") == []
    assert endpoint.requests("after") == [SEND]


@pytest.mark.parametrize("model", ["anthropic/claude-haiku-4-5", "openai/chat_completions/gpt-4o"])
async def test_a_model_whose_answers_nobody_keeps_is_turned_away_before_anything_is_sent(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint, model: str
) -> None:
    sent: list[str] = []

    async def sending() -> None:
        sent.append("it")

    error = await failure(provider.stream(asking(model, "nobody"), sending))
    assert error.failure.code == "rejected"
    assert "Leave `background` out." in error.failure.message
    assert sent == endpoint.requests("nobody") == []


async def test_turns_and_parts_are_sent_in_the_words_of_responses(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    picture = "https://example.org/a.png"
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "Use few words."}]},
        {"role": "user", "content": [
            {"type": "text", "text": "Look."},
            {"type": "image_url", "image_url": {"url": picture, "detail": "low"}},
            {"type": "image_url", "image_url": picture},
            {"type": "file", "file": {"file_id": "file-1"}},
        ]},
        {"role": "assistant", "content": [{"type": "text", "text": "I see."}]},
        {"role": "user", "content": "turns"},
    ]  # fmt: skip
    call = new_call(model="openai/at-once", messages=turns, background=True)
    await heard(provider.stream(call, nothing))
    [sent] = endpoint.asked("turns")
    assert sent["body"]["input"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "input_text", "text": "Use few words."}]},
        {"role": "user", "content": [
            {"type": "input_text", "text": "Look."},
            {"type": "input_image", "image_url": picture, "detail": "low"},
            {"type": "input_image", "image_url": picture, "detail": "auto"},
            {"type": "input_file", "file_id": "file-1"},
        ]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "I see."}]},
        {"role": "user", "content": "turns"},
    ]  # fmt: skip


async def test_options_are_sent_under_the_names_of_responses(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    call = asking("openai/gpt-4o", "options", temperature=0.25, max_tokens=50, reasoning_effort="low")
    ended = completion(await heard(provider.stream(call, nothing)))
    body = endpoint.asked("options")[0]["body"]
    assert (body["temperature"], body["max_output_tokens"]) == (0.25, 50)
    assert not {"reasoning", "reasoning_effort", "max_tokens"} & body.keys()
    assert ended.warnings == ("openai/gpt-4o does not take `reasoning_effort` low; it was not sent.",)


async def test_what_the_model_takes_is_sent_without_a_warning(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    call = asking("openai/gpt-5", "effort", reasoning_effort="low", temperature=0.25)
    stream = provider.stream(call, nothing)
    await anext(stream)
    await stream.aclose()
    body = endpoint.asked("effort")[0]["body"]
    assert body["reasoning"] == {"effort": "low"}
    assert "temperature" not in body


async def test_a_limit_below_the_least_is_raised_with_a_warning(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    ended = completion(await heard(provider.stream(asking("openai/counted", "five", max_tokens=5), nothing)))
    assert endpoint.asked("five")[0]["body"]["max_output_tokens"] == 16
    assert ended.warnings == ("`max_tokens` 5 was raised to 16, the least in the background.",)


async def test_counted_tokens_are_told_and_priced_by_kind(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    ended = completion(await heard(provider.stream(asking("openai/gpt-4o", "priced"), nothing)))
    assert ended.usage == Usage(1000, 50, cached_input_tokens=400, reasoning_tokens=30)
    assert ended.cost_usd == pytest.approx((600 * 2.5 + 400 * 1.25 + 50 * 10) / 1_000_000)
    assert ended.warnings == ()


async def test_a_price_that_nobody_knows_and_tokens_that_nobody_counted_are_unknown(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    counted = completion(await heard(provider.stream(asking("openai/counted", "unpriced"), nothing)))
    assert (counted.usage is None, counted.cost_usd) == (False, None)
    uncounted = completion(await heard(provider.stream(asking("openai/at-once", "uncounted"), nothing)))
    assert (uncounted.usage, uncounted.cost_usd) == (None, None)
    assert uncounted.warnings == ("The provider counted no tokens; usage and cost are unknown.",)


@pytest.mark.parametrize(
    ("model", "reason", "says"),
    [("openai/incomplete", "length", "token limit"), ("openai/filtered", "content_filter", "filter withheld")],
)
async def test_an_answer_that_was_cut_carries_its_reason_and_a_warning(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint, model: str, reason: str, says: str
) -> None:
    events = await heard(provider.stream(asking(model, reason), nothing))
    assert events[1] == TEXT
    assert completion(events).finish_reason == reason
    assert any(says in warning for warning in completion(events).warnings)


async def test_a_refusal_is_the_answer(provider: LiteLLMProvider, endpoint: ResponsesEndpoint) -> None:
    events = await heard(provider.stream(asking("openai/declined", "decline"), nothing))
    assert events[1] == "I will not say."


@pytest.mark.parametrize(
    ("model", "code", "retryable"),
    [
        ("openai/failed", "unavailable", True),
        ("openai/forbidden", "rejected", False),
        ("openai/cancelled", "cancelled", False),
        ("openai/gone", "lost", False),
        ("openai/locked", "no_access", False),
    ],
)
async def test_an_answer_that_cannot_be_had_is_not_asked_for_again(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint, model: str, code: str, retryable: bool
) -> None:
    error = await failure(provider.stream(asking(model, f"never {code}"), nothing))
    assert (error.failure.code, error.failure.retryable) == (code, retryable)
    assert error.failure.message.startswith((f"{model} ", f"The work of {model} "))
    assert endpoint.requests(f"never {code}") == [SEND, LOOK]
    if code == "unavailable":
        assert not error.refused
        assert "These are the provider's words." in error.failure.message


async def test_looks_that_fail_for_now_are_made_again(provider: LiteLLMProvider, endpoint: ResponsesEndpoint) -> None:
    events = await heard(provider.stream(asking("openai/flaky", "flaky"), nothing))
    assert events[1] == TEXT
    requests = endpoint.requests("flaky")
    assert requests.count(SEND) == 1
    assert requests.count(LOOK) >= 5


async def test_a_provider_that_cannot_be_reached_for_now_is_looked_at_until_the_deadline(
    provider: LiteLLMProvider, point_at: PointAt
) -> None:
    point_at(openai=f"http://127.0.0.1:{free_port()}/v1")
    with anyio.move_on_after(2) as deadline:
        await heard(provider.resume(asking("openai/kept", "unreachable"), Handle("resp_0")))
    assert deadline.cancelled_caught


@pytest.mark.parametrize(
    ("model", "code", "refused"),
    [
        ("openai/overloaded", "unavailable", True),
        ("openai/dropped", "disconnected", False),
        ("openai/reset", "disconnected", False),
        ("openai/garbled", "failed", False),
    ],
)
async def test_a_request_that_failed_was_sent_once_and_repeated_only_where_it_was_turned_away(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint, model: str, code: str, refused: bool
) -> None:
    error = await failure(provider.stream(asking(model, code + model), nothing))
    assert (error.failure.code, error.refused) == (code, refused)
    assert endpoint.requests(code + model) == [SEND]


async def test_a_request_to_a_provider_that_is_not_there_was_turned_away(
    provider: LiteLLMProvider, point_at: PointAt
) -> None:
    point_at(openai=f"http://127.0.0.1:{free_port()}/v1")
    error = await failure(provider.stream(asking("openai/kept", "nobody there"), nothing))
    assert (error.failure.code, error.refused) == ("unreachable", True)


async def test_leaving_before_the_end_cancels_the_work_there(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    async with aclosing(provider.stream(asking("openai/kept", "left"), nothing)) as events:
        assert isinstance(await anext(events), Handle)
        assert CANCEL not in endpoint.requests("left")
    assert endpoint.requests("left")[-1] == CANCEL
    assert endpoint.requests("left").count(CANCEL) == 1


async def test_a_fetch_that_is_cancelled_cancels_the_work_there(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    call = asking("openai/kept", "fetch left")
    handle = await handle_of(provider, call)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(heard, provider.resume(call, handle))
        await until(lambda: LOOK in endpoint.requests("fetch left"))
        assert CANCEL not in endpoint.requests("fetch left")
        tasks.cancel_scope.cancel()
    assert CANCEL in endpoint.requests("fetch left")


async def test_a_fetch_that_is_cancelled_before_it_began_cancels_the_work_there(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    call = asking("openai/kept", "never fetched")
    handle = await handle_of(provider, call)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await heard(provider.resume(call, handle))
    assert CANCEL in endpoint.requests("never fetched")


async def test_a_request_that_is_cancelled_before_it_began_is_not_sent(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    litellm = await provider.load()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await heard(litellm_background.request(litellm, asking("openai/kept", "never sent"), {}, []))
    await heard(provider.stream(asking("openai/at-once", "sent after"), nothing))
    assert endpoint.requests("never sent") == []


async def test_a_request_that_is_cancelled_on_its_way_is_cancelled_there_when_its_handle_comes(
    provider: LiteLLMProvider, endpoint: ResponsesEndpoint
) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(heard, provider.stream(asking("openai/slow", "on-its-way"), nothing))
        await until(lambda: SEND in endpoint.requests("on-its-way"))
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.wait_all_tasks_blocked()  # the cancel is on its way to the other loop now
            endpoint.release("on-its-way")
    assert endpoint.requests("on-its-way") == [SEND, CANCEL]


async def test_an_answer_that_was_had_is_not_cancelled(provider: LiteLLMProvider, endpoint: ResponsesEndpoint) -> None:
    await heard(provider.stream(asking("openai/soon", "had"), nothing))
    await heard(provider.stream(asking("openai/at-once", "had too"), nothing))
    assert CANCEL not in endpoint.requests("had") + endpoint.requests("had too")


async def test_a_cancel_that_fails_ends_the_stream_all_the_same(
    provider: LiteLLMProvider, point_at: PointAt, caplog: pytest.LogCaptureFixture
) -> None:
    point_at(openai=f"http://127.0.0.1:{free_port()}/v1")
    stream = provider.resume(asking("openai/kept", "gone away"), Handle("resp_0"))
    with anyio.move_on_after(1) as scope:
        await heard(stream)
    assert scope.cancelled_caught
    assert re.search("resp_0 could not be cancelled at its provider", caplog.text)
