"""What a judge reported, and what is made of it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from longcall.judge_report import Report, read_report
from longcall.validators.base import ValidatorError
from longcall.validators.judge import Judge, SuccessCriteria

TEXT = "The sky is blue.\n  Grass is   green."
NONCE = "0123456789abcdef"
PROMPT = "Is this right? {TEXT_TO_VALIDATE}"
BY_CRITERIA = Judge(criteria=("It names a colour.", "It is short."))
FREELY = Judge(prompt=PROMPT)


def by(verdicts: list[Any], **changed: Any) -> str:
    """Returns a report with a verdict on each criterion."""
    criteria: list[Any] = [
        {"id": place, "evidence": [], "reason": f"reason {place}", "verdict": said} if isinstance(said, str) else said
        for place, said in enumerate(verdicts, 1)
    ]
    return json.dumps({"nonce": NONCE, "criteria": criteria, "injection_attempt": False, **changed})


def read(judge: Judge, report: str | dict[str, Any]) -> Report:
    text = report if isinstance(report, str) else json.dumps(report)
    return read_report(judge, text, judged=TEXT, nonce=NONCE)


def verdict(report: dict[str, Any], **criteria: Any) -> str:
    """Returns the verdict of a free report under success criteria."""
    return read(Judge(prompt=PROMPT, success_criteria=SuccessCriteria(**criteria)), report).verdict


@pytest.mark.parametrize(
    ("verdicts", "expected", "failed"),
    [
        (["pass", "pass"], "pass", []),
        (["pass", "fail"], "fail", ["criterion 2"]),
        (["fail", "fail"], "fail", ["criterion 1", "criterion 2"]),
        (["unsure", "fail"], "fail", ["criterion 2"]),
        (["pass", "unsure"], "unsure", []),
    ],
)
def test_one_failed_criterion_fails_and_one_unsure_passes_nothing(
    verdicts: list[str], expected: str, failed: list[str]
):
    report = read(BY_CRITERIA, by(verdicts))
    assert (report.verdict, [issue.path for issue in report.issues]) == (expected, failed)


def test_an_issue_tells_the_criterion_the_reason_and_the_quote():
    quoted = {"id": 1, "reason": "Blue is wrong.", "evidence": ["sky is blue"], "verdict": "fail"}
    [issue] = read(BY_CRITERIA, by([quoted, "pass"])).issues
    assert (issue.message, issue.expected, issue.got) == ("Blue is wrong.", "It names a colour.", "sky is blue")


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("The sky is blue.", "pass"),
        ("Grass is green", "pass"),
        ("blue.\nGrass", "pass"),
        ("The sky is red.", "unsure"),
        ("the sky", "unsure"),
    ],
)
def test_a_verdict_on_a_fabricated_quote_is_unsure(quote: str, expected: str):
    quoted = {"id": 1, "reason": "r", "evidence": [quote], "verdict": "pass"}
    assert read(BY_CRITERIA, by([quoted, "pass"])).verdict == expected
    failing = read(BY_CRITERIA, by([{**quoted, "verdict": "fail"}, "pass"]))
    assert (failing.verdict == "fail") == (expected == "pass")


@pytest.mark.parametrize(
    "ids", [[1], [1, 1], [1, 3], [0, 1], [1, 2, 3], [1, 2, 2], []], ids=str
)  # fmt: skip
def test_a_report_on_other_criteria_is_no_verdict(ids: list[int]):
    criteria: list[Any] = [{"id": one, "reason": "r", "evidence": [], "verdict": "pass"} for one in ids]
    with pytest.raises(ValidatorError, match="each criterion once"):
        read(BY_CRITERIA, by([], criteria=criteria))
    swapped: list[Any] = [{"id": one, "reason": "r", "evidence": [], "verdict": "pass"} for one in (2, 1)]
    assert read(BY_CRITERIA, by([], criteria=swapped)).verdict == "pass"


@pytest.mark.parametrize("nonce", ["f" * 16, "", NONCE.upper(), NONCE + " "])
def test_a_report_with_another_nonce_is_no_verdict(nonce: str):
    with pytest.raises(ValidatorError, match="nonce"):
        read(BY_CRITERIA, by(["pass", "pass"], nonce=nonce))
    with pytest.raises(ValidatorError, match="nonce"):
        read(FREELY, {"validation_passed": True, "nonce": nonce})
    assert read(FREELY, {"validation_passed": True, "nonce": NONCE}).verdict == "pass"


def test_a_report_by_criteria_without_a_nonce_is_no_verdict():
    told = json.loads(by(["pass", "pass"]))
    del told["nonce"]
    with pytest.raises(ValidatorError, match="nonce"):
        read(BY_CRITERIA, told)


@pytest.mark.parametrize(
    "text",
    ["", "It is fine.", "VALID", "[]", "true", '{"validation_passed": tru', "I cannot help with that.",
     'Sure: {"validation_passed": true}', '{"validation_passed": true} indeed', "[" * 100_000],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_what_is_no_json_object_is_no_verdict(text: str):
    for judge in (BY_CRITERIA, FREELY):
        with pytest.raises(ValidatorError, match="no verdict"):
            read(judge, text)


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```\n{}\n```", "\n ```JSON\n{}\n```\n"])
def test_a_fence_around_the_report_is_no_harm(fence: str):
    assert read(FREELY, fence.replace("{}", '{"validation_passed": true}')).verdict == "pass"
    assert read(FREELY, fence.replace("{}", '{"validation_passed": false}')).verdict == "fail"


@pytest.mark.parametrize("wrong", ["PASS", "maybe", True, None, 1])
def test_another_word_is_no_verdict(wrong: Any):
    with pytest.raises(ValidatorError, match=r"criteria\.0\.verdict"):
        read(BY_CRITERIA, by([{"id": 1, "reason": "r", "verdict": wrong}, "pass"]))


def test_an_attempt_to_direct_the_judge_is_told():
    assert "tries to direct" in read(BY_CRITERIA, by(["pass", "pass"], injection_attempt=True)).warnings[0]
    assert read(BY_CRITERIA, by(["pass", "pass"])).warnings == ()


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({"validation_passed": True}, "pass"),
        ({"validation_passed": True, "reasoning": "fine", "details": {"a": 1}, "more": 1}, "pass"),
        ({"validation_passed": False}, "fail"),
        ({"validation_passed": False, "reasoning": "It is VALID and fine."}, "fail"),
    ],
)
def test_a_free_report_says_whether_it_passes(report: dict[str, Any], expected: str):
    assert read(FREELY, report).verdict == expected


@pytest.mark.parametrize(
    "report",
    [{}, {"reasoning": "fine"}, {"validation_passed": None}, {"validation_passed": "true"}, {"validation_passed": 1},
     {"validation_passed": True, "reasoning": 5}, {"validation_passed": True, "details": 5}],
    ids=str,
)  # fmt: skip
def test_a_free_report_of_other_types_is_no_verdict(report: dict[str, Any]):
    with pytest.raises(ValidatorError):
        read(FREELY, report)


@pytest.mark.parametrize(
    "nothing",
    [
        {},
        {"agent_must_report_true": None},
        {"agent_must_report_true": ""},
        {"must_contain_in_details": ""},
        {"must_not_contain_string_in_reasoning": ""},
        {"all_true_in_details_keys": ()},
    ],
    ids=str,
)
def test_criteria_that_ask_nothing_pass_nothing(nothing: dict[str, Any]):
    with pytest.raises(ValidatorError, match="`validation_passed` is missing"):
        verdict({"reasoning": "anything"}, **nothing)
    assert verdict({"validation_passed": True}, **nothing) == "pass"
    assert verdict({"validation_passed": False}, **nothing) == "fail"


HOLDS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"agent_must_report_true": "safe"}, {"safe": True}, {"safe": False}),
    ({"agent_must_report_true": "safe"}, {"safe": True}, {"safe": "true"}),
    ({"agent_must_report_true": "safe"}, {"safe": True}, {"safe": 1}),
    ({"agent_must_report_true": "safe"}, {"safe": True}, {}),
    ({"must_contain_in_details": "VALID"}, {"details": "It is valid."}, {"details": "It is INVALID."}),
    ({"must_contain_in_details": "VALID"}, {"details": "VALID"}, {"details": "VALIDATED"}),
    ({"must_contain_in_details": "VALID"}, {"details": "(valid)"}, {"details": {"VALID": True}}),
    ({"must_contain_in_details": "VALID"}, {"details": "valid"}, {"details": ["VALID"]}),
    ({"must_contain_in_details": "VALID"}, {"details": "valid"}, {"reasoning": "VALID"}),
    ({"must_contain_in_details": "C++ (11)"}, {"details": "in c++ (11)!"}, {"details": "in C++ (110)"}),
    ({"must_contain_in_details": "a.c"}, {"details": "a.c"}, {"details": "abc"}),
    ({"must_contain_in_reasoning": "sound"}, {"reasoning": "It is Sound."}, {"reasoning": "It is unsound."}),
    ({"must_not_contain_string_in_reasoning": "INVALID"}, {"reasoning": "VALID"}, {"reasoning": "It is invalid"}),
    ({"must_not_contain_string_in_reasoning": "VALID"}, {"reasoning": "INVALID"}, {"reasoning": "valid"}),
    ({"field_present_in_details": "path"}, {"details": {"path": None}}, {"details": {"other": 1}}),
    ({"field_present_in_details": "path"}, {"details": {"path": ""}}, {"details": "path"}),
    ({"all_true_in_details_keys": ("a", "b")}, {"details": {"a": True, "b": True}}, {"details": {"a": True}}),
    ({"all_true_in_details_keys": ("a",)}, {"details": {"a": True}}, {"details": {"a": 1}}),
    ({"all_true_in_details_keys": ("a",)}, {"details": {"a": True}}, {"details": "a"}),
    ({"all_true_in_details_keys": ("a",)}, {"details": {"a": True}}, {}),
]


@pytest.mark.parametrize(("criteria", "good", "bad"), HOLDS, ids=str)
def test_each_success_criterion_holds_or_does_not(criteria: dict[str, Any], good: dict[str, Any], bad: dict[str, Any]):
    assert verdict({"validation_passed": True, **good}, **criteria) == "pass"
    assert verdict({"validation_passed": True, **bad}, **criteria) == "fail"
    assert verdict({"validation_passed": False, **good}, **criteria) == "fail"


def test_all_success_criteria_must_hold():
    criteria = {"must_contain_in_details": "VALID", "must_contain_in_reasoning": "sound"}
    assert verdict({"validation_passed": True, "details": "valid", "reasoning": "sound"}, **criteria) == "pass"
    assert verdict({"validation_passed": True, "details": "valid", "reasoning": "no"}, **criteria) == "fail"
    assert verdict({"validation_passed": True, "details": "no", "reasoning": "sound"}, **criteria) == "fail"


def test_an_unknown_criterion_is_an_error():
    with pytest.raises(ValidationError):
        SuccessCriteria.model_validate({"must_be_nice": True})
    assert SuccessCriteria.model_validate({"must_contain_in_details": "x"}).must_contain_in_details == "x"


def test_a_failed_criterion_is_told_with_the_judges_reason():
    judge = Judge(prompt=PROMPT, success_criteria=SuccessCriteria(must_contain_in_details="VALID"))
    [issue] = read(judge, {"validation_passed": True, "reasoning": "Line 3 is odd.", "details": "INVALID"}).issues
    assert (issue.message, issue.expected) == ("Line 3 is odd.", "the judge's report: `details` say 'VALID'")


@pytest.mark.parametrize("judge", [BY_CRITERIA, FREELY], ids=["by criteria", "freely"])
def test_reasons_keep_to_a_size(judge: Judge):
    long = "x" * 100_000
    free = {"validation_passed": False, "reasoning": long}
    report = read(judge, by([{"id": 1, "reason": long, "verdict": "fail"}, "pass"]) if judge.criteria else free)
    assert report.verdict == "fail"
    assert len(report.issues[0].message) < 1_100


def test_half_a_character_in_a_report_is_replaced():
    report = read(FREELY, '{"validation_passed": false, "reasoning": "half \\ud83d of it, and \\ud83d\\udc0e"}')
    assert report.reason == "half \ufffd of it, and 🐎"


@given(st.text(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["validation_passed", "reasoning", "details", "nonce", "criteria", "id", "verdict"]), inner, max_size=4),
).map(json.dumps))  # fmt: skip
def test_whatever_a_judge_says_only_a_clear_pass_passes(text: str):
    for judge in (BY_CRITERIA, FREELY):
        try:
            report = read(judge, text)
        except ValidatorError:
            continue
        if report.verdict == "pass":
            assert not judge.criteria
            assert json.loads(text)["validation_passed"] is True
