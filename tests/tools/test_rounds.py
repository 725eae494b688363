"""What comes after an answer that failed its checks, and what is made of all of them in the end."""

from typing import Any

import pytest
from hypothesis import given as having
from hypothesis import strategies as st

from longcall.call import Call
from longcall.errors import Failure
from longcall.message import Message
from longcall.models import Checked, Completion, TaskState
from longcall.retry import Retry, plain_retry
from longcall.rounds import GIVEN, Next, Round, Stop, conclude, given, next_step
from longcall.validators.base import Issue
from longcall.validators.judge import Judge

FAULT = Issue("length", "too_long", "It is too long.")
ANOTHER = Issue("json", "not_json", "It is no JSON.")
WARNING = Issue("tone", "rude", "It is rude.", on_fail="warn")
FATAL = Issue("secret", "leak", "It tells a secret.", on_fail="fail")
DOWN = Failure("unavailable", "The provider is down.", retryable=True)


def asking(model: str = "m", **retry: Any) -> Call:
    """Returns a call with a check, and how it is asked again."""
    options = {name: retry.pop(name) for name in ("max_tokens", "servers", "mcp_config") if name in retry}
    return Call(
        model=model,
        messages=(Message(role="user", content="why?"),),
        validators=(Judge(criteria=("It is short.",), models=("j",)),),
        retry=Retry.model_validate(plain_retry(retry)),
        **options,
    )


def answer(text: str, *issues: Issue, number: int = 1, finish: str = "stop", **checked: Any) -> Round:
    """Returns an answer that was checked."""
    return Round(number, text, Completion("really", finish, cost_usd=0.5), Checked(issues, **checked))


def failed(count: int) -> list[Round]:
    """Returns so many answers, each with a fault of its own."""
    return [
        answer(f"answer {number}", Issue("v", "c", f"fault {number}"), number=number) for number in range(1, count + 1)
    ]


def asked(call: Call, rounds: list[Round]) -> Call:
    """Returns what is asked next."""
    step = next_step(call, rounds, None)
    assert isinstance(step, Next)
    return step.call


def stopped(call: Call, rounds: list[Round], spent: str | None = None) -> Stop:
    """Returns why nothing more is asked."""
    step = next_step(call, rounds, spent)
    assert isinstance(step, Stop)
    return step


def test_the_first_answer_is_asked_for_as_the_caller_asked():
    call = asking()
    assert next_step(call, [], None) == Next(call, 0)


def test_an_answer_that_passes_ends_it():
    assert next_step(asking(), [answer("good")], None) == Stop()
    assert next_step(asking(), [answer("good", WARNING)], None) == Stop()
    assert next_step(asking(), [answer("good", FAULT)], None) != Stop()


def test_what_passes_passes_even_when_the_budget_is_spent():
    assert next_step(asking(), [answer("good")], "Spent.") == Stop()
    assert stopped(asking(), [answer("bad", FAULT)], "Spent.") == Stop("Spent.")
    assert stopped(asking(), [], "Spent.") == Stop("Spent.")


@pytest.mark.parametrize("most", [1, 2, 3, 20])
def test_no_more_answers_are_asked_for_than_allowed(most: int):
    call = asking(max_attempts=most)
    assert stopped(call, failed(most)).reason == f"{most} of {most} answers failed their checks (`max_attempts`)."
    if most > 1:
        assert isinstance(next_step(call, failed(most - 1), None), Next)


def test_the_threshold_for_a_person_comes_before_the_end_of_attempts():
    call = asking(max_attempts=3, max_attempts_before_human=2)
    assert isinstance(next_step(call, failed(1), None), Next)
    stop = stopped(call, failed(2))
    assert stop.needs_review
    assert not stopped(asking(max_attempts=2), failed(2)).needs_review


def test_a_person_is_asked_although_the_budget_is_spent():
    assert stopped(asking(max_attempts_before_human=1), failed(1), "Spent.").needs_review
    assert not stopped(asking(max_attempts_before_human=2), failed(1), "Spent.").needs_review


def test_a_check_that_allows_no_second_answer_ends_it():
    assert "no second answer" in (stopped(asking(), [answer("bad", FAULT, FATAL)]).reason or "")
    assert isinstance(next_step(asking(), [answer("bad", FAULT)], None), Next)


def test_what_could_not_be_checked_is_not_asked_again():
    assert "could not be checked: no judge" in (stopped(asking(), [answer("?", errors=("no judge",))]).reason or "")
    assert isinstance(next_step(asking(), [answer("?", FAULT, errors=("no judge",))], None), Next)


def test_a_reason_keeps_to_a_size():
    stop = stopped(asking(), [answer("?", errors=("x" * 100_000,))])
    assert len(stop.reason or "") < 1_000


@pytest.mark.parametrize(("context", "shown"), [("fresh_with_last", [2]), ("conversation", [1, 2])])
def test_the_model_sees_its_last_answer_or_all(context: str, shown: list[int]):
    turns = asked(asking(context=context), failed(2)).messages
    assert turns[0] == Message(role="user", content="why?")
    assert [turn.text for turn in turns if turn.role == "assistant"] == [f"answer {number}" for number in shown]
    feedback = [turn.text for turn in turns[1:] if turn.role == "user"]
    assert [f"fault {number}" in text for number, text in zip(shown, feedback, strict=True)] == [True] * len(shown)
    assert turns[-1].role == "user"


def test_an_empty_answer_is_no_turn():
    turns = asked(asking(), [answer(" \n", FAULT)]).messages
    assert [turn.role for turn in turns] == ["user", "user"]
    assert [turn.role for turn in asked(asking(), [answer("x", FAULT)]).messages] == ["user", "assistant", "user"]


def test_warnings_are_not_told_as_faults():
    turns = asked(asking(), [answer("bad", FAULT, WARNING)]).messages
    assert "too long" in turns[-1].text
    assert "rude" not in turns[-1].text


@pytest.mark.parametrize(("allowed", "cut", "next_time"), [(100, 1, 200), (100, 2, 400), (2_000_000, 1, 2_000_000)])
def test_a_cut_off_answer_gets_twice_the_room(allowed: int, cut: int, next_time: int):
    rounds = [answer(f"half {number}", FAULT, finish="length") for number in range(cut)]
    assert asked(asking(max_tokens=allowed), rounds).max_tokens == next_time


def test_only_a_cut_off_answer_gets_more_room():
    assert asked(asking(max_tokens=100), failed(1)).max_tokens == 100
    assert asked(asking(), [answer("half", FAULT, finish="length")]).max_tokens is None


def test_cut_off_twice_with_more_room_is_progress_and_without_it_is_none():
    rounds = [answer("half", FAULT, finish="length"), answer("half and more", FAULT, finish="length")]
    assert isinstance(next_step(asking(max_tokens=100), rounds, None), Next)
    assert "no progress" in (stopped(asking(), rounds).reason or "")


@pytest.mark.parametrize(
    "rounds",
    [
        [answer("The same.", FAULT), answer("the  SAME.\n", ANOTHER)],
        [answer("one", FAULT, ANOTHER), answer("two", ANOTHER, FAULT)],
    ],
    ids=["the same answer", "the same faults"],
)
def test_no_progress_ends_it_unless_the_caller_wants_it_otherwise(rounds: list[Round]):
    assert "no progress" in (stopped(asking(), rounds).reason or "")
    assert isinstance(next_step(asking(stop_without_progress=False), rounds, None), Next)
    assert isinstance(next_step(asking(max_attempts_before_human=3), rounds, None), Next)


def test_another_fault_is_progress():
    assert isinstance(next_step(asking(), [answer("one", FAULT), answer("two", ANOTHER)], None), Next)


def test_each_model_of_the_ladder_gets_one_of_the_last_attempts():
    call = asking(max_attempts=4, escalate=["b", "c"])
    assert [asked(call, failed(count)).model for count in range(1, 4)] == ["m", "b", "c"]


def test_the_last_model_keeps_what_is_left():
    call = asking(max_attempts=5, escalate=["b"])
    assert [asked(call, failed(count)).model for count in range(1, 5)] == ["m", "m", "m", "b"]


def test_no_progress_leads_to_the_next_model_sooner_and_ends_it_at_the_last():
    call = asking(max_attempts=9, escalate=["b"])
    same = [answer("one", FAULT), answer("one", FAULT)]
    assert asked(call, same[:1]).model == "m"
    assert asked(call, same).model == "b"
    assert asked(call, [*same, answer("one", FAULT)]).model == "b"  # the first of another model is compared with none
    assert "no progress" in (stopped(call, [*same, *same]).reason or "")


def test_a_ladder_longer_than_the_attempts_begins_at_its_foot():
    call = asking(max_attempts=2, escalate=["b", "c", "d"])
    assert asked(call, failed(1)).model == "b"


def test_tools_are_handed_out_after_their_threshold_and_named_in_the_feedback():
    call = asking(max_attempts=5, tool_stage={"after": 2, "name": "search", "servers": ["web"]}, servers=("files",))
    before, after = asked(call, failed(1)), asked(call, failed(2))
    assert (before.servers, after.servers) == (("files",), ("files", "web"))
    assert "'search'" not in before.messages[-1].text
    assert "Use the tool 'search'" in after.messages[-1].text


def test_tools_of_the_stage_take_the_place_of_the_callers_own():
    own: dict[str, Any] = {"mcpServers": {"a": {}}}
    staged: dict[str, Any] = {"mcpServers": {"b": {}}}
    call = asking(max_attempts=5, tool_stage={"after": 1, "mcp_config": staged}, mcp_config=own)
    assert asked(call, failed(1)).mcp_config == staged
    assert call.mcp_config == own
    without = asking(max_attempts=5, tool_stage={"after": 2, "mcp_config": staged}, mcp_config=own)
    assert asked(without, failed(1)).mcp_config == own


def test_delays_are_those_of_the_caller():
    call = asking(max_attempts=5, first_delay_s=1, delay_factor=3, longest_delay_s=5)
    steps = [next_step(call, failed(count), None) for count in (1, 2, 3)]
    assert [step.delay_s for step in steps if isinstance(step, Next)] == [1, 3, 5]


def test_a_given_text_is_the_last_thing_the_assistant_said():
    turns = (
        Message(role="user", content="why?"),
        Message(role="assistant", content="so"),
        Message(role="user", content="?"),
    )
    call = Call(model="meta-task/check", messages=turns)
    found = given(call)
    assert found is not None
    assert (found.text, found.number, found.completion.cost_usd) == ("so", None, 0.0)
    assert given(call.model_copy(update={"model": "m"})) is None


def test_a_given_text_may_be_all_that_was_said():
    found = given(Call(model="meta-task/check", messages=(Message(role="user", content="the text"),)))
    assert found is not None
    assert found.text == "the text"


def test_nobody_is_asked_for_a_better_given_text():
    bad = Round(None, "bad", Completion("meta-task/check", "stop"), Checked((FAULT,)))
    call = asking("meta-task/check")
    assert stopped(call, [bad]) == Stop(GIVEN)
    outcome = conclude(call, [bad], Stop(GIVEN))
    assert (outcome.state, outcome.text) == (TaskState.FAILED, "bad")
    assert outcome.validation is not None
    assert (outcome.validation.best, outcome.validation.last) == (None, None)


BAD, WORSE, MILD = answer("bad", FAULT), answer("worse", FAULT, ANOTHER, number=2), answer("mild", FAULT, number=3)
RUDE = answer("rude", FAULT, WARNING, number=4)


@pytest.mark.parametrize(
    ("rounds", "best"),
    [
        ([BAD, WORSE], "bad"),
        ([WORSE, BAD], "bad"),
        ([BAD, MILD], "mild"),
        ([BAD, RUDE], "bad"),
        ([WORSE, answer("unchecked", errors=("no judge",), number=5)], "unchecked"),
        ([answer("unchecked", errors=("a", "b"), number=5), BAD], "bad"),
    ],
)
def test_the_best_has_the_fewest_faults_then_the_fewest_warnings_then_is_the_latest(rounds: list[Round], best: str):
    assert conclude(asking(on_exhausted="return_best"), rounds, Stop("Enough.")).text == best


@pytest.mark.parametrize(
    ("on_exhausted", "state", "text", "returned"),
    [
        ("error", TaskState.FAILED, "bad", "best"),
        ("return_best", TaskState.COMPLETED, "bad", "best"),
        ("return_last", TaskState.COMPLETED, "worse", "last"),
    ],
)
def test_what_is_returned_in_the_end_is_as_the_caller_wants(
    on_exhausted: str, state: TaskState, text: str, returned: str
):
    outcome = conclude(asking(on_exhausted=on_exhausted), [BAD, WORSE], Stop("Enough."))
    assert (outcome.state, outcome.text) == (state, text)
    assert outcome.validation is not None
    assert (outcome.validation.valid, outcome.validation.returned) == (False, returned)
    assert (outcome.validation.best, outcome.validation.last, outcome.validation.stopped) == (1, 2, "Enough.")
    assert outcome.completion is not None
    assert outcome.completion.warnings[0] == "The answer failed its checks. Enough."
    assert (outcome.failure is None) == (state is TaskState.COMPLETED)


@pytest.mark.parametrize("on_exhausted", ["error", "return_best", "return_last"])
def test_what_passed_is_returned_whatever_the_caller_wants_otherwise(on_exhausted: str):
    outcome = conclude(asking(on_exhausted=on_exhausted), [BAD, answer("good", WARNING, number=2)], Stop())
    assert (outcome.state, outcome.text, outcome.failure) == (TaskState.COMPLETED, "good", None)
    assert outcome.validation is not None
    assert (outcome.validation.valid, outcome.validation.returned, outcome.validation.feedback_next) == (
        True, "passed", None,
    )  # fmt: skip
    assert outcome.completion is not None
    assert outcome.completion.warnings == ("tone: It is rude.",)


def test_somebody_has_to_decide_about_the_best_answer():
    outcome = conclude(asking(), [BAD, WORSE], Stop("Decide.", needs_review=True))
    assert (outcome.state, outcome.text, outcome.failure) == (TaskState.NEEDS_REVIEW, "bad", None)
    assert outcome.validation is not None
    assert "1. [length] It is too long." in (outcome.validation.feedback_next or "")


def test_what_could_not_be_checked_fails_as_that_and_may_be_tried_again():
    rounds = [answer("perhaps", errors=("no judge",))]
    outcome = conclude(asking(), rounds, stopped(asking(), rounds))
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.retryable, outcome.text) == ("not_checked", True, "perhaps")
    assert outcome.validation is not None
    assert outcome.validation.feedback_next is None
    assert outcome.completion is not None
    assert outcome.completion.warnings[0].startswith("The answer was not checked.")
    failing = conclude(asking(), [BAD], Stop("Enough.")).failure
    assert failing is not None
    assert (failing.code, failing.retryable) == ("validation_failed", False)


def test_a_next_answer_that_could_not_be_had_leaves_the_earlier_one():
    outcome = conclude(asking(), [BAD], Stop("Down.", failure=DOWN))
    assert outcome.failure is not None
    assert (outcome.state, outcome.text, outcome.failure.code) == (TaskState.FAILED, "bad", "unavailable")
    assert outcome.failure.message.startswith("The provider is down.")
    kept = conclude(asking(on_exhausted="return_best"), [BAD], Stop("Down.", failure=DOWN))
    assert (kept.state, kept.failure) == (TaskState.COMPLETED, None)


def test_without_an_answer_the_budget_is_what_failed():
    outcome = conclude(asking(), [], Stop("Spent."))
    assert outcome.failure is not None
    assert (outcome.state, outcome.text, outcome.failure.code) == (TaskState.FAILED, None, "budget")


def test_mended_json_is_the_text_and_told():
    outcome = conclude(asking(), [answer('{"a": 1,}', repaired='{"a": 1}')], Stop())
    assert outcome.text == '{"a": 1}'
    assert outcome.validation is not None
    assert outcome.validation.repaired
    assert outcome.completion is not None
    assert "mended" in outcome.completion.warnings[-1]


def test_warnings_keep_to_a_size():
    loud = [Issue("judge", "judged", "x" * 50_000) for _ in range(50)]
    outcome = conclude(asking(on_exhausted="return_best"), [answer("bad", *loud)], Stop("Enough."))
    assert outcome.completion is not None
    assert len("".join(outcome.completion.warnings)) < 20_000


FINDINGS = st.lists(st.sampled_from([FAULT, ANOTHER, WARNING, FATAL]), max_size=3).map(tuple)
ANSWERS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", " "]), FINDINGS, st.sampled_from(["stop", "length"])),
    min_size=20,
    max_size=20,
)
POLICIES = st.fixed_dictionaries(
    {
        "max_attempts": st.integers(1, 20),
        "escalate": st.lists(st.sampled_from(["b", "c"]), max_size=4),
        "context": st.sampled_from(["fresh_with_last", "conversation"]),
        "stop_without_progress": st.booleans(),
        "max_attempts_before_human": st.none() | st.integers(1, 20),
    }
)


def played(call: Call, said: list[tuple[str, tuple[Issue, ...], str]]) -> tuple[list[Round], list[Call], Stop]:
    """Returns the answers, what was asked, and why it ended, when the model says what it says."""
    rounds: list[Round] = []
    calls: list[Call] = []
    while True:
        step = next_step(call, rounds, None)
        if isinstance(step, Stop):
            return rounds, calls, step
        text, issues, finish = said[len(rounds)]  # 20 at most are asked for, or this raises
        calls.append(step.call)
        rounds.append(answer(text, *issues, number=len(rounds) + 1, finish=finish))


@having(POLICIES, ANSWERS)
def test_it_always_ends_within_the_attempts_allowed(
    policy: dict[str, Any], said: list[tuple[str, tuple[Issue, ...], str]]
):
    call = asking(max_tokens=100, **policy)
    rounds, _calls, stop = played(call, said)
    assert 1 <= len(rounds) <= policy["max_attempts"]
    outcome = conclude(call, rounds, stop)
    assert (outcome.validation is not None and outcome.validation.valid) == rounds[-1].findings.valid
    assert outcome.text in {answer.text for answer in rounds}


@having(POLICIES, ANSWERS, st.integers(0, 19))
def test_who_takes_it_up_again_asks_the_same(
    policy: dict[str, Any], said: list[tuple[str, tuple[Issue, ...], str]], died_after: int
):
    call = asking(max_tokens=100, **policy)
    rounds, calls, stop = played(call, said)
    stored = Call.model_validate_json(call.model_dump_json(exclude_none=True))
    resumed = next_step(stored, rounds[:died_after], None)
    if died_after < len(calls):
        assert isinstance(resumed, Next)
        assert resumed.call == calls[died_after]
    else:
        assert resumed == stop
