"""What LiteLLMProvider does with connections: when it opens them, how it closes them, and what a broken one means."""

import os
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from support.mocks import free_port

from longcall.calling import new_call
from longcall.errors import ProviderError
from longcall.models import Completion
from longcall.providers.litellm import LiteLLMProvider

Ask = Callable[..., Coroutine[Any, Any, tuple[list[str], Completion]]]
PointAt = Callable[..., None]
OPENAI = "openai/gpt-4o"
WIRES = [OPENAI, "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash"]
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
PATIENCE_S = 20.0


@dataclass
class Endpoint:
    """A provider whose every byte the test decides."""

    url: str = ""
    requests: list[bytes] = field(default_factory=list[bytes])
    connections: int = 0
    asked: anyio.Event = field(default_factory=anyio.Event)
    left: anyio.Event = field(default_factory=anyio.Event)
    """Set when the client closed its connection first."""


@asynccontextmanager
async def endpoint(answer: bytes, *, hold: bool = False) -> AsyncGenerator[Endpoint]:
    """Serves `answer` to every request; `hold` keeps the connection open after it until the client leaves."""
    served = Endpoint()

    async def serve(stream: SocketStream) -> None:
        served.connections += 1
        async with stream:
            served.requests.append(await stream.receive())
            served.asked.set()
            if answer:
                await stream.send(answer)
            try:
                while hold:
                    await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                served.left.set()

    with anyio.fail_after(PATIENCE_S):
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as tasks,
        ):
            served.url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
            tasks.start_soon(listener.serve, serve)
            yield served
            tasks.cancel_scope.cancel()


def sse(*events: str) -> bytes:
    return STREAM + "".join(f"{event}\n\n" for event in events).encode()


def chunk(content: str | None, reason: str | None = None) -> str:
    delta = "{}" if content is None else f'{{"content": "{content}"}}'
    finish = "null" if reason is None else f'"{reason}"'
    return f'data: {{"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{{"index": 0, "delta": {delta}, "finish_reason": {finish}}}]}}'  # noqa: E501  # one event is one line


def status(code: int, body: str, *headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {code} No",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *headers,
        "",
        body,
    ]
    return "\r\n".join(lines).encode()


def point_all(point_at: PointAt, url: str) -> None:
    point_at(openai=f"{url}/v1", anthropic=url, gemini=f"{url}/v1beta")


async def failure(ask: Ask, model: str, **options: object) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await ask(model, **options)
    return caught.value


@pytest.mark.parametrize("model", WIRES)
async def test_a_refused_connection_is_unreachable_and_worth_another_try(
    ask: Ask, point_at: PointAt, model: str
) -> None:
    point_all(point_at, f"http://127.0.0.1:{free_port()}")
    error = await failure(ask, model)
    assert (error.failure.code, error.failure.retryable, error.refused) == ("unreachable", True, True)


@pytest.mark.parametrize(
    ("model", "code"), [(OPENAI, "disconnected"), (WIRES[1], "disconnected"), (WIRES[2], "incomplete_stream")]
)
async def test_a_connection_closed_without_an_answer_may_have_been_paid(
    ask: Ask, point_at: PointAt, model: str, code: str
) -> None:
    async with endpoint(b"") as served:
        point_all(point_at, served.url)
        error = await failure(ask, model)
        assert (error.failure.code, error.refused) == (code, False)
        assert "may have been billed" in error.failure.message
        assert len(served.requests) == 1


@pytest.mark.parametrize(
    ("model", "event"),
    [
        (OPENAI, 'data: {"error": {"message": "overloaded", "type": "server_error", "code": 503}}'),
        (WIRES[1], 'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "no"}}'),
        (WIRES[2], 'data: {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}'),
    ],
)
async def test_an_error_inside_a_stream_that_began_is_no_refusal(
    ask: Ask, point_at: PointAt, model: str, event: str
) -> None:
    async with endpoint(sse(event)) as served:
        point_all(point_at, served.url)
        error = await failure(ask, model)
    assert (error.failure.code, error.refused) == ("incomplete_stream", False)


@pytest.mark.parametrize("model", WIRES)
async def test_a_time_to_come_back_at_may_be_a_date(ask: Ask, point_at: PointAt, model: str) -> None:
    date = formatdate(time.time() + 3600, usegmt=True)
    async with endpoint(status(429, '{"error": {"message": "later"}}', f"Retry-After: {date}")) as served:
        point_all(point_at, served.url)
        error = await failure(ask, model)
    assert error.failure.code == "rate_limit"
    assert error.retry_after is not None
    assert 3000 < error.retry_after <= 3600


async def test_a_time_that_cannot_be_read_is_none(ask: Ask, point_at: PointAt) -> None:
    async with endpoint(status(429, '{"error": {"message": "later"}}', "Retry-After: soon")) as served:
        point_all(point_at, served.url)
        assert (await failure(ask, OPENAI)).retry_after is None


async def test_a_reason_that_comes_with_the_last_text_ends_the_answer(ask: Ask, point_at: PointAt) -> None:
    usage = 'data: {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}'  # noqa: E501  # one event is one line
    async with endpoint(sse(chunk("Hello "), chunk("there", "stop"), usage, "data: [DONE]")) as served:
        point_all(point_at, served.url)
        pieces, completion = await ask(OPENAI)
    assert ("".join(pieces), completion.finish_reason) == ("Hello there", "stop")
    assert completion.usage is not None
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (3, 2)


async def test_the_same_stream_without_the_reason_is_incomplete(ask: Ask, point_at: PointAt) -> None:
    async with endpoint(sse(chunk("Hello "), chunk("there"))) as served:
        point_all(point_at, served.url)
        error = await failure(ask, OPENAI)
    assert error.failure.code == "incomplete_stream"


async def test_leaving_in_mid_stream_closes_the_connection(provider: LiteLLMProvider, point_at: PointAt) -> None:
    async with endpoint(sse(chunk("Hello ")), hold=True) as served:
        point_all(point_at, served.url)
        async with aclosing(
            provider.stream(new_call(model=OPENAI, prompt="hello"), anyio.lowlevel.checkpoint)
        ) as events:
            assert await anext(events) == "Hello "
            assert not served.left.is_set()
        await served.left.wait()


async def test_giving_up_before_an_answer_closes_the_connection(ask: Ask, point_at: PointAt) -> None:
    async with endpoint(b"", hold=True) as served:
        point_all(point_at, served.url)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, OPENAI)
            await served.asked.wait()
            assert not served.left.is_set()
            tasks.cancel_scope.cancel()
        await served.left.wait()


async def test_nothing_is_sent_before_the_attempt_is_written_down(ask: Ask, point_at: PointAt) -> None:
    async with endpoint(sse(chunk("Hello", "stop"), "data: [DONE]")) as served:
        point_all(point_at, served.url)
        seen: list[int] = []

        async def sending() -> None:
            await anyio.wait_all_tasks_blocked()
            seen.append(served.connections)

        await ask(OPENAI, sending=sending)
        assert seen == [0]
        assert len(served.requests) == 1


async def test_nothing_is_sent_when_the_attempt_cannot_be_written_down(ask: Ask, point_at: PointAt) -> None:
    async with endpoint(sse(chunk("Hello", "stop"), "data: [DONE]")) as served:
        point_all(point_at, served.url)

        async def sending() -> None:
            raise RuntimeError("no room on the disk")

        with pytest.raises(RuntimeError, match="no room"):
            await ask(OPENAI, sending=sending)
        pieces, _ = await ask(OPENAI)  # whatever the first had begun would have arrived before this one
        assert pieces == ["Hello"]
        assert (served.connections, len(served.requests)) == (1, 1)


@pytest.mark.parametrize(
    ("model", "code", "says"),
    [
        ("openai/gpt-4o", "no_key", "OPENAI_API_KEY"),
        ("anthropic/claude-haiku-4-5", "no_key", "ANTHROPIC_API_KEY"),
        ("gemini/gemini-2.5-flash", "no_key", "GEMINI_API_KEY"),
        ("together_ai/some-model", "no_key", "TOGETHERAI_API_KEY"),
        ("gpt4o", "unknown_model", "gpt-4o"),
        ("nobody/knows-this", "unknown_model", "list_models"),
    ],
)
async def test_what_can_be_found_wrong_here_is_found_before_anything_is_sent(
    ask: Ask, model: str, code: str, says: str
) -> None:
    sent: list[str] = []

    async def sending() -> None:
        sent.append(model)

    error = await failure(ask, model, sending=sending)
    assert (error.failure.code, error.failure.retryable) == (code, False)
    assert says in error.failure.message
    assert sent == []


@pytest.mark.parametrize(
    ("model", "variables"),
    [
        ("ollama_chat/llama3", ("OLLAMA_API_BASE",)),
        ("hosted_vllm/some-model", ("HOSTED_VLLM_API_BASE",)),
        ("lm_studio/some-model", ("LM_STUDIO_API_BASE",)),
        ("together_ai/some-model", ("TOGETHER_API_KEY",)),
        ("together_ai/some-model", ("TOGETHER_AI_TOKEN",)),
        ("perplexity/sonar", ("PERPLEXITY_API_KEY",)),
        ("openrouter/some/model", ("OR_API_KEY",)),
    ],
)
async def test_a_provider_that_needs_no_key_or_finds_it_elsewhere_is_asked(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, model: str, variables: tuple[str, ...]
) -> None:
    for name in variables:
        monkeypatch.setenv(
            name, f"http://127.0.0.1:{free_port()}" if name.endswith("_BASE") else "a-key-of-some-length"
        )
    sent: list[str] = []

    async def sending() -> None:
        sent.append(model)

    assert (await failure(ask, model, sending=sending)).failure.code == "unreachable"
    assert sent == [model]


async def test_a_key_never_stands_in_a_message(ask: Ask, point_at: PointAt) -> None:
    point_at()
    key = os.environ["OPENAI_API_KEY"]
    body = f'{{"error": {{"message": "Incorrect API key provided: {key} or sk-an-other-one-123.", "type": "x"}}}}'
    async with endpoint(status(401, body)) as served:
        point_all(point_at, served.url)
        message = (await failure(ask, OPENAI)).failure.message
        assert key.encode() in served.requests[0]
    assert "Incorrect API key provided: [redacted] or [redacted]" in message
    assert key not in message
    assert "sk-an" not in message


async def test_nothing_is_printed(ask: Ask, point_at: PointAt, capfd: pytest.CaptureFixture[str]) -> None:
    async with endpoint(sse(chunk("Hello", "stop"), "data: [DONE]")) as served:
        point_all(point_at, served.url)
        await ask("openai/a-model-without-a-price")
    async with endpoint(status(500, '{"error": {"message": "down"}}')) as served:
        point_all(point_at, served.url)
        await failure(ask, WIRES[1])
    await failure(ask, "nobody/knows-this")
    assert capfd.readouterr().out == ""
    os.write(1, b"a word\n")
    assert capfd.readouterr().out == "a word\n"
