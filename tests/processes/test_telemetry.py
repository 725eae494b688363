"""What a real worker tells a real collector, and what it does not."""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.collector import Collector, Told, collector
from support.filesystem import installed
from support.mocks import Mock, aimock, free_port
from support.processes import attached, call, state, until, worker_processes

from longcall.environment import fingerprint, read_salt
from longcall.tasks.lock import is_alive

PROMPT = "the-prompt-7c1f"
ANSWER = "the-answer-93ab"
SYSTEM = "the-system-text-51d0"
JUDGED = "the-criterion-e07b"
KEY = "sk-telemetry-4Zq81LxWmT"
HEADER = "collector-key-88f2"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
BRIEF = {"LONGCALL_WORKER_IDLE_S": "3"}
"""Has a worker leave soon."""


@pytest.fixture
def told() -> Generator[Collector]:
    """Returns a collector."""
    with collector() as running:
        yield running


def log_of(home: Path, environ: dict[str, str]) -> Path:
    """Returns the log of the worker of an environment."""
    return home / "workers" / f"{fingerprint(environ, read_salt(home))}.log"


async def task_span(told: Collector) -> Told:
    """Returns the span of the one task, once it has come."""
    return (await until(lambda: told.spans("longcall.task")))[0]


def key(**attributes: Any) -> tuple[tuple[str, Any], ...]:
    """Returns attributes, with dots for double underscores, as a metric's values are filed under them."""
    return tuple(sorted((name.replace("__", "."), value) for name, value in attributes.items()))


async def test_a_task_and_its_request_come_as_spans_and_metrics(
    home: Path, environ: dict[str, str], told: Collector, tmp_path: Path
) -> None:
    (tmp_path / "a-project").mkdir()
    async with attached(environ | told.environ(), tmp_path / "a-project") as front:
        result = await call(front, "llm_call", prompt="one two three", model="demo/echo", temperature=0.5)
    task = await task_span(told)
    assert (task.kind, task.parent, task.is_error) == ("SPAN_KIND_INTERNAL", "", False)
    assert task.attributes["longcall.task.waited_s"] >= 0
    assert {name: value for name, value in task.attributes.items() if name != "longcall.task.waited_s"} == {
        "longcall.task.id": result["task_id"],
        "longcall.task.state": "completed",
        "longcall.task.attempts": 1,
        "longcall.project": "a-project",
        "longcall.model": "demo/echo",
        "longcall.cost_usd": 0.0,
    }
    [request] = told.spans("chat ")
    assert (request.name, request.kind, request.trace) == ("chat echo", "SPAN_KIND_CLIENT", task.trace)
    assert (request.parent, request.is_error) == (task.span, False)
    assert 0 <= request.attributes["gen_ai.response.time_to_first_chunk"] <= request.ns / 1e9
    assert {name: value for name, value in request.attributes.items() if "time_to" not in name} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "longcall",
        "gen_ai.request.model": "echo",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.model": "demo/echo",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 1,
        "longcall.task.id": result["task_id"],
        "longcall.project": "a-project",
        "longcall.model": "demo/echo",
        "longcall.attempt.number": 1,
        "longcall.attempt.role": "answer",
        "longcall.attempt.state": "answered",
        "longcall.attempt.fetched": False,
        "longcall.cost_usd": 0.0,
    }
    assert told.resources()[0]["service.name"] == "longcall"
    await until(lambda: told.metric("longcall.tasks"))
    names = {"gen_ai__operation__name": "chat", "gen_ai__provider__name": "longcall", "gen_ai__request__model": "echo"}
    names |= {"gen_ai__response__model": "demo/echo"}
    assert told.metric("gen_ai.client.token.usage") == {
        key(**names, gen_ai__token__type="input"): 3, key(**names, gen_ai__token__type="output"): 1,
    }  # fmt: skip
    assert list(told.metric("gen_ai.client.operation.duration")) == [key(**names)]
    assert list(told.metric("gen_ai.client.operation.time_to_first_chunk")) == [key(**names)]
    assert told.metric("longcall.tasks") == {key(longcall__task__state="completed"): 1}
    attempt = key(**names, longcall__attempt__state="answered", longcall__attempt__role="answer")
    assert told.metric("longcall.attempts") == {attempt: 1}
    assert list(told.metric("longcall.task.queue.duration")) == [()]


async def test_a_request_that_fails_is_told_with_its_code_and_without_its_words(
    home: Path, environ: dict[str, str], told: Collector
) -> None:
    async with attached(environ | told.environ(LONGCALL_ATTEMPTS="2")) as front:
        await call(front, "llm_call", prompt="x", model="demo/fail")
    task = await task_span(told)
    assert (task.is_error, task.attributes["error.type"]) == (True, "unavailable")
    assert (task.attributes["longcall.task.state"], task.attributes["longcall.task.attempts"]) == ("failed", 2)
    assert "longcall.cost_usd" not in task.attributes
    assert [span.attributes["longcall.attempt.number"] for span in told.spans("chat ")] == [1, 2]
    for request in told.spans("chat "):
        assert (request.is_error, request.attributes["error.type"]) == (True, "unavailable")
        assert (request.attributes["longcall.attempt.state"], request.parent) == ("failed", task.span)
        assert request.attributes["longcall.attempt.maybe_billed"] is False
        assert "gen_ai.response.time_to_first_chunk" not in request.attributes
    await until(lambda: told.metric("longcall.tasks"))
    assert told.metric("longcall.tasks") == {key(error__type="unavailable", longcall__task__state="failed"): 1}
    assert b"The provider is down" not in told.payload


async def test_a_cancelled_task_is_told_as_one(home: Path, environ: dict[str, str], told: Collector) -> None:
    async with attached(environ | told.environ()) as front:
        started = await call(front, "start_task", prompt="one two three four", model="demo/stall")
        await until(lambda: state(home, started["task_id"]) == "running")
        await call(front, "cancel_task", task_id=started["task_id"])
    assert (await task_span(told)).attributes["longcall.task.state"] == "cancelled"
    for request in told.spans("chat "):  # none where the cancel came before the request left
        assert request.attributes["error.type"] == "cancelled"
        assert request.attributes["longcall.attempt.maybe_billed"] is True


async def test_the_trace_of_whoever_asks_goes_on_in_the_worker(
    home: Path, environ: dict[str, str], told: Collector
) -> None:
    meta: Any = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    async with attached(environ | told.environ()) as front:
        await front.call_tool("llm_call", {"prompt": "traced", "model": "demo/echo"}, meta=meta)
        task = await task_span(told)
        assert (task.trace, task.parent) == (TRACE, PARENT)
        # Another one's request is the same request: its trace decides nothing.
        await front.call_tool("llm_call", {"prompt": "other", "model": "demo/echo"}, meta={"traceparent": "nonsense"})
        other = (await until(lambda: told.spans("longcall.task")[1:]))[0]
        assert (other.trace != TRACE, other.parent) == (True, "")


FIXTURES = [
    {"match": {"toolCallId": "look-1"}, "response": {"content": f"{ANSWER} after looking"}},
    {
        "match": {"userMessage": "look around"},
        "response": {"toolCalls": [{"id": "look-1", "name": "mcp__filesystem__list_allowed_directories",
                                    "arguments": json.dumps({})}]},
    },
    {"match": {"userMessage": PROMPT}, "response": {"content": ANSWER}},
]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Generator[Mock]:
    """Returns a provider whose answers are known."""
    with aimock(FIXTURES, tmp_path_factory.mktemp("model")) as mock:
        yield mock


async def _ask_everything(environ: dict[str, str], folder: Path) -> None:
    async with attached(environ, folder) as front:
        judge = {"type": "judge", "criteria": [JUDGED], "models": ["openai/gpt-4o-mini"], "on_fail": "warn"}
        answered = await call(
            front, "llm_call", prompt=PROMPT, system=SYSTEM, model="openai/gpt-4o", validate=["not_empty", judge]
        )  # fmt: skip
        assert (answered["status"], answered["text"]) == ("completed", ANSWER)
        looked = await call(
            front, "llm_call", prompt=f"look around {PROMPT}", model="openai/gpt-4o", servers=["filesystem"]
        )  # fmt: skip
        assert looked["text"] == f"{ANSWER} after looking"


@pytest.fixture
def asking(environ: dict[str, str], model: Mock, told: Collector, tmp_path: Path) -> dict[str, str]:
    """Returns an environment with a model, tools, a collector and secrets."""
    (tmp_path / "project").mkdir()
    secrets = {"OPENAI_API_KEY": KEY, "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={HEADER}", "LONGCALL_LOG_FORMAT": "json"}
    return environ | model.environ() | told.environ() | secrets | {"PATH": installed(tmp_path / "bin")}


async def test_neither_prompts_nor_answers_nor_keys_are_sent_or_logged(
    home: Path, asking: dict[str, str], told: Collector, tmp_path: Path
) -> None:
    await _ask_everything(asking, tmp_path / "project")
    await until(lambda: len(told.spans("longcall.task")) == 2)
    await until(lambda: sum(told.metric("longcall.tasks").values()) == 2)
    await until(lambda: len(told.events()) >= 2)
    roles = [(span.name, span.attributes["longcall.attempt.role"]) for span in told.spans("chat ")]
    assert roles[0] == ("chat gpt-4o", "answer")
    assert set(roles[1:-2]) == {("chat gpt-4o-mini", "judge")}
    assert roles[-2:] == [("chat gpt-4o", "turn"), ("chat gpt-4o", "answer")]
    assert {span.attributes["gen_ai.provider.name"] for span in told.spans("chat ")} == {"openai"}
    [tool] = told.spans("execute_tool ")
    assert (tool.name, tool.kind) == (
        "execute_tool mcp__filesystem__list_allowed_directories", "SPAN_KIND_INTERNAL",
    )  # fmt: skip
    assert (tool.attributes["gen_ai.tool.call.id"], tool.attributes["gen_ai.operation.name"]) == (
        "look-1", "execute_tool",
    )  # fmt: skip
    assert tool.parent in {span.span for span in told.spans("longcall.task")}
    [(names, _)] = told.metric("gen_ai.execute_tool.duration").items()
    assert ("gen_ai.tool.name", "mcp__filesystem__list_allowed_directories") in names
    verdicts = {event.attributes["gen_ai.evaluation.name"]: event for event in told.events()}
    assert verdicts["not_empty"].name == "gen_ai.evaluation.result"
    assert verdicts["not_empty"].attributes["gen_ai.evaluation.score.label"] == "pass"
    assert verdicts["not_empty"].span == told.spans("chat ")[0].span
    assert verdicts["judge"].attributes["gen_ai.evaluation.score.label"] == "error"  # the mock judges nothing
    written = log_of(home, asking).read_bytes()
    for secret in (PROMPT, ANSWER, SYSTEM, JUDGED, KEY, HEADER, str(tmp_path)):
        assert secret.encode() not in told.payload, secret
    for secret in (PROMPT, ANSWER, SYSTEM, JUDGED, KEY, HEADER):
        assert secret.encode() not in written, secret
    assert all(HEADER in headers for headers in told.headers)


async def test_prompts_and_answers_are_sent_where_the_operator_wants_that(
    home: Path, asking: dict[str, str], told: Collector, tmp_path: Path
) -> None:
    shows = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
    await _ask_everything(asking | shows, tmp_path / "project")
    await until(lambda: len(told.spans("longcall.task")) == 2)
    await until(lambda: len(told.events()) >= 2)
    first, *_, last = told.spans("chat ")
    assert json.loads(first.attributes["gen_ai.input.messages"]) == [
        {"role": "system", "parts": [{"type": "text", "content": SYSTEM}]},
        {"role": "user", "parts": [{"type": "text", "content": PROMPT}]},
    ]
    said = [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}], "finish_reason": "stop"}]
    assert json.loads(first.attributes["gen_ai.output.messages"]) == said
    parts = [message["parts"][0]["type"] for message in json.loads(last.attributes["gen_ai.input.messages"])]
    assert parts == ["text", "tool_call", "tool_call_response"]
    [tool] = told.spans("execute_tool ")
    assert tool.attributes["gen_ai.tool.call.arguments"] == "{}"
    assert str(tmp_path / "project") in tool.attributes["gen_ai.tool.call.result"]
    assert any("gen_ai.evaluation.explanation" in event.attributes for event in told.events())
    assert JUDGED.encode() in told.payload
    for secret in (KEY, HEADER):
        assert secret.encode() not in told.payload


async def test_a_collector_that_never_answers_holds_up_neither_calls_nor_the_worker_that_leaves(
    home: Path, environ: dict[str, str]
) -> None:
    with collector(answers=False) as stalled:
        idle = {"LONGCALL_WORKER_IDLE_S": "1"}
        async with attached(environ | stalled.environ() | idle) as front:
            for number in range(5):
                result = await call(front, "llm_call", prompt=f"call {number}", model="demo/echo")
                assert result["text"] == f"call {number}"
            await until(stalled.reached.is_set)
            [first] = worker_processes(home)
            await until(lambda: first.pid not in {process.pid for process in worker_processes(home)})
            # Only now, while its first request to the collector is still open, does anything end there.
            assert (await call(front, "llm_call", prompt="after", model="demo/echo"))["text"] == "after"


async def test_a_collector_that_is_not_there_fails_no_call(home: Path, environ: dict[str, str]) -> None:
    dead = environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}", "OTEL_BSP_SCHEDULE_DELAY": "20"}
    async with attached(dead) as front:
        assert (await call(front, "llm_call", prompt="alone", model="demo/echo"))["text"] == "alone"
        await until(lambda: "Failed to export" in log_of(home, dead).read_text("utf-8"))
        assert (await call(front, "llm_call", prompt="again", model="demo/echo"))["text"] == "again"


WATCHED = """
import os, sys
from pathlib import Path
{first}
from longcall.tasks import process
process.main()
Path(os.environ["LISTED"]).write_text(chr(10).join(sys.modules))
"""
"""A worker that writes down what it has imported when it leaves."""


@contextmanager
def _own_worker(environ: dict[str, str], listed: Path, first: str) -> Generator[subprocess.Popen[bytes]]:
    home = Path(environ["LONGCALL_HOME"])
    ours = fingerprint(environ, read_salt(home))
    command = [sys.executable, "-c", WATCHED.format(first=first), ours]
    with subprocess.Popen(command, env={**environ, "LISTED": str(listed)}) as worker:
        try:
            yield worker
        finally:
            worker.kill()


async def _imported(environ: dict[str, str], tmp_path: Path, model: str = "demo/echo", first: str = "") -> set[str]:
    """Returns the modules that a worker has imported when it leaves after a call."""
    listed = tmp_path / "listed"
    async with attached(environ) as front:
        await call(front, "poll_task")  # opens the store, and starts nothing
        with _own_worker(environ, listed, first) as worker:
            workers = Path(environ["LONGCALL_HOME"]) / "workers"
            await until(lambda: is_alive(workers, fingerprint(environ, read_salt(workers.parent))))
            assert (await call(front, "llm_call", prompt="x", model=model))["status"] == "completed"
            await until(lambda: worker.poll() is not None)
    return set(listed.read_text("utf-8").split())


def _of_the_sdk(imported: set[str]) -> list[str]:
    return [name for name in imported if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))]


async def test_nothing_of_the_sdk_is_imported_until_an_endpoint_is_configured(
    home: Path, environ: dict[str, str], openai_mock: Mock, tmp_path: Path
) -> None:
    imported = await _imported(environ | openai_mock.environ() | BRIEF, tmp_path, model="openai/gpt-4o")
    assert ("litellm" in imported, _of_the_sdk(imported)) == (True, [])


async def test_nothing_of_the_sdk_is_imported_where_it_is_disabled(
    home: Path, environ: dict[str, str], told: Collector, tmp_path: Path
) -> None:
    assert _of_the_sdk(await _imported(environ | BRIEF | told.environ(OTEL_SDK_DISABLED="true"), tmp_path)) == []
    assert told.payload == b""


async def test_the_sdk_is_imported_where_an_endpoint_is_configured_and_what_is_left_is_sent_at_the_end(
    home: Path, environ: dict[str, str], told: Collector, tmp_path: Path
) -> None:
    late = {"OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_METRIC_EXPORT_INTERVAL": "600000"}
    imported = await _imported(environ | BRIEF | told.environ(**late), tmp_path)
    assert {"opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http"} <= imported
    assert [span.name for span in told.spans()] == ["chat echo", "longcall.task"]
    assert told.metric("longcall.tasks") == {key(longcall__task__state="completed"): 1}


async def test_without_the_sdk_the_worker_says_once_what_to_install(
    home: Path, environ: dict[str, str], told: Collector, tmp_path: Path
) -> None:
    asked = environ | BRIEF | told.environ()
    await _imported(asked, tmp_path, first="sys.modules['opentelemetry.sdk'] = None")
    said = log_of(home, asked).read_text("utf-8")
    assert said.count("OTEL_EXPORTER_OTLP_ENDPOINT asks for it") == 1
    assert "Install longcall[otel]" in said
    assert told.payload == b""
