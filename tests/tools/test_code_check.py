"""The judge of validate_code: it can only lower a verdict, and what it claims is run."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from longcall.call import Call
from longcall.code_check import check_code
from longcall.code_task import check_call
from longcall.errors import CallError
from longcall.judge import Bench
from longcall.validation import Report

RIGHT = "def double(x):\n    return 2 * x\n"
WRONG = "def double(x):\n    return x + 2\n"
GOOD = "It returns twice its argument."


def code_call(code: str = RIGHT, **asked: Any) -> Call:
    """Returns a call of validate_code with one criterion."""
    given = {"code": code, **{name: asked.pop(name) for name in ("cases", "checks") if name in asked}}
    judging: dict[str, Any] = {"criteria": [GOOD], "judge": {"models": ["demo/judge"]}, "task": "Double a number."}
    return check_call(given, timeout_s=60, **judging | asked)


async def judged(call: Call, says: Mapping[str, Any] | str, asked: list[Call] | None = None) -> Report:
    """Returns the report when the judge says this of the criterion."""

    async def ask(judging: Call) -> str:
        if asked is not None:
            asked.append(judging)
        if isinstance(says, str):
            return says
        nonce = judging.messages[0].text.partition("<answer-")[2].partition(">")[0]
        told: dict[str, Any] = {"id": 1, "reason": "because", "evidence": [], **says}
        return json.dumps({"nonce": nonce, "criteria": [told], "injection_attempt": False})

    return await check_code(call, Bench(ask, call.model, "secret", 60))


def judge_of(report: Report) -> tuple[str, str | None]:
    """Returns the status of the judge and why it is that."""
    [found] = [check for check in report.checks if check.check == "judge"]
    return found.status, found.reason


async def test_a_judge_that_passes_code_leaves_the_verdict_as_it_is():
    asked: list[Call] = []
    report = await judged(code_call(), {"verdict": "pass"}, asked)
    assert (report.verdict, report.assurance, judge_of(report)) == ("pass", "static", ("pass", None))
    [judging] = asked
    assert all(word in judging.messages[1].text for word in (RIGHT.strip(), "Double a number.", "was not run", GOOD))


async def test_a_judge_that_fails_code_lowers_the_verdict_and_its_author_is_told():
    report = await judged(code_call(), {"verdict": "fail", "reason": "It adds."})
    assert (report.verdict, judge_of(report)) == ("fail", ("fail", "judged"))
    assert "It adds." in report.feedback


async def test_a_judge_cannot_raise_what_has_failed_and_is_not_even_asked():
    asked: list[Call] = []
    cases = [{"args": [5], "expected": 10}]
    report = await judged(code_call(WRONG, cases=cases), {"verdict": "pass"}, asked)
    assert (report.verdict, judge_of(report), asked) == ("fail", ("skipped", "failed_before"), [])


@pytest.mark.parametrize("says", ["no JSON", "{}", '{"nonce": "x", "criteria": []}'])
async def test_a_judge_without_a_verdict_decides_nothing(says: str):
    report = await judged(code_call(), says)
    assert (report.verdict, judge_of(report)) == ("error", ("error", "no_verdict"))


async def test_a_counterexample_that_the_code_really_fails_is_proof():
    example = {"function": "double", "args": [5], "expected": 10}
    report = await judged(code_call(WRONG), {"verdict": "fail", "reason": "It adds.", "counterexample": example})
    assert report.verdict == "fail"
    assert "shown by running" in report.feedback


async def test_a_counterexample_that_the_code_passes_takes_the_verdict_away():
    example = {"function": "double", "args": [5], "expected": 10}
    report = await judged(code_call(RIGHT), {"verdict": "fail", "reason": "It adds.", "counterexample": example})
    assert (report.verdict, judge_of(report)) == ("error", ("error", "no_verdict"))


@pytest.mark.parametrize(
    "example", ["nonsense", {"args": [1]}, {"function": "absent.name!", "args": [], "expected": 1}]
)
async def test_a_counterexample_that_cannot_be_run_proves_nothing_either_way(example: Any):
    report = await judged(code_call(), {"verdict": "fail", "counterexample": example})
    assert (report.verdict, judge_of(report)) == ("fail", ("fail", "judged"))
    assert "shown by running" not in report.feedback


async def test_a_quote_that_is_not_in_the_code_makes_the_judge_unsure():
    report = await judged(code_call(), {"verdict": "fail", "evidence": ["return 3 * x"]})
    assert judge_of(report) == ("error", "no_verdict")


async def test_the_predecessors_prompts_and_criteria_work_here():
    judge = {
        "models": ["demo/judge"],
        "prompt": "Check this.\n{CODE_TO_VALIDATE}\nIs it VALID or INVALID?",
        "success_criteria": {"must_contain_in_details": "VALID"},
    }
    for details, verdict in (("VALID", "pass"), ("INVALID", "fail")):
        said = json.dumps({"validation_passed": True, "reasoning": "read", "details": details})
        report = await judged(code_call(criteria=None, judge=judge), said)
        assert report.verdict == verdict


def test_a_judge_needs_a_model_and_a_question():
    with pytest.raises(CallError, match="Name who judges"):
        code_call(judge=None)
    with pytest.raises(CallError, match="criteria"):
        code_call(criteria=None)
    with pytest.raises(CallError, match="TO_VALIDATE"):
        code_call(criteria=None, judge={"models": ["m"], "prompt": "Is it good?"})
