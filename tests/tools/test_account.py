"""The account of a task's requests, as results show it, within what hosts take."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tools.samples import ended, running

from longcall.account import cost_of, stage_of, usage_of, validation_of
from longcall.errors import Failure
from longcall.models import (
    Attempt,
    AttemptState,
    Checked,
    Completion,
    Role,
    Task,
    TaskState,
    Usage,
    Validation,
    Vote,
)
from longcall.overflow import fitting
from longcall.result import progress_of
from longcall.validators.base import Issue
from longcall.validators.judge import Judge

FAULT = Issue("length", "too_long", "It is too long.", "line 3", "2 lines", "9 lines", "Be brief.")
CLAUDE_CODE_CHARS = 10_000
"""Where Claude Code cuts the result of a failed call."""


def attempt(number: int, *issues: Issue, role: Role = Role.ANSWER, **fields: Any) -> Attempt:
    """Returns an answer that was checked, or a judge's."""
    checked = Checked(issues, ms=5) if role is Role.ANSWER else None
    made = Attempt(number, "m", AttemptState.ANSWERED, 1, 2, Usage(10, 5), 0.25, None, role, checked=checked)
    return replace(made, **fields)


def judged(task: Task) -> Task:
    """Returns a task with a check."""
    assert task.call is not None
    judge = Judge(criteria=("It is short.",), models=("j",))
    return replace(task, call=task.call.model_copy(update={"validators": (judge,)}))


def checked(*attempts: Attempt, validation: Validation | None = None, text: str = "so") -> Task:
    """Returns a task that ended after its answers were checked."""
    return replace(judged(ended(text)), attempts=attempts, validation=validation)


def told(task: Task) -> dict[str, Any]:
    """Returns what is told of its checks."""
    found = validation_of(task)
    assert found is not None
    return found


def test_tokens_and_price_are_those_of_all_requests_judges_included():
    task = checked(attempt(1, FAULT), attempt(2, role=Role.JUDGE), attempt(3))
    assert usage_of(task) == {"input_tokens": 30, "output_tokens": 15}
    assert cost_of(task) == 0.75


@pytest.mark.parametrize(
    ("state", "cost"),
    [
        (AttemptState.FAILED, 0.25),
        (AttemptState.LOST, None),
        (AttemptState.CANCELLED, None),
        (AttemptState.SENT, None),
    ],
)
def test_only_a_refused_request_is_known_to_cost_nothing(state: AttemptState, cost: float | None):
    other = attempt(1, usage=None, cost_usd=None, state=state, checked=None)
    assert cost_of(checked(other, attempt(2))) == cost


def test_the_price_of_a_request_that_a_deadline_met_is_unknown():
    late = Failure("timeout", "Too late.")
    met = attempt(2, usage=None, cost_usd=None, state=AttemptState.FAILED, checked=None, failure=late)
    assert cost_of(replace(checked(attempt(1), met), state=TaskState.FAILED, failure=late)) is None
    assert cost_of(checked(attempt(1), met)) == 0.25


def test_an_unknown_price_of_one_makes_the_whole_unknown():
    assert cost_of(checked(attempt(1), attempt(2, cost_usd=None))) is None
    assert cost_of(checked(attempt(1), attempt(2, cost_usd=0.0))) == 0.25


def test_what_nobody_counted_is_not_told():
    assert usage_of(checked(attempt(1, usage=None))) is None
    assert usage_of(checked(attempt(1, usage=None), attempt(2))) == {"input_tokens": 10, "output_tokens": 5}


def test_a_task_without_attempts_tells_its_completion():
    task = replace(ended("x"), completion=Completion("m", "stop", Usage(1, 2, reasoning_tokens=1), 0.5))
    assert usage_of(task) == {"input_tokens": 1, "output_tokens": 2, "reasoning_tokens": 1}
    assert cost_of(task) == 0.5


SENT: dict[str, Any] = {"state": AttemptState.SENT, "checked": None, "ended_at": None, "usage": None}


@pytest.mark.parametrize(
    ("attempts", "said"),
    [
        ((), ", attempt 1/3"),
        ((attempt(1, **SENT),), ", attempt 1/3"),
        ((attempt(1, checked=None),), ", attempt 1/3"),
        ((attempt(1, checked=None), attempt(2, role=Role.JUDGE, **SENT)), ", attempt 1/3, judged by m"),
        ((attempt(1, FAULT), attempt(2, **SENT)), ", attempt 2/3: 1 issue before"),
        ((attempt(1, FAULT, FAULT), attempt(2, **SENT)), ", attempt 2/3: 2 issues before"),
        ((attempt(1, FAULT), attempt(2, FAULT), attempt(3, **SENT)), ", attempt 3/3: 1 issue before"),
    ],
)
def test_progress_says_which_answer_is_coming_and_what_was_wrong_before(attempts: tuple[Attempt, ...], said: str):
    task = replace(judged(running("so")), attempts=attempts)
    assert stage_of(task) == said
    assert progress_of(task).endswith(said)


def test_progress_of_a_guided_task_begins_anew():
    past = (attempt(1, FAULT), attempt(2, FAULT))
    task = replace(judged(running()), attempts=(*past, attempt(3, series=1, **SENT)), series=1)
    assert stage_of(task) == ", attempt 1/3"
    assert stage_of(replace(task, series=0, attempts=past)) == ", attempt 2/3: 1 issue before"


def test_a_task_without_checks_tells_of_none():
    assert validation_of(replace(ended("x"), attempts=(attempt(1, checked=None),))) is None
    assert stage_of(running()) == ""


def test_a_task_that_is_still_at_it_tells_what_was_found_so_far():
    task = replace(judged(running()), attempts=(attempt(1, FAULT),))
    assert told(task)["valid"] is None
    assert told(task)["attempts"][0]["issues"] == ["length: It is too long."]


def test_what_passed_is_told_in_short():
    task = checked(attempt(1), validation=Validation(valid=True, returned="passed", best=1, last=1))
    assert told(task) == {
        "valid": True,
        "returned": "passed",
        "best": 1,
        "last": 1,
        "attempts": [{"n": 1, "model": "m", "valid": True, "issues": [], "usage": [10, 5], "ms": 5}],
    }


FAILED = Validation(
    valid=False, returned="best", stopped="Enough.", issues=(FAULT,), best=1, last=2, feedback_next="Mend it."
)


def test_what_failed_is_told_with_its_issues_the_last_text_and_what_to_say_next():
    last = attempt(2, FAULT, FAULT, text="the last")
    found = told(checked(attempt(1, FAULT), last, validation=FAILED))
    assert (found["valid"], found["stopped"], found["last_text"], found["feedback_next"]) == (
        False, "Enough.", "the last", "Mend it.",
    )  # fmt: skip
    assert found["issues"][0]["hint"] == "Be brief."
    assert [one["n"] for one in found["attempts"]] == [1, 2]


def test_the_last_text_is_not_told_twice():
    last = attempt(2, FAULT, text="the last")
    assert "last_text" not in told(checked(last, validation=replace(FAILED, returned="last")))
    assert "last_text" not in told(checked(last, validation=replace(FAILED, best=2)))


def test_votes_of_the_last_answer_are_told():
    votes = (Vote("judge", "j", "fail", "x" * 5_000),)
    found = told(checked(replace(attempt(1), checked=Checked((FAULT,), votes=votes)), validation=FAILED))
    assert found["votes"][0]["verdict"] == "fail"
    assert len(found["votes"][0]["reason"]) < 300


HUGE = "漢" * 5_000


def huge(issues: int, attempts: int, errors: int) -> Task:
    """Returns a task of which there is much to tell."""
    issue = Issue("v" * 100, "c", HUGE, HUGE, HUGE, HUGE, HUGE)
    found = Checked((issue,) * issues, (HUGE,) * errors, (Vote("j", "m", "fail", HUGE),) * 10)
    tried = tuple(replace(attempt(number, text=HUGE), checked=found) for number in range(1, attempts + 1))
    validation = replace(
        FAILED, stopped=HUGE, issues=(issue,) * issues, best=1, last=attempts, feedback_next=HUGE
    )  # fmt: skip
    completion = Completion("m", "stop", warnings=("a warning",) * 10)
    failed = replace(checked(*tried, validation=validation, text=HUGE), state=TaskState.FAILED)
    return replace(failed, failure=Failure("validation_failed", "Enough."), completion=completion)


@settings(max_examples=25)
@given(st.integers(0, 50), st.integers(1, 20), st.integers(0, 50))
def test_the_account_keeps_to_its_size_and_the_latest_attempt_stays(issues: int, attempts: int, errors: int):
    found = told(huge(issues, attempts, errors))
    assert len(json.dumps(found, ensure_ascii=False).encode()) <= 5_000
    assert found["attempts"][-1]["n"] == attempts
    assert found["valid"] is False
    if issues:
        assert found["issues"]
        assert len(found["issues"]) + found.get("more_issues", 0) == issues


def test_a_failed_task_of_any_size_can_be_read_and_is_not_cut_by_its_host(tmp_path: Path):
    result = fitting(huge(50, 20, 50), None, inline_chars=60_000, folder=tmp_path)
    shown = result.model_dump_json(exclude_none=True)
    assert result.path is not None
    assert Path(result.path).read_text("utf-8") == HUGE
    assert len(shown.encode()) <= CLAUDE_CODE_CHARS


def test_a_small_failure_is_shown_whole(tmp_path: Path):
    task = replace(huge(1, 1, 0), validation=FAILED, text="so", chars=2)
    result = fitting(task, None, inline_chars=60_000, folder=tmp_path)
    assert (result.text, result.path) == ("so", None)
