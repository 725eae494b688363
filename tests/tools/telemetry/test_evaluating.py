"""The verdicts that become events."""

from longcall.models import Checked, Vote
from longcall.telemetry.evaluating import verdicts
from longcall.validators import parse_validators
from longcall.validators.base import Issue

CHECKS = parse_validators([
    "not_empty",
    {"type": "length", "max": 5, "on_fail": "warn"},
    "json",
    {"type": "judge", "criteria": ["It is good."], "models": ["openai/a"], "id": "first"},
    {"type": "judge", "criteria": ["It is short."], "models": ["openai/a"], "id": "second"},
])  # fmt: skip


def labels(checked: Checked) -> dict[str, str]:
    """Returns what each validator is told to have found."""
    return {verdict.name: verdict.label for verdict in verdicts(CHECKS, checked)}


def test_what_was_not_heard_has_no_verdict():
    stages = {check.name: check.cost for check in CHECKS}
    assert labels(Checked(stage=0)) == {name: "pass" for name, stage in stages.items() if stage == 0}
    judged = Checked(stage=3, votes=(Vote("first", "openai/a", "pass", "good"),))
    assert labels(judged) == {"not_empty": "pass", "length": "pass", "json": "pass", "first": "pass"}


def test_issues_decide_by_what_becomes_of_them():
    issues = (Issue("length", "too_long", "It is long.", on_fail="warn"), Issue("json", "not_json", "It is none."))
    found = verdicts(CHECKS, Checked(stage=1, issues=issues))
    assert {(one.name, one.label, one.explanation) for one in found} == {
        ("not_empty", "pass", ""), ("length", "warn", "It is long."), ("json", "fail", "It is none."),
    }  # fmt: skip


def test_a_check_that_could_not_be_made_is_neither_pass_nor_fail():
    broken = Checked(
        stage=3,
        errors=("json: it broke", "first came to no verdict (openai/a: unsure: hm)"),
        warnings=("length: it broke too", "second: openai/a judged its own answer"),
        votes=(Vote("first", "openai/a", "unsure", "hm"), Vote("second", "openai/a", "pass", "")),
    )
    errors = dict.fromkeys(("length", "json", "first"), "error")
    assert labels(broken) == {"not_empty": "pass", **errors, "second": "pass"}


def test_an_answer_that_was_cut_off_has_that_one_verdict():
    cut = Checked(issues=(Issue("finish_reason", "truncated", "It was cut off."),))
    assert labels(cut) == {"finish_reason": "fail"}
