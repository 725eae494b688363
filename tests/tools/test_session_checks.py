"""Answers that are checked, as a session tells of them; with a real worker and the models of the demo."""

import os
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any, cast

import pytest
from support.processes import kill, worker_processes

from longcall import CallError, Session, UnknownTaskError
from longcall.access import open_session
from longcall.models import Decision
from longcall.page import Page
from longcall.preparing import Desk
from longcall.question import Question
from longcall.settings import read_settings

JUDGE = {"type": "judge", "criteria": ["It is right."], "models": ["demo/echo"]}
OTHER_JUDGE = {**JUDGE, "models": ["demo/fail"]}
COMMANDS = {"mcpServers": {"mine": {"command": "rm"}}}


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Returns a store that the tests of this file share, with its worker; the worker is killed afterwards."""
    path = tmp_path_factory.mktemp("checks") / "home"
    yield path
    kill(worker_processes(path))


@pytest.fixture
async def session(shared_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Session]:
    """Returns the shared store as a host sees it."""
    monkeypatch.setenv("LONGCALL_HOME", str(shared_home))
    monkeypatch.setenv("LONGCALL_MODEL", "demo/echo")
    monkeypatch.setenv("LONGCALL_ATTEMPTS", "1")
    async with open_session(read_settings(os.environ), os.environ, project=tmp_path) as opened:
        yield opened


async def unchecked(session: Session, prompt: str = "perhaps") -> str:
    """Returns a task whose judge, the echo, gives no verdict."""
    result = await session.llm_call(prompt, validate=[JUDGE], fresh=True)
    assert result.task_id is not None
    assert (result.status, result.text, result.attempts) == ("failed", prompt, 3)
    return result.task_id


async def test_a_judge_without_a_verdict_is_told_apart_from_a_bad_answer(session: Session):
    result = await session.poll_task(await unchecked(session))
    assert result.error is not None
    assert (result.error["code"], result.error["retryable"]) == ("not_checked", True)
    assert result.validation is not None
    assert (result.validation["valid"], result.validation.get("issues")) == (False, None)
    assert [vote["verdict"] for vote in result.validation["votes"]] == ["error"]
    assert result.warnings[0].startswith("The answer was not checked.")
    assert any("judged its own answer" in warning for warning in result.warnings)


async def test_a_judge_that_is_down_is_told_so(session: Session):
    result = await session.llm_call("perhaps", validate=[OTHER_JUDGE], fresh=True)
    assert result.error is not None
    assert (result.error["code"], result.text, result.attempts) == ("not_checked", "perhaps", 2)
    assert "down, as demo/fail always is" in result.error["message"]


async def test_an_attempts_answer_can_be_read_in_pages(session: Session):
    task = await unchecked(session, "0123456789")
    assert (await session.poll_task(task, attempt=1)).text == "0123456789"
    part = await session.poll_task(task, attempt=1, page=Page(2, 3))
    assert (part.text, part.offset, part.total_chars) == ("234", 2, 10)
    assert f"poll_task(task_id={task!r}, attempt=1, offset=5)" in (part.next or "")
    judged = await session.poll_task(task, attempt=2)
    assert "0123456789" in (judged.text or "")
    assert judged.text != "0123456789"


@pytest.mark.parametrize("attempt", [0, 4, 99])
async def test_an_attempt_that_never_was_is_a_clear_error(session: Session, attempt: int):
    task = await unchecked(session)
    with pytest.raises(CallError, match=r"keeps no answer of an attempt .* it has 3"):
        await session.poll_task(task, attempt=attempt)


async def test_an_answer_without_checks_is_kept_with_its_task_alone(session: Session):
    result = await session.llm_call("perhaps", fresh=True)
    assert (result.status, result.validation) == ("completed", None)
    with pytest.raises(CallError, match="keeps those answers that were checked"):
        await session.poll_task(result.task_id, attempt=1)


async def test_an_attempt_of_another_principals_task_is_told_of_as_if_there_were_none(session: Session):
    task = await unchecked(session.as_principal("ann"))
    with pytest.raises(UnknownTaskError):
        await session.as_principal("bob").poll_task(task, attempt=1)
    assert (await session.as_principal("ann").poll_task(task, attempt=1)).text == "perhaps"


@pytest.mark.parametrize(
    "options",
    [
        {"mcp_config": COMMANDS},
        {"validate": [{**JUDGE, "models": ["max/sonnet"], "mcp_config": COMMANDS}]},
        {"validate": [JUDGE], "retry": {"tool_stage": {"after": 1, "mcp_config": COMMANDS}}},
        {"validate": [JUDGE], "retry": {"max_attempts_before_tool_use": 1, "debug_tool_mcp_config": COMMANDS}},
    ],
    ids=["the call's", "a judge's", "a stage's", "the predecessor's stage"],
)
async def test_no_argument_of_a_host_names_commands(session: Session, options: dict[str, Any]):
    with pytest.raises(CallError, match="names commands to run"):
        await session.start_task("why?", model="max/sonnet", **options)
    operator = Desk(session.client.settings, {}, (), is_operator=True)
    [call] = await operator.calls([("why?", "max/sonnet")], cast("Question", options))
    assert call.names_commands


@pytest.mark.parametrize(
    "asked",
    [
        {"prompt": "more"},
        {"prompts": ["more"]},
        {"models": ["m"]},
        {"model": "m"},
        {"validate": [JUDGE]},
        {"retry": {}},
    ],
    ids=str,
)
async def test_a_guided_task_keeps_what_was_asked(session: Session, asked: dict[str, Any]):
    with pytest.raises(CallError, match="With `resume` give `guidance` alone"):
        await session.start_task(resume="0" * 32, guidance="be sure", **asked)


async def test_guidance_needs_a_task_that_needs_it(session: Session):
    task = await unchecked(session)
    with pytest.raises(CallError):
        await session.start_task(resume=task, guidance="be sure")
    with pytest.raises(CallError, match="`guidance` goes with `resume`"):
        await session.start_task("why?", guidance="be sure")


async def test_a_person_decides_and_the_task_goes_on(session: Session):
    asked: dict[str, Any] = {"validate": [JUDGE], "retry": {"max_attempts_before_human": 1}, "fresh": True}
    doubtful = await session.llm_call("perhaps", **asked)
    assert (doubtful.status, doubtful.text) == ("needs_review", "perhaps")
    assert f"start_task(resume={doubtful.task_id!r}, guidance=…)" in (doubtful.next or "")
    again = await session.start_task(resume=doubtful.task_id, guidance="be sure")
    assert again.task_id == doubtful.task_id
    ended = await session.poll_task(doubtful.task_id, wait_s=None)
    assert (ended.status, ended.text) == ("needs_review", "be sure")
    assert ended.validation is not None
    assert [one["n"] for one in ended.validation["attempts"]] == [4]
    accepted = await session.review(str(doubtful.task_id), Decision.ACCEPT)
    assert accepted.status == "completed"
