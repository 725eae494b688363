"""Calls in batches: how they are gathered, handed over, looked at, fetched, lost and cancelled, on OpenAI's wire."""

import secrets
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import anyio
import pytest
from support.batches import CANCEL, CREATE, LIST, LOOK, READ, UPLOAD, BatchesEndpoint, batches_endpoint_process
from support.processes import PATIENCE_S, until

from longcall.call import Call
from longcall.calling import new_call
from longcall.errors import ProviderError, StaleClaimError
from longcall.models import Completion
from longcall.providers import Event, Handle, batch
from longcall.providers.batch_handle import Place, place_of
from longcall.providers.litellm import LiteLLMProvider

PointAt = Callable[..., None]


@pytest.fixture(scope="module")
def _endpoint() -> Generator[BatchesEndpoint]:
    with batches_endpoint_process() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(_endpoint: BatchesEndpoint, point_at: PointAt) -> BatchesEndpoint:
    """Returns the provider that takes batches; `openai` is pointed at it."""
    point_at(openai=f"{_endpoint.mock.url}/v1")
    return _endpoint


def named(manner: str) -> str:
    """Returns a model of this manner that no other test asks."""
    return f"{manner}.{secrets.token_hex(4)}"


def asking(model: str, prompt: str = "why?", **options: Any) -> Call:
    return new_call(model=f"openai/{model}", prompt=prompt, urgency="batch", **options)


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


async def together(provider: LiteLLMProvider, calls: Sequence[Call]) -> list[list[Event] | ProviderError]:
    """Asks several calls at once and returns what came of each, in order."""
    told: dict[int, list[Event] | ProviderError] = {}

    async def ask(place: int, call: Call) -> None:
        try:
            told[place] = await heard(provider.stream(call, nothing))
        except ProviderError as error:
            told[place] = error

    async with anyio.create_task_group() as tasks:
        for place, call in enumerate(calls):
            tasks.start_soon(ask, place, call)
    return [told[place] for place in range(len(calls))]


def texts(events: list[Event] | ProviderError) -> list[str]:
    assert isinstance(events, list), events
    return [event for event in events if isinstance(event, str)]


async def handles_of(provider: LiteLLMProvider, call: Call) -> list[Handle]:
    """Sends a call up to where its batch is known, and leaves it there, as a worker does that dies then."""
    stream = provider.stream(call, nothing)
    _left_open.append(stream)
    found = [await anext(stream), await anext(stream)]
    return [event for event in found if isinstance(event, Handle)]


_left_open: list[AsyncGenerator[Event]] = []


@pytest.fixture(autouse=True)
async def _close_what_was_left_open() -> AsyncGenerator[None]:
    yield
    while _left_open:
        await _left_open.pop().aclose()


def elsewhere(handle: Handle, **changes: Any) -> Handle:
    """Returns the handle as if it came from another process, whose batch this one does not know."""
    place = place_of(handle)
    assert place is not None
    return replace(place, **changes).handle


async def test_calls_at_the_same_time_are_one_batch_and_each_gets_its_answer(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint
) -> None:
    model, prompts = named("echo"), [f"prompt {number}" for number in range(12)]
    told = await together(provider, [asking(model, prompt) for prompt in prompts])
    assert [texts(events) for events in told] == [[f"so: {prompt}"] for prompt in prompts]
    assert endpoint.requests(model) == [UPLOAD, CREATE, LOOK, LOOK, READ]
    assert [sorted(file) for file in endpoint.prompts(model)] == [sorted(prompts)]


async def test_each_model_has_a_batch_of_its_own(provider: LiteLLMProvider, endpoint: BatchesEndpoint) -> None:
    one, other = named("echo"), named("echo")
    await together(provider, [asking(one, "a"), asking(other, "b")])
    assert (endpoint.prompts(one), endpoint.prompts(other)) == ([["a"]], [["b"]])


async def test_the_attempt_is_written_down_and_its_handle_told_before_anything_leaves(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint
) -> None:
    model, written = named("echo"), list[str]()

    async def sending() -> None:
        assert endpoint.requests(model) == []
        written.append("sent")

    stream = provider.stream(asking(model), sending)
    first = await anext(stream)
    assert isinstance(first, Handle)
    place = place_of(first)
    assert place is not None
    assert (written, place.batch, place.size, endpoint.requests(model)) == (["sent"], None, 1, [])
    rest = await heard(stream)
    assert isinstance(rest[0], Handle)
    assert place_of(rest[0]) == replace(place, batch=(place_of(rest[0]) or place).batch) != place
    assert texts(rest) == ["so: why?"]
    [created] = [asked for asked in endpoint.asked(model) if asked["what"] == CREATE]
    assert created["metadata"] == {"longcall": place.token}


async def test_a_call_that_may_not_be_sent_is_not_in_the_batch(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint
) -> None:
    model = named("echo")

    async def refuse() -> None:
        raise StaleClaimError

    async def stale() -> None:
        with pytest.raises(StaleClaimError):
            await heard(provider.stream(asking(model, "stale"), refuse))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stale)
        assert texts(await heard(provider.stream(asking(model, "fresh"), nothing))) == ["so: fresh"]
    assert endpoint.prompts(model) == [["fresh"]]


async def test_a_batch_that_everybody_leaves_before_it_is_handed_over_never_is(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint
) -> None:
    model = named("echo")
    with anyio.move_on_after(0.1):
        await heard(provider.stream(asking(model, "left"), nothing))
    later = named("echo")
    await heard(provider.stream(asking(later), nothing))  # whatever had been gathered before it is gone by now
    assert endpoint.requests(model) == []


async def test_the_request_is_as_it_would_be_now(provider: LiteLLMProvider, endpoint: BatchesEndpoint) -> None:
    model = named("echo")
    schema: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
    options: dict[str, Any] = {"system": "Be brief.", "max_tokens": 7, "temperature": 0.5, "response_schema": schema}
    await heard(provider.stream(asking(model, "hé", **options), nothing))
    [line] = endpoint.asked(model)[0]["lines"]
    assert line.pop("custom_id") == "0"
    body = line["body"]
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    assert body.keys() <= {"model", "messages", "max_tokens", "temperature", "response_format"}
    assert (body["model"], body["max_tokens"], body["temperature"]) == (model, 7, 0.5)
    assert body["messages"][-1] == {"role": "user", "content": "hé"}


async def test_tokens_are_counted_and_priced_as_a_batch(provider: LiteLLMProvider, endpoint: BatchesEndpoint) -> None:
    listed, unlisted = await together(provider, [asking("gpt-4o"), asking(named("echo"))])
    assert isinstance(listed, list)
    assert isinstance(unlisted, list)
    priced, unknown = listed[-1], unlisted[-1]
    assert isinstance(priced, Completion)
    assert isinstance(unknown, Completion)
    assert priced.usage is not None
    assert unknown.usage is not None
    assert (priced.usage.input_tokens, priced.usage.output_tokens) == (1000, 100)
    assert priced.cost_usd == pytest.approx((1000 * 2.5 + 100 * 10) / 1_000_000 / 2)
    assert (priced.finish_reason, priced.warnings, unknown.cost_usd) == ("stop", (), None)


async def test_one_request_that_fails_leaves_the_others_alone(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint
) -> None:
    prompts = ["refuse this", "later", "omit this", "garble this", "answer this"]
    told = await together(provider, [asking("echo.mixed", prompt) for prompt in prompts])
    errors = [error for error in told if isinstance(error, ProviderError)]
    assert [(error.failure.code, error.failure.retryable, error.refused) for error in errors] == [
        ("rejected", False, True),
        ("rate_limit", True, True),
        ("lost", False, False),
        ("lost", False, False),
    ]
    assert "Not refuse this." in errors[0].failure.message
    assert texts(told[4]) == ["so: answer this"]


@pytest.mark.parametrize(
    ("manner", "code", "words"),
    [
        ("failed", "rejected", "provider's words"),
        ("stopped", "cancelled", "not here"),
        ("gone", "lost", "404"),
        ("locked", "no_access", "401"),
        ("denied", "rejected", "This cannot be a batch."),
        ("batchless", "rejected", "takes no batches"),
    ],
)
async def test_a_batch_that_comes_to_nothing_says_why_to_all_in_it(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint, manner: str, code: str, words: str
) -> None:
    told = await together(provider, [asking(manner, prompt) for prompt in ("a", "b")])
    assert [isinstance(error, ProviderError) and error.failure.code for error in told] == [code, code]
    assert words in str(told[0])
    assert told[0] is not told[1]


async def test_of_an_expired_batch_what_was_answered_counts(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint
) -> None:
    late, early = await together(provider, [asking("expired", "late"), asking("expired", "early")])
    assert texts(early) == ["so: early"]
    assert isinstance(late, ProviderError)
    assert (late.failure.code, late.failure.retryable, late.refused) == ("expired", True, False)


@pytest.mark.parametrize("manner", ["flaky", "hidden"])
async def test_trouble_at_looking_is_waited_out(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint, manner: str
) -> None:
    model = named(manner)
    assert texts(await heard(provider.stream(asking(model), nothing))) == ["so: why?"]
    assert endpoint.requests(model).count(CREATE) == 1


async def test_a_batch_of_which_nobody_knows_whether_it_was_made_is_found(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint
) -> None:
    model = named("dropped")
    assert texts(await heard(provider.stream(asking(model), nothing))) == ["so: why?"]
    assert endpoint.requests(model).count(CREATE) == 1


async def test_one_that_is_not_found_may_be_made_again(provider: LiteLLMProvider, endpoint: BatchesEndpoint) -> None:
    model = named("overloaded")
    error = await failure(provider.stream(asking(model), nothing))
    assert (error.failure.code, error.refused) == ("unavailable", True)
    assert texts(await heard(provider.stream(asking(model), nothing))) == ["so: why?"]
    assert endpoint.requests(model).count(CREATE) == 2


async def test_an_answer_is_fetched_by_whoever_has_the_handle(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint
) -> None:
    model = named("kept")
    begun, known = await handles_of(provider, asking(model))
    for handle in (begun, known):
        events = await _released(provider, endpoint, model, handle)
        assert texts(events) == ["so: why?"]
        assert [event for event in events if isinstance(event, Handle)] == ([known] if handle is begun else [])
    assert endpoint.requests(model).count(CREATE) == 1
    assert LIST in [asked["what"] for asked in endpoint.mock.ask("/requests")]


async def _released(provider: LiteLLMProvider, endpoint: BatchesEndpoint, model: str, handle: Handle) -> list[Event]:
    endpoint.release(model)
    return await heard(provider.resume(asking(model), handle))


async def test_a_batch_that_nobody_has_made_is_told_as_interrupted(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint
) -> None:
    error = await failure(provider.resume(asking(named("echo")), Place("openai", "no such token", 1, 0).handle))
    assert (error.failure.code, error.failure.retryable) == ("interrupted", False)


async def test_the_last_to_leave_has_the_batch_cancelled_and_no_earlier_one(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint
) -> None:
    model = named("kept")
    _, known = await handles_of(provider, asking(model))
    await _left_open.pop().aclose()
    await until(lambda: endpoint.requests(model).count(CANCEL) == 1)
    other = named("kept")
    _, known = await handles_of(provider, asking(other))
    for place in (0, 1):  # of three that an earlier process handed over, two are taken up here and leave
        stream = provider.resume(asking(other), elsewhere(known, token="others", size=3, number=place))
        looks = endpoint.requests(other).count(LOOK)
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(heard, stream)
                await until(lambda looks=looks: endpoint.requests(other).count(LOOK) > looks)
                scope.cancel()
    endpoint.release(other)
    error = await failure(provider.resume(asking(other), elsewhere(known, token="others", size=3, number=2)))
    assert error.failure.code == "lost"  # it has one request in truth
    assert CANCEL not in endpoint.requests(other)


@pytest.mark.parametrize("model", ["anthropic/claude-haiku-4-5", "openai/responses/gpt-4o"])
async def test_a_model_without_batches_is_refused_before_anything_is_sent(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint, model: str
) -> None:
    async def sending() -> None:
        pytest.fail("it was about to be sent")

    call = asking("gpt-4o").model_copy(update={"model": model})
    error = await failure(provider.stream(call, sending))
    assert error.failure.code == "rejected"
    assert "only chat models of openai can" in error.failure.message


async def test_a_batch_that_is_full_leaves_and_the_rest_goes_with_the_next(
    provider: LiteLLMProvider, endpoint: BatchesEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MOST_REQUESTS", 2)
    model, prompts = named("echo"), ["a", "b", "c"]
    told = await together(provider, [asking(model, prompt) for prompt in prompts])
    assert [texts(events) for events in told] == [[f"so: {prompt}"] for prompt in prompts]
    assert sorted(len(file) for file in endpoint.prompts(model)) == [1, 2]
