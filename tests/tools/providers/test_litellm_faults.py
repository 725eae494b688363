"""What LiteLLMProvider makes of refusals and of streams that break, ordered from a mock of each provider's wire."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from support.mocks import Mock

from longcall.errors import ProviderError
from longcall.models import Completion

Ask = Callable[..., Coroutine[Any, Any, tuple[list[str], Completion]]]
Order = Callable[..., None]
WIRES = ["openai/gpt-4o", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash"]
STATUSES: list[tuple[int, str, bool, bool]] = [
    (400, "rejected", False, True),
    (401, "no_access", False, True),
    (402, "quota", False, True),
    (403, "no_access", False, True),
    (404, "unknown_model", False, True),
    (408, "timeout", True, False),
    (409, "conflict", True, True),
    (413, "too_large", False, True),
    (422, "rejected", False, True),
    (429, "rate_limit", True, True),
    (500, "unavailable", True, True),
    (502, "unavailable", True, True),
    (503, "unavailable", True, True),
    (504, "timeout", True, False),
    (529, "unavailable", True, True),
]
TOO_LONG = "This model's maximum context length is 8192 tokens, however you requested 9000 tokens."
PROMPT = "one two three four five six seven eight"


async def failure(ask: Ask, model: str, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await ask(model, PROMPT, **options)
    return caught.value


def requests_seen(mock: Mock) -> int:
    return mock.ask("/_llmock/requests")["count"]


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize(("status", "code", "retryable", "refused"), STATUSES)
async def test_an_error_status_says_what_it_means_and_whether_to_ask_again(
    ask: Ask, order: Order, llmock_server: Mock, model: str, status: int, code: str, retryable: bool, refused: bool
) -> None:
    order({"type": "fail", "status": status, "message": "These are the provider's words."})
    error = await failure(ask, model)
    assert (error.failure.code, error.failure.retryable, error.refused) == (code, retryable, refused)
    assert error.failure.message.startswith(f"{model} ")
    assert f"(HTTP {status}): These are the provider's words." in error.failure.message
    assert requests_seen(llmock_server) == 1


@pytest.mark.parametrize("model", WIRES)
async def test_the_time_that_a_provider_asks_for_is_told(ask: Ask, order: Order, model: str) -> None:
    order({"type": "fail", "status": 429, "retry_after": 7})
    assert (await failure(ask, model)).retry_after == 7


@pytest.mark.parametrize("model", WIRES)
async def test_no_time_is_told_when_the_provider_asks_for_none(ask: Ask, order: Order, model: str) -> None:
    order({"type": "fail", "status": 500})
    assert (await failure(ask, model)).retry_after is None


@pytest.mark.parametrize("model", WIRES)
async def test_a_prompt_that_is_too_long_is_called_so(ask: Ask, order: Order, model: str) -> None:
    order({"type": "fail", "status": 400, "message": TOO_LONG})
    error = await failure(ask, model)
    assert (error.failure.code, error.failure.retryable, error.refused) == ("context_window", False, True)


async def test_a_used_up_quota_is_no_rate_limit(ask: Ask, order: Order) -> None:
    order({"type": "fail", "status": 429, "code": "insufficient_quota", "message": "insufficient_quota: no credit."})
    error = await failure(ask, "openai/gpt-4o")
    assert (error.failure.code, error.failure.retryable) == ("quota", False)


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize("kind", ["truncate", "malformed", "disconnect"])
async def test_a_stream_that_breaks_is_never_taken_for_an_answer(
    ask: Ask, order: Order, llmock_server: Mock, model: str, kind: str
) -> None:
    order({"type": "stream_fault", "kind": kind, "after_chunks": 5})
    pieces: list[str] = []
    error = await failure(ask, model, pieces=pieces)
    assert (error.failure.code, error.failure.retryable, error.refused) == ("incomplete_stream", True, False)
    assert "The text so far is kept." in error.failure.message
    assert pieces
    assert requests_seen(llmock_server) == 1


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize("kind", ["truncate", "malformed", "disconnect"])
async def test_a_stream_that_breaks_before_its_first_word_was_no_refusal(
    ask: Ask, order: Order, model: str, kind: str
) -> None:
    order({"type": "stream_fault", "kind": kind, "after_chunks": 0})
    error = await failure(ask, model)
    assert (error.failure.code, error.refused) == ("incomplete_stream", False)
    assert "The text so far" not in error.failure.message


@pytest.mark.parametrize("model", WIRES)
async def test_the_same_stream_unbroken_is_an_answer(ask: Ask, order: Order, model: str) -> None:
    pieces, completion = await ask(model, PROMPT)
    assert "".join(pieces) == f"Hello! You said: {PROMPT}"
    assert completion.finish_reason == "stop"


async def test_a_stream_that_falls_silent_is_incomplete(ask: Ask, order: Order) -> None:
    order({"type": "stream_fault", "kind": "stall", "after_chunks": 5})
    pieces: list[str] = []
    error = await failure(ask, "openai/gpt-4o", pieces=pieces, timeout_s=1)
    assert (error.failure.code, error.refused) == ("incomplete_stream", False)
    assert pieces


@pytest.mark.parametrize("model", WIRES[:2])
async def test_a_provider_that_says_nothing_in_time_may_have_been_paid(ask: Ask, order: Order, model: str) -> None:
    order({"type": "delay", "seconds": 30})
    error = await failure(ask, model, timeout_s=0.5)
    assert (error.failure.code, error.failure.retryable, error.refused) == ("timeout", True, False)
