"""The proxy as OpenAI's own client sees it."""

import json
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any, Literal

import httpx
import openai
import pytest
from pydantic import BaseModel
from support.http_server import HttpServer, proxy_server
from support.processes import clean_environ, kill, rows, until, worker_processes

HELLO: Any = [{"role": "user", "content": "hello"}]
STORY_ENDS = "to this last one."


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    path = tmp_path_factory.mktemp("proxied") / "home"
    yield path
    kill(worker_processes(path))


@pytest.fixture(scope="module")
def proxy(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[HttpServer]:
    with proxy_server(clean_environ(home), tmp_path_factory.mktemp("proxy"), "--max-request-mb", "1") as server:
        yield server


@pytest.fixture(scope="module")
def client(proxy: HttpServer) -> Generator[openai.OpenAI]:
    """Returns OpenAI's client as it comes; it repeats what fails, twice, unless the answer forbids it."""
    with openai.OpenAI(base_url=proxy.url, api_key="any", timeout=60) as made:
        yield made


@pytest.fixture
async def async_client(proxy: HttpServer) -> AsyncGenerator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=proxy.url, api_key="any", timeout=60) as made:
        yield made


def tasks(home: Path, head: str) -> list[dict[str, Any]]:
    return rows(home, "SELECT id, state, delivered_at FROM tasks WHERE head = ?", head)


def ask(client: openai.OpenAI, prompt: str, model: str = "demo/echo", **more: Any) -> Any:
    create: Any = client.chat.completions.create  # typed for each way to call it, of which these are many
    return create(model=model, messages=[{"role": "user", "content": prompt}], **more)


def test_a_completion_is_a_durable_task(client: openai.OpenAI, home: Path):
    raw = client.chat.completions.with_raw_response.create(
        model="demo/echo", messages=[{"role": "developer", "content": "Be brief."}, *HELLO], temperature=0.5, user="me"
    )
    answer = raw.parse()
    (task,) = tasks(home, "hello")
    assert raw.headers["x-longcall-task-id"] == task["id"]
    assert (answer.id, answer.object, answer.model) == (f"chatcmpl-{task['id']}", "chat.completion", "demo/echo")
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("hello", "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert task["state"] == "completed"


async def test_the_asynchronous_client_is_answered_too(async_client: openai.AsyncOpenAI):
    answer = await async_client.chat.completions.create(model="demo/echo", messages=HELLO, n=1, store=False)
    assert answer.choices[0].message.content == "hello"


def test_a_conversation_goes_on_with_the_messages_that_were_sent(client: openai.OpenAI):
    first = ask(client, "one").choices[0].message
    more: Any = [
        {"role": "user", "content": "one"},
        first,
        {"role": "user", "content": [{"type": "text", "text": "2"}]},
    ]
    assert client.chat.completions.create(model="demo/echo", messages=more).choices[0].message.content == "2"


async def test_a_stream_comes_in_pieces_and_ends_with_the_tokens(async_client: openai.AsyncOpenAI, home: Path):
    stream = await async_client.chat.completions.create(
        model="demo/slow-1.5", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert len(pieces) > 1
    assert "".join(pieces).endswith(STORY_ENDS)
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]][-1] == "stop"
    assert (chunks[-1].choices, chunks[-1].usage is not None) == ([], True)
    task_id = chunks[0].id.removeprefix("chatcmpl-")
    await until(lambda: rows(home, "SELECT delivered_at FROM tasks WHERE id = ?", task_id)[0]["delivered_at"])


def test_a_stream_without_the_option_tells_no_tokens(client: openai.OpenAI):
    chunks = list(ask(client, "no tokens", stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "no tokens"
    assert all(chunk.usage is None for chunk in chunks)


@pytest.mark.parametrize("stream", [False, True])
def test_a_json_object_is_json_alone_and_checked(client: openai.OpenAI, stream: bool):
    fenced = '```json\n{"a": 1}\n```'
    answer = ask(client, fenced, response_format={"type": "json_object"}, stream=stream)
    text = (
        "".join(chunk.choices[0].delta.content or "" for chunk in answer)
        if stream
        else answer.choices[0].message.content
    )
    assert json.loads(text) == {"a": 1}
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        ask(client, "no JSON", response_format={"type": "json_object"}, stream=stream, extra_body={"retry": {}})
    assert caught.value.code == "validation_failed"
    assert ask(client, fenced).choices[0].message.content == fenced


class Person(BaseModel):
    """What is parsed."""

    name: str
    born: int


def test_structured_output_is_parsed_by_the_client(client: openai.OpenAI):
    said: Any = [{"role": "user", "content": '{"name": "Ada", "born": 1815}'}]
    parsed = client.chat.completions.parse(model="demo/slip", messages=said, response_format=Person)
    assert parsed.choices[0].message.parsed == Person(name="Ada", born=1815)
    wrong: Any = [{"role": "user", "content": '{"name": "Ada"}'}]
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.chat.completions.parse(
            model="demo/echo", messages=wrong, response_format=Person, extra_body={"retry": {"max_attempts": 1}}
        )
    failed = caught.value.response.json()
    assert failed["text"] == '{"name": "Ada"}'
    assert "born" in str(failed["validation"]["issues"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "kind", "code"), [
    ("demo/nobody", openai.NotFoundError, "model_not_found"),
    ("demo/fail", openai.InternalServerError, "unavailable"),
    ("openai/gpt-4o-mini", openai.AuthenticationError, "no_key"),
    ("max/sonnet", openai.InternalServerError, "not_installed"),
])  # fmt: skip
def test_a_failure_is_the_clients_own_error_and_is_not_repeated(
    client: openai.OpenAI, home: Path, model: str, kind: type[openai.APIStatusError], code: str, stream: bool
):
    prompt = f"fails {model} {stream}"
    with pytest.raises(kind) as caught:
        ask(client, prompt, model, stream=stream)
    (task,) = tasks(home, prompt)
    assert (caught.value.code, caught.value.response.headers["x-longcall-task-id"]) == (code, task["id"])


@pytest.mark.parametrize(("more", "param"), [
    ({"top_p": 0.5}, "top_p"),
    ({"stop": ["x"]}, "stop"),
    ({"n": 2}, "n"),
    ({"seed": 1}, "seed"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
    ({"temperature": "warm"}, "temperature"),
    ({"response_format": {"type": "xml"}}, "response_format"),
    ({"extra_body": {"timeout": 0}}, "timeout"),
    ({"extra_body": {"mcp_config": {"mcpServers": {"a": {"command": "sh"}}}}}, "mcp_config"),
    ({"extra_body": {"mcp_config": {"mcpServers": {"a": {}}, "b": 1}}}, "mcp_config"),
    ({"extra_body": {"promt": "x"}}, "promt"),
])  # fmt: skip
def test_what_cannot_be_done_is_refused_by_name_and_leaves_no_task(
    client: openai.OpenAI, home: Path, more: dict[str, Any], param: str
):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, f"refused {param}", **more)
    assert caught.value.param == param
    assert not tasks(home, f"refused {param}")


@pytest.mark.parametrize("messages", [
    [], [{"role": "robot", "content": "x"}], [{"role": "tool", "content": "x"}], [{"role": "user"}],
])  # fmt: skip
def test_messages_that_cannot_be_are_refused(client: openai.OpenAI, messages: Any):
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="demo/echo", messages=messages)


def test_what_changes_no_answer_is_taken(client: openai.OpenAI):
    harmless: dict[str, Any] = {"top_p": 1, "stop": None, "tools": [], "metadata": {"a": "b"}, "logprobs": False}
    harmless |= {"presence_penalty": 0, "service_tier": "auto", "parallel_tool_calls": True, "max_completion_tokens": 9}
    assert ask(client, "harmless", **harmless).choices[0].message.content == "harmless"


def test_the_models_are_listed_and_one_is_told_of(client: openai.OpenAI):
    listed = [model.id for model in client.models.list()]
    assert "demo/echo" in listed
    assert client.models.retrieve("demo/echo").owned_by == "demo"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("demo/nobody")


def test_an_idempotency_key_leads_to_its_task(client: openai.OpenAI):
    keyed: Any = {"extra_headers": {"Idempotency-Key": "k-1"}}
    first, second = (ask(client, "keyed", extra_body={"fresh": True}, **keyed) for _ in range(2))
    assert first.id == second.id
    assert ask(client, "keyed", extra_body={"fresh": True}).id != first.id
    with pytest.raises(openai.ConflictError):
        ask(client, "another", **keyed)


def test_longcalls_own_words_are_taken(client: openai.OpenAI):
    body = {"validate": ["json"], "retry": {"max_attempts": 2}}
    answer = ask(client, '{"whole": true}', "demo/slip", extra_body=body)
    assert answer.choices[0].message.content == '{"whole": true}'
    assert answer.longcall["attempts"] == 2


def test_a_question_and_a_default_are_no_messages(proxy: HttpServer):
    asked = httpx.post(f"{proxy.url}/chat/completions", json={"model": "demo/echo", "question": "alone"})
    assert asked.json()["choices"][0]["message"]["content"] == "alone"
    both = {"model": "demo/echo", "question": "alone", "messages": HELLO}
    assert httpx.post(f"{proxy.url}/chat/completions", json=both).status_code == 400
    nothing = httpx.post(f"{proxy.url}/chat/completions", json={"question": "alone"})
    assert (nothing.status_code, "LONGCALL_MODEL" in nothing.text) == (400, True)


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[]", 400), (b'{"a": "' + b"x" * 1_100_000 + b'"}', 413)])
def test_a_body_that_cannot_be_read_is_an_error_in_openais_form(proxy: HttpServer, body: bytes, status: int):
    answer = httpx.post(f"{proxy.url}/chat/completions", content=body)
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/v1/nothing", 404), ("GET", "/v1/chat/completions", 405), ("POST", "/health", 405),
    ("GET", "/health", 200),
])  # fmt: skip
def test_other_paths_and_methods(proxy: HttpServer, method: Literal["GET", "POST"], path: str, status: int):
    answer = httpx.request(method, proxy.root + path)
    assert answer.status_code == status
    assert ("error" in answer.json()) == (status != 200)
    if status == 405:
        assert answer.json()["error"]["message"].startswith(f"{path} does not take {method}; use ")


def test_no_file_of_the_folder_that_the_proxy_runs_in_is_opened_to_a_model(client: openai.OpenAI):
    with pytest.raises(openai.APIStatusError, match="LONGCALL_ROOTS"):
        ask(client, "read my files", model="openai/gpt-4o", extra_body={"servers": ["filesystem"]})
