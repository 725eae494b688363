"""How an answer is checked: in stages, cheap ones first, judges last and one after another."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import anyio
import pytest

from longcall.checking import Judgement, check
from longcall.models import Checked, Completion, Vote
from longcall.validators.base import Answer, BaseValidator, Issue, ValidatorError
from longcall.validators.judge import Judge

ANSWER = Answer("so", "why?")
DONE = Completion("m", "stop")
JUDGED = Judgement(votes=(Vote("judge", "j", "pass", "fine"),))


class Says(BaseValidator, frozen=True):
    """Finds what it is told to, or breaks so."""

    type: str = "says"
    found: tuple[str, ...] = ()
    breaks: str | None = None

    async def find(self, answer: Answer) -> list[Issue]:
        """Finds it."""
        if self.breaks == "validator":
            raise ValidatorError("nothing can be said.")
        if self.breaks == "bug":
            raise RuntimeError("sk-mock-secret")
        return [self.issue(code, f"{code} in {answer.text!r}") for code in self.found]


class SaysLater(Says, frozen=True):
    """The same in the next stage."""

    cost: ClassVar[int] = 1
    type: str = "says_later"


@dataclass
class Judges:
    """Judges that come to a judgement of the test's, and notes of who was heard."""

    judgements: dict[str, Judgement] = field(default_factory=dict[str, Judgement])
    heard: list[str] = field(default_factory=list[str])
    inside: int = 0
    most: int = 0

    async def judge(self, judge: Judge, _answer: Answer) -> Judgement:
        """Judges."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        await anyio.lowlevel.checkpoint()
        self.inside -= 1
        self.heard.append(judge.name)
        return self.judgements.get(judge.name, JUDGED)


def judge(name: str, **options: Any) -> Judge:
    return Judge(id=name, criteria=("It is short.",), models=("j",), **options)


async def checked(*validators: Any, judges: Judges | None = None, completion: Completion = DONE) -> Checked:
    return await check(ANSWER, completion, validators, (judges or Judges()).judge)


def codes(found: Checked) -> list[str]:
    return [issue.code for issue in found.issues]


async def test_an_answer_without_faults_passes():
    found = await checked(Says(), SaysLater())
    assert (found.valid, found.issues, found.errors) == (True, (), ())
    assert not (await checked(Says(found=("bad",)))).valid


async def test_all_faults_of_a_stage_are_found_at_once():
    assert codes(await checked(Says(found=("a", "b")), Says(), Says(found=("c",)))) == ["a", "b", "c"]


async def test_a_dearer_stage_is_not_run_for_what_failed_a_cheaper_one():
    judges = Judges()
    found = await checked(judge("j"), SaysLater(found=("later",)), Says(found=("early",)), judges=judges)
    assert (codes(found), judges.heard) == (["early"], [])
    found = await checked(judge("j"), SaysLater(found=("later",)), Says(), judges=judges)
    assert (codes(found), judges.heard) == (["later"], [])
    assert (await checked(judge("j"), SaysLater(), Says(), judges=judges)).valid
    assert judges.heard == ["j"]


async def test_a_warning_lets_the_answer_on_and_is_told():
    judges = Judges()
    found = await checked(Says(found=("rude",), on_fail="warn"), judge("j"), judges=judges)
    assert (found.valid, codes(found), judges.heard) == (True, ["rude"], ["j"])
    assert found.faults == ()


async def test_what_stops_at_once_says_so():
    found = await checked(Says(found=("leak",), on_fail="fail"))
    assert [(issue.code, issue.on_fail) for issue in found.faults] == [("leak", "fail")]
    assert not found.valid


@pytest.mark.parametrize(
    ("breaks", "says"), [("validator", "says: nothing can be said."), ("bug", "the check itself broke (RuntimeError)")]
)
async def test_a_check_that_cannot_be_made_is_no_pass_and_no_fault(breaks: str, says: str):
    found = await checked(Says(breaks=breaks), judges=(judges := Judges()))
    assert (found.valid, found.faults, judges.heard) == (False, (), [])
    assert says in found.errors[0]
    assert "secret" not in found.errors[0]
    assert (await checked(Says(breaks=None))).valid


async def test_a_check_that_cannot_be_made_does_not_hide_what_others_find():
    found = await checked(Says(breaks="bug"), Says(found=("bad",)), Says(breaks="validator"))
    assert (codes(found), len(found.errors)) == (["bad"], 2)


@pytest.mark.parametrize("breaks", ["validator", "bug"])
async def test_a_check_that_only_warns_warns_that_it_could_not_be_made(breaks: str):
    found = await checked(Says(breaks=breaks, on_fail="warn"))
    assert (found.valid, found.errors, len(found.warnings)) == (True, (), 1)


@pytest.mark.parametrize(("reason", "code"), [("length", "truncated"), ("content_filter", "filtered")])
async def test_an_answer_that_was_cut_off_has_that_fault_alone(reason: str, code: str):
    judges = Judges()
    found = await checked(
        Says(found=("bad",)), judge("j"), judges=judges, completion=Completion("m", reason)
    )  # fmt: skip
    assert (codes(found), found.valid, judges.heard) == ([code], False, [])
    assert codes(await checked(Says(found=("bad",)), completion=Completion("m", "tool_calls"))) == ["bad"]


async def test_an_answer_that_was_cut_off_fails_even_where_checks_only_warn():
    assert not (await checked(Says(on_fail="warn"), completion=Completion("m", "length"))).valid


async def test_judges_are_heard_one_after_another():
    judges = Judges()
    found = await checked(*(judge(name) for name in "abcd"), judges=judges)
    assert (judges.heard, judges.most) == (list("abcd"), 1)
    assert len(found.votes) == 4


SETTLED = Judgement(issues=(Issue("a", "judged", "No.", on_fail="fail"),))
FAULTY = Judgement(issues=(Issue("a", "judged", "No."),))
NO_VERDICT = Judgement(errors=("a came to no verdict",))


@pytest.mark.parametrize(
    ("first", "options", "heard"),
    [
        (JUDGED, {}, ["a", "b"]),
        (FAULTY, {}, ["a", "b"]),
        (SETTLED, {}, ["a"]),
        (NO_VERDICT, {}, ["a"]),
        (NO_VERDICT, {"on_fail": "warn"}, ["a", "b"]),
    ],
)
async def test_judges_are_heard_until_they_can_change_nothing(
    first: Judgement, options: dict[str, Any], heard: list[str]
):
    judges = Judges({"a": first})
    await checked(judge("a", **options), judge("b"), judges=judges)
    assert judges.heard == heard


async def test_a_judge_without_a_verdict_is_no_pass_unless_it_only_warns():
    judges = Judges({"a": NO_VERDICT})
    assert (await checked(judge("a"), judges=judges)).errors == NO_VERDICT.errors
    found = await checked(judge("a", on_fail="warn"), judges=judges)
    assert (found.valid, found.warnings) == (True, NO_VERDICT.errors)


async def test_a_fault_is_never_cut_away_by_many_warnings():
    rude = tuple(f"rude {number}" for number in range(200))
    found = await checked(Says(found=rude, on_fail="warn"), SaysLater(found=("bad",)))
    assert (len(found.issues), found.valid, codes(found)[0]) == (50, False, "bad")
    assert (await checked(Says(found=("rude",) * 200, on_fail="warn"))).valid


async def test_half_a_character_in_an_issue_is_replaced():
    half = "\ud83d"

    class Quotes(Says, frozen=True):
        async def find(self, answer: Answer) -> list[Issue]:
            return [self.issue("odd", f"odd {half}", path=f"/{half}", got=half, expected=half)]

    [issue] = (await checked(Quotes())).issues
    assert (issue.message, issue.path, issue.got, issue.expected) == ("odd \ufffd", "/\ufffd", "\ufffd", "\ufffd")


async def test_a_judge_is_shown_what_its_target_names():
    seen: list[str] = []

    async def look(_judge: Judge, answer: Answer) -> Judgement:
        seen.append(answer.text)
        return Judgement()

    text = "Here:\n```python\nx = 1\n```\nThat is all."
    aimed = Judge(criteria=("right",), target="first_code_block")
    assert (await check(Answer(text), DONE, [aimed], look)).valid
    assert (await check(Answer(text), DONE, [Judge(criteria=("right",))], look)).valid
    assert [shown.strip() for shown in seen] == ["x = 1", text]
    found = await check(Answer("no code at all"), DONE, [aimed], look)
    assert ([issue.code for issue in found.issues], len(seen)) == (["no_code_block"], 2)
