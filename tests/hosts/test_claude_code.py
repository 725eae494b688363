"""The server as the real Claude Code uses it, and what Claude Code shows the model of its answers."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hosts.conftest import FINAL, Run, Turn
from hosts.shapes_server import STRUCTURED, TEXT
from support.http_server import http_server
from support.processes import attached, call, front_processes, rows, state, until

from longcall.overflow import HEAD_CHARS

PROMPT = 'say "hi" to\nmy two lines'


def _longcall(environ: Mapping[str, str]) -> dict[str, Any]:
    ours = {name: value for name, value in environ.items() if name.startswith("LONGCALL_")}
    return {"command": sys.executable, "args": ["-m", "longcall_server"], "env": ours}


def _call(tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    return f"mcp__longcall__{tool}", arguments


def _told(shown: str) -> tuple[dict[str, Any], str]:
    """Returns the line of facts and the answer after it, which the model must be shown as it is, not as JSON."""
    first, _, answer = shown.partition("\n\n")
    facts = json.loads(first)
    assert "text" not in facts
    return facts, answer


def test_the_model_is_shown_the_status_first_and_the_answer_whole(
    claude_code: Run, home: Path, environ: dict[str, str]
) -> None:
    ran = claude_code(_longcall(environ), [Turn([_call("llm_call", prompt=PROMPT, model="demo/echo")])])
    facts, answer = _told(ran.shown[0])
    assert ran.said == FINAL
    assert next(iter(facts)) == "status"
    assert (facts["status"], answer) == ("completed", PROMPT)
    assert state(home, facts["task_id"]) == "completed"


def test_an_error_is_shown_as_its_sentence(claude_code: Run, environ: dict[str, str]) -> None:
    ran = claude_code(_longcall(environ), [Turn([_call("llm_call", prompt=" ", model="demo/echo")])])
    assert "There is nothing to ask" in ran.shown[0]
    assert not ran.shown[0].startswith("{")


async def test_the_work_goes_on_when_claude_code_ends_and_its_next_run_finds_the_answer(
    claude_code: Run, home: Path, environ: dict[str, str]
) -> None:
    begun = _call("llm_call", prompt="a story", model="demo/slow-4", wait_s=0.1)
    first = claude_code(_longcall(environ), [Turn([begun]), Turn([_call("poll_task")])])
    working, _ = _told(first.shown[0])
    assert working["status"] == "working"
    assert [task["task_id"] for task in _told(first.shown[1])[0]["tasks"]] == [working["task_id"]]
    await until(lambda: not front_processes(home))
    await until(lambda: state(home, working["task_id"]) == "completed")
    second = claude_code(_longcall(environ), [Turn([_call("poll_task", task_id=working["task_id"])])])
    completed, answer = _told(second.shown[0])
    assert (completed["status"], completed["attempts"]) == ("completed", 1)
    assert answer.endswith("this last one.")


def test_over_http_it_calls_begins_and_polls(claude_code: Run, home: Path, environ: dict[str, str]) -> None:
    asking = _call("llm_call", prompt=PROMPT, model="demo/echo")
    beginning = _call("start_task", prompt="begun", model="demo/slow-0.5")
    with http_server(environ, home.parent / "served") as served:
        remote = {"type": "http", "url": served.url}
        ran = claude_code(remote, [Turn([asking]), Turn([beginning]), Turn([_call("poll_task")])])
        begun = _told(ran.shown[1])[0]["task_id"]
        polled = claude_code(remote, [Turn([_call("poll_task", task_id=begun, wait_s=45)])])
    assert _told(ran.shown[0])[1] == PROMPT
    assert begun in [task["task_id"] for task in _told(ran.shown[2])[0]["tasks"]]
    facts, answer = _told(polled.shown[0])
    assert (facts["status"], facts["task_id"]) == ("completed", begun)
    assert answer.endswith("this last one.")


async def test_an_answer_that_fits_is_shown_whole_and_a_longer_one_by_its_beginning_and_file(
    claude_code: Run, environ: dict[str, str]
) -> None:
    texts = ["line of text\n" * 2_900, "東京都の" * 3_300, "longer text\n" * 3_400]
    async with attached(environ) as client:
        answers = [await call(client, "llm_call", prompt=text, model="demo/echo") for text in texts]
    # One run each: the mock's journal keeps no request above 64 KB whole.
    polls = [[Turn([_call("poll_task", task_id=answer["task_id"])])] for answer in answers]
    latin, cjk, longer = [_told(claude_code(_longcall(environ), poll).shown[0]) for poll in polls]
    assert latin[1] == texts[0]
    assert cjk[1] == texts[1]
    assert texts[2].startswith(longer[1])
    assert len(longer[1]) == HEAD_CHARS
    assert longer[0]["path"] in longer[0]["next"]
    assert longer[0]["total_chars"] == len(texts[2])


def test_a_prompt_of_ours_is_a_slash_command(claude_code: Run, environ: dict[str, str]) -> None:
    turns = [Turn([_call("llm_call", prompt="delegated", model="demo/echo")])]
    ran = claude_code(_longcall(environ), turns, prompt="/mcp__longcall__delegate translate demo/echo")
    assert "Let another model do this through longcall: translate" in ran.asked
    assert "model='demo/echo'" in ran.asked
    assert _told(ran.shown[0])[1] == "delegated"


def test_calls_of_one_message_run_side_by_side(claude_code: Run, home: Path, environ: dict[str, str]) -> None:
    calls = [_call("llm_call", prompt=f"number {number}", model="demo/slow-1.5") for number in range(3)]
    ran = claude_code(_longcall(environ), [Turn(calls)])
    assert len(ran.shown) == 3
    spans = rows(home, "SELECT max(started_at) AS last_begun, min(finished_at) AS first_ended FROM tasks")[0]
    assert spans["last_begun"] < spans["first_ended"]


def test_the_model_sees_structured_content_instead_of_text_and_text_where_there_is_none(claude_code: Run) -> None:
    shapes = {"command": sys.executable, "args": [str(Path(__file__).with_name("shapes_server.py"))]}
    ran = claude_code(shapes, [Turn([_call("text"), _call("both"), _call("meta"), _call("error")])])
    text, both, meta, error = ran.shown
    assert text == meta == TEXT
    assert json.loads(both) == STRUCTURED
    assert error.startswith(TEXT)
