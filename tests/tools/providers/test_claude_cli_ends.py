"""How calls of Claude's command line end before their time, and what is left of them: nothing."""

import json
import sys
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from support.claude import (
    Answer,
    Claude,
    Endpoint,
    an_answer,
    answering,
    error_body,
    fake_cli,
    filesystem_server,
    half_an_answer,
    processes_in,
)
from support.mocks import aimock
from support.processes import until

from longcall.calling import new_call
from longcall.providers import Event
from longcall.settings import Settings

NOWHERE = "http://127.0.0.1:9"
LONG = {"match": {}, "response": {"content": "word " * 20_000}, "latency": 50, "chunkSize": 20}
INIT = json.dumps({"type": "system", "subtype": "init", "session_id": "s", "mcp_servers": []})
HALF = json.dumps({"type": "stream_event", "event": {"type": "message_start", "message": {"model": "m"}}})
TEXT = json.dumps(
    {"type": "stream_event", "event": {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Half"}}}
)
RESULT = json.dumps({"type": "result", "subtype": "success", "is_error": False, "result": "Half"})


def says(*lines: str, then: str = "") -> list[str]:
    """Returns a script that writes `lines` to stdout and then does something."""
    return ["import os, signal, sys, time", *(f"print({line!r}, flush=True)" for line in lines), then]


def fake(claude: Claude, lines: list[str], **more: str) -> dict[str, str]:
    path = fake_cli(claude.folder, lines, sys.executable)
    return claude.environ(NOWHERE, **{**more, "LONGCALL_CLAUDE_CLI": str(path)})


@pytest.mark.parametrize("servers", [False, True])
async def test_a_cancelled_call_leaves_no_process(claude: Claude, tmp_path: Path, servers: bool):
    own = {"mcpServers": {"files": filesystem_server(tmp_path)}} if servers else None
    with aimock([LONG], tmp_path) as mock:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: claude.ask(claude.environ(mock.url), mcp_config=own))
            await until(mock.journal)
            names = {Path(process.exe()).name for process in processes_in(tmp_path)}
            assert ("node" in names) is servers
            assert "claude" in names
            tasks.cancel_scope.cancel()
        await claude.gone()


async def test_closing_the_stream_ends_the_process(claude: Claude, tmp_path: Path):
    async def sending() -> None:
        pass

    with aimock([LONG], tmp_path) as mock:
        provider = claude.provider(claude.environ(mock.url))
        async with aclosing(provider.stream(new_call(model="max/opus", prompt="x"), sending)) as events:
            first: Event = await anext(events)  # it came while the answer was far from its end
            assert isinstance(first, str)
            assert first.startswith("word")
            assert claude.left() != []
        await claude.gone()


async def test_one_that_does_not_heed_is_killed_with_what_it_started(claude: Claude):
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); os.fork(); print('deaf', flush=True); time.sleep(600)"
    environ = fake(claude, says(INIT, HALF, TEXT, then=deaf))
    answer = Answer()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: claude.ask(environ, into=answer))
        await until(lambda: answer.pieces and len(processes_in(claude.folder)) >= 3)  # both, and the watch
        tasks.cancel_scope.cancel()
    await claude.gone()


async def test_what_is_left_behind_after_the_result_is_ended(claude: Claude):
    answer = await claude.ask(fake(claude, says(INIT, "not json", RESULT, then="os.fork() or time.sleep(600)")))
    assert answer.text == "Half"
    await claude.gone()


KILLED = """
import anyio, os, tempfile
from longcall.calling import new_call
from longcall.providers.claude_cli import ClaudeCLIProvider
from longcall.settings import Settings

async def sending():
    pass

async def main():
    provider = ClaudeCLIProvider(Settings(claude_api_key=True), os.environ)
    async for event in provider.stream(new_call(model="max/opus", prompt="x"), sending):
        print("began", flush=True)

anyio.run(main)
"""


async def test_the_death_of_the_worker_ends_it_and_removes_its_folder(claude: Claude, tmp_path: Path):
    with aimock([LONG], tmp_path) as mock:
        environ = claude.environ(mock.url)
        async with await anyio.open_process([sys.executable, "-c", KILLED], env=environ, cwd="/") as worker:
            assert worker.stdout is not None
            assert await worker.stdout.receive() == b"began\n"
            assert claude.left() != []
            psutil.Process(worker.pid).kill()
        await claude.gone()


async def test_garbage_on_stdout_is_told_and_does_no_harm(claude: Claude, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    garbage = ["MOTD: sk-ant-mock-0123456789", "[1]", "{", "", "more", "{'x': 1}"]
    answer = await claude.ask(fake(claude, says(*garbage[:3], INIT, *garbage[3:], HALF, TEXT, RESULT)))
    assert answer.text == "Half"
    told = [record.getMessage() for record in caplog.records if "no message" in record.getMessage()]
    assert [line.rpartition(": ")[2] for line in told] == ["[redacted]", "[1]", "{"]
    assert "claude session s" in caplog.messages


@pytest.mark.parametrize("ending", ["", "sys.stdout.write('{')"])
async def test_an_end_without_a_result_is_no_answer(claude: Claude, ending: str):
    answer = Answer()
    error = await claude.refusal(fake(claude, says(INIT, HALF, TEXT, then=ending)), into=answer)
    assert (error.failure.code, error.failure.retryable, error.refused) == ("incomplete_stream", True, False)
    assert answer.text == "Half"
    assert answer.sent == 1


@pytest.mark.parametrize(("said", "refused"), [([], True), ([INIT], False)])
async def test_a_crash_tells_its_code_and_last_words_without_keys(
    claude: Claude, monkeypatch: pytest.MonkeyPatch, said: list[str], refused: bool
):
    monkeypatch.setenv("MY_SERVICE_PASSWORD", "tr0ub4dor&3")
    last = "sys.stderr.write('x' * 100_000 + ' boom sk-ant-api03-abcdefgh tr0ub4dor&3'); sys.exit(7)"
    error = await claude.refusal(fake(claude, says(*said, then=last)))
    assert (error.failure.code, error.failure.retryable, error.refused) == ("crashed", False, refused)
    assert "exit code 7" in error.failure.message
    assert error.failure.message.endswith("boom [redacted] [redacted]")
    assert ("Nothing was sent" in error.failure.message) is refused
    assert len(error.failure.message) < 800
    await claude.gone()


async def test_a_command_line_of_another_edition_says_what_it_does_not_know(claude: Claude):
    environ = fake(claude, says(then="sys.exit(\"error: unknown option '--setting-sources='\")"))
    assert "unknown option '--setting-sources='" in (await claude.refusal(environ)).failure.message


async def test_one_that_is_not_there_is_told_before_anything_is_sent(claude: Claude):
    answer = Answer()
    error = await claude.refusal(claude.environ(NOWHERE, LONGCALL_CLAUDE_CLI="/nowhere/claude"), into=answer)
    assert error.failure.code == "not_installed"
    assert "not at /nowhere/claude. Install it" in error.failure.message
    bare = {"PATH": str(claude.folder)}
    assert "is not on the PATH" in (await claude.refusal(bare, into=answer)).failure.message
    assert answer.sent == 0
    await claude.gone()


async def test_nobody_keeps_its_answer_in_the_background(claude: Claude):
    answer = Answer()
    error = await claude.refusal(claude.environ(NOWHERE), background=True, into=answer)
    assert (error.failure.code, answer.sent) == ("rejected", 0)
    assert "cannot work in the background" in error.failure.message


async def test_one_that_does_not_leave_after_closing_its_output_is_told(
    claude: Claude, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("longcall.providers.claude_process._LEAVE_S", 0.1)
    error = await claude.refusal(fake(claude, says(then="os.close(1); os.close(2); time.sleep(600)")))
    assert (error.failure.code, error.refused) == ("crashed", True)
    assert "closed its output without an answer" in error.failure.message
    await claude.gone()


async def test_one_that_cannot_be_started_is_told(claude: Claude, monkeypatch: pytest.MonkeyPatch):
    async def no_more_processes(*_: Any, **__: Any) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(anyio, "open_process", no_more_processes)
    error = await claude.refusal(fake(claude, says(RESULT)))
    assert (error.failure.code, error.refused) == ("not_installed", True)
    assert "Resource temporarily unavailable" in error.failure.message
    await claude.gone()


async def test_one_that_nobody_logged_in_is_told_with_what_to_do(claude: Claude):
    answer = Answer()
    error = await claude.refusal(claude.environ(NOWHERE), settings=Settings(), into=answer)
    assert (error.failure.code, error.refused, answer.text) == ("not_logged_in", True, "")
    assert "LONGCALL_CLAUDE_API_KEY=1" in error.failure.message


async def test_a_usage_limit_says_when_it_ends(claude: Claude):
    ends = int(time.time()) + 5400
    limit = "anthropic-ratelimit-unified"
    headers = {
        f"{limit}-status": "rejected",
        f"{limit}-reset": str(ends),
        f"{limit}-representative-claim": "five_hour",
        f"{limit}-5h-status": "rejected",
        f"{limit}-5h-reset": str(ends),
        f"{limit}-overage-status": "rejected",
    }
    body = error_body("rate_limit_error", "This request would exceed your account's rate limit.")
    with answering(Endpoint(429, body, headers)) as endpoint:
        environ = claude.environ(endpoint.url, CLAUDE_CODE_OAUTH_TOKEN="sk-ant-oat01-mock-0123456789")
        error = await claude.refusal(environ, settings=Settings())
    assert (error.failure.code, error.failure.retryable, error.refused) == ("usage_limit", True, True)
    assert error.retry_after is not None
    assert 5000 < error.retry_after <= 5400
    assert "limit · resets" in error.failure.message
    assert len(endpoint.asked) == 1


async def test_a_usage_limit_in_the_words_of_older_editions_says_so_too(claude: Claude):
    said = {"type": "result", "subtype": "success", "is_error": True}
    line = json.dumps({**said, "result": f"Claude AI usage limit reached|{int(time.time()) + 5400}"})
    error = await claude.refusal(fake(claude, says(INIT, line)))
    assert error.failure.code == "usage_limit"
    assert error.retry_after is not None
    assert 5000 < error.retry_after <= 5400
    assert not error.refused  # without a status nothing is proven


@pytest.mark.parametrize(
    ("status", "kind", "message", "code", "retryable", "refused"),
    [
        (429, "rate_limit_error", "Slow down.", "rate_limit", True, True),
        (529, "overloaded_error", "Overloaded", "unavailable", True, True),
        (500, "api_error", "Internal", "unavailable", True, True),
        (401, "authentication_error", "invalid x-api-key", "no_access", False, True),
        (403, "permission_error", "not allowed", "no_access", False, True),
        (404, "not_found_error", "model: sonnet", "unknown_model", False, True),
        (400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", "context_window", False, True),
        (400, "invalid_request_error", "Your credit balance is too low to access the API.", "quota", False, True),
        (400, "invalid_request_error", "messages: nonsense", "rejected", False, True),
        (0, "", "", "disconnected", True, False),
    ],
)
async def test_what_the_service_answers_is_told_and_what_may_pass_is_asked_once(
    claude: Claude, status: int, kind: str, message: str, code: str, retryable: bool, refused: bool
):
    answer = Answer()
    with answering(Endpoint(status, error_body(kind, message))) as endpoint:
        error = await claude.refusal(claude.environ(endpoint.url), into=answer)
    assert (error.failure.code, error.failure.retryable, error.refused) == (code, retryable, refused)
    assert error.retry_after is None
    assert (answer.text, answer.sent) == ("", 1)
    if status not in (400, 404):  # of which it tries variations: all are turned away
        assert len(endpoint.asked) == 1


async def test_a_service_that_cannot_be_reached_was_sent_nothing(claude: Claude):
    error = await claude.refusal(claude.environ(NOWHERE))
    assert (error.failure.code, error.failure.retryable, error.refused) == ("unreachable", True, True)


async def test_an_answer_that_breaks_off_is_kept_and_not_asked_again(claude: Claude):
    answer = Answer()
    with answering(Endpoint(200, half_an_answer("Half of it"))) as endpoint:
        error = await claude.refusal(claude.environ(endpoint.url), into=answer)
    assert (error.failure.code, error.refused, answer.text) == ("incomplete_stream", False, "Half of it")
    assert len(endpoint.asked) == 1


async def test_an_error_in_the_midst_of_an_answer_proves_nothing(claude: Claude):
    broken = (
        half_an_answer("Half of it") + b"event: error\ndata: " + error_body("overloaded_error", "Overloaded") + b"\n\n"
    )
    with answering(Endpoint(200, broken)) as endpoint:
        error = await claude.refusal(claude.environ(endpoint.url))
    assert (error.failure.code, error.refused) == ("incomplete_stream", False)


async def test_an_answer_that_safeguards_stop_is_told(claude: Claude):
    answer = Answer()
    with answering(Endpoint(200, an_answer("So far.", "refusal"))) as endpoint:
        error = await claude.refusal(claude.environ(endpoint.url), into=answer)
    assert (error.failure.code, error.failure.retryable, error.refused) == ("content_policy", False, False)
    assert "safeguards" in error.failure.message
    assert answer.text == "So far.\n\nSo far."  # it tries once more by itself


async def test_an_answer_begun_anew_is_told_and_one_gone_on_with_is_not(claude: Claude):
    def event(**event: Any) -> str:
        return json.dumps({"type": "stream_event", "event": event})

    def ended(stop_reason: str) -> str:
        return event(type="message_delta", delta={"stop_reason": stop_reason})

    anew = await claude.ask(fake(claude, says(INIT, HALF, TEXT, ended("refusal"), HALF, TEXT, RESULT)))
    assert anew.text == "Half\n\nHalf"
    assert any("began its answer anew" in warning for warning in anew.ending.warnings)
    on = await claude.ask(fake(claude, says(INIT, HALF, TEXT, ended("max_tokens"), HALF, TEXT, RESULT)))
    assert on.text == "HalfHalf"
    assert not any("anew" in warning for warning in on.ending.warnings)


async def test_an_answer_cut_at_its_limit_of_tokens_says_so(claude: Claude, tmp_path: Path):
    cut = {"match": {}, "response": {"content": "Cut here.", "finishReason": "length"}}
    with aimock([cut], tmp_path) as mock:
        answer = await claude.ask(claude.environ(mock.url, CLAUDE_CODE_MAX_OUTPUT_TOKENS="77"))
    assert answer.text.startswith("Cut here.")
    assert answer.ending.finish_reason == "length"
    assert any("cut at its token limit" in warning for warning in answer.ending.warnings)


@pytest.mark.parametrize(
    ("result", "code", "said"),
    [
        ({"subtype": "error_during_execution", "errors": ["No conversation found"]}, "failed", "No conversation found"),
        ({"subtype": "error_max_budget_usd"}, "failed", "error_max_budget_usd"),
        ({"api_error_status": 418, "result": "I am a teapot"}, "rejected", "teapot"),
        ({"api_error_status": 599, "result": "Odd"}, "unavailable", "Odd"),
    ],
)
async def test_other_failures_are_told_in_its_own_words(claude: Claude, result: dict[str, Any], code: str, said: str):
    line = json.dumps({"type": "result", "is_error": True, **result})
    error = await claude.refusal(fake(claude, says(INIT, line)))
    assert error.failure.code == code
    assert said in error.failure.message


async def test_what_streamed_and_is_not_the_answer_is_told(claude: Claude):
    other = json.dumps({"type": "result", "subtype": "success", "is_error": False, "result": "Another text"})
    answer = await claude.ask(fake(claude, says(INIT, HALF, TEXT, other)))
    assert answer.text == "Half\n\nAnother text"
    assert any("not what it streamed" in warning for warning in answer.ending.warnings)


async def test_a_result_is_the_answer_where_nothing_streamed(claude: Claude):
    message = json.dumps({"type": "assistant", "message": {"model": "claude-x", "content": []}})
    answer = await claude.ask(fake(claude, says(INIT, message, RESULT)))
    assert answer.text == "Half"
    assert not any("streamed" in warning for warning in answer.ending.warnings)
