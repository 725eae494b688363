"""What a proxy elsewhere may answer, and what it means: the predecessor's shapes, refusals, and broken answers."""

import json
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import pytest
from support.claude import Answer, Endpoint, answering
from support.mocks import free_port

from longcall.calling import new_call
from longcall.errors import ProviderError
from longcall.models import Completion, Usage
from longcall.providers.claude_proxy import ClaudeProxyProvider

KEY = "a-token-of-the-proxy"


def whole(text: str, **usage: int) -> bytes:
    """Returns an answer that comes whole, as the predecessor's do."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"model": "max/text-general", "choices": [choice], "usage": usage}).encode()


def events(*told: Any) -> bytes:
    return b": hello\n\n" + b"".join(f"data: {json.dumps(part)}\n\n".encode() for part in told)


def piece(text: str | None, reason: str | None = None) -> dict[str, Any]:
    return {"model": "claude", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]}


async def ask(url: str, into: Answer | None = None, environ: Mapping[str, str] | None = None, **more: Any) -> Answer:
    answer = into or Answer()

    async def sending() -> None:
        answer.sent += 1

    call = new_call(model="max/text-general", prompt="hello", **more)
    provider = ClaudeProxyProvider(url, environ or {"LONGCALL_CLAUDE_PROXY_TOKEN": KEY})
    async with aclosing(provider.stream(call, sending)) as told:
        async for event in told:
            if isinstance(event, str):
                answer.pieces.append(event)
            elif isinstance(event, Completion):
                answer.completion = event
    return answer


async def refused(url: str, into: Answer | None = None, **more: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await ask(url, into, **more)
    return caught.value


async def test_an_answer_that_comes_whole_is_taken_and_zero_tokens_are_none():
    headers = {"Content-Type": "application/json"}
    with answering(Endpoint(200, whole("Said.", prompt_tokens=0, completion_tokens=0), headers)) as there:
        answer = await ask(there.url, max_tokens=7, system="Be brief.")
    assert (answer.text, answer.sent, answer.ending.usage) == ("Said.", 1, None)
    assert "No tokens were counted" in answer.ending.warnings[0]
    (asked,) = there.asked
    assert (asked["model"], asked["max_tokens"]) == ("max/text-general", 7)
    assert [turn["role"] for turn in asked["messages"]] == ["system", "user"]
    assert "mcp_config" not in asked


async def test_a_stream_is_taken_with_what_is_told_beside_it():
    last = {**piece(None, "stop"), "longcall": {"cost_usd": 0.5, "warnings": ["cut"]}}
    used: Any = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": None}}
    with answering(Endpoint(200, events(piece("Sa"), piece("id."), last, used) + b"data: [DONE]\n\n")) as there:
        answer = await ask(there.url, servers=["files"], retry={"budget": {"usd": 2}})
    assert answer.pieces == ["Sa", "id."]
    assert (answer.ending.usage, answer.ending.cost_usd, answer.ending.warnings) == (Usage(3, 2), 0.5, ("cut",))
    assert there.asked[0]["mcp_config"] == {"mcpServers": {"files": {}}}
    assert there.asked[0]["retry"] == {"budget": {"usd": 2.0}}


@pytest.mark.parametrize(("status", "body", "code", "is_refused"), [
    (400, {"error": {"message": "no"}}, "rejected", True),
    (401, {"error": {"message": "no"}}, "no_access", True),
    (404, {"detail": "no"}, "unknown_model", True),
    (408, {"error": "Request timeout", "message": "no"}, "timeout", False),
    (429, {"error": {"message": "no", "code": "usage_limit"}}, "usage_limit", True),
    (500, {"detail": "no"}, "failed", False),
    (502, {"error": {"message": "no", "code": "interrupted"}}, "interrupted", False),
    (503, {"error": {"message": "no", "code": "not_installed"}}, "not_installed", True),
    (504, "no JSON", "timeout", False),
])  # fmt: skip
async def test_a_status_says_what_went_wrong_and_whether_claude_was_asked(
    status: int, body: Any, code: str, is_refused: bool
):
    headers = {"Retry-After": "7"} if status == 429 else {}
    with answering(Endpoint(status, json.dumps(body).encode(), headers)) as there:
        error = await refused(there.url)
    assert (error.failure.code, error.refused, len(there.asked)) == (code, is_refused, 1)
    assert error.retry_after == (7 if status == 429 else None)
    assert str(status) in error.failure.message


@pytest.mark.parametrize(("told", "code", "is_refused"), [
    ([{"error": {"message": "no", "code": "model_not_found"}, "status": 404}], "unknown_model", True),
    ([piece("Half"), {"error": {"message": "no"}, "status": 503}], "incomplete_stream", False),
    ([piece("Half")], "incomplete_stream", False),
    ([], "incomplete_stream", False),
])  # fmt: skip
async def test_a_stream_that_ends_early_is_no_answer(told: list[Any], code: str, is_refused: bool):
    answer = Answer()
    with answering(Endpoint(200, events(*told))) as there:
        error = await refused(there.url, answer)
    assert (error.failure.code, error.refused, answer.completion) == (code, is_refused, None)
    assert answer.text == ("Half" if len(told) and "choices" in told[0] else "")


async def test_a_page_of_something_else_is_no_answer():
    with answering(Endpoint(200, b"<html>", {"Content-Type": "text/html"})) as there:
        assert (await refused(there.url)).failure.code == "failed"


async def test_a_connection_that_closes_without_an_answer_may_have_been_billed_and_is_not_repeated():
    answer = Answer()
    with answering(Endpoint(0, b"")) as there:
        error = await refused(there.url, answer)
    assert (error.failure.code, error.refused, answer.sent, len(there.asked)) == ("disconnected", False, 1, 1)


async def test_nobody_there_is_proof_that_nothing_was_sent():
    error = await refused(f"http://127.0.0.1:{free_port()}")
    assert (error.failure.code, error.refused, error.failure.retryable) == ("unreachable", True, True)


async def test_nothing_is_sent_that_could_not_be_written_down():
    async def sending() -> None:
        raise ProviderError("store", "no room")

    with answering(Endpoint(200, whole("Said."))) as there:
        provider = ClaudeProxyProvider(there.url, {})
        with pytest.raises(ProviderError, match="no room"):
            async with aclosing(provider.stream(new_call(model="max/", prompt="x"), sending)) as told:
                await anext(told)
    assert not there.asked


async def test_the_background_is_refused_before_anything_is_sent():
    answer = Answer()
    error = await refused("http://127.0.0.1:9", answer, background=True)
    assert (error.failure.code, answer.sent) == ("rejected", 0)
