"""What any TaskStore must do with answers that are checked and asked for again. Imported beside `store_contract`."""

from dataclasses import replace
from typing import Any

import pytest
from tools.tasks.samples import (
    BROKEN,
    DONE,
    HERE,
    OTHER,
    WORKER,
    OpenStore,
    added,
    answered,
    doubtful,
    look,
    new_task,
    running,
)

from longcall.call import Call
from longcall.errors import Failure, StaleClaimError
from longcall.message import Message
from longcall.models import Attempt, AttemptState, Checked, Completion, Decision, Role, TaskState, Validation, Vote
from longcall.tasks.recovery import Recovery
from longcall.tasks.store import Claim, Ending, TaskStore
from longcall.validators.base import Issue
from longcall.validators.judge import Judge

FAULT = Issue("length", "too_long", "It is too long.", "line 3", "2 lines", "9 lines", "Be brief.")
FOUND = Checked(
    (FAULT,), ("no judge",), (Vote("judge", "j", "error", "down"),), ("a warning",), ms=7, repaired='{"ž": "🐎"}'
)  # fmt: skip
QUOTE = Completion("really", "stop", None, None, ("odd",))
JUDGED = "f" * 24


async def first_answer(store: TaskStore, text: str = "perhaps", **options: Any) -> str:
    """Returns a task of WORKER with one answer, which is not checked yet."""
    [task] = await running(store, new_task(**options), sent=True)
    assert await store.note_answer(task, WORKER, Role.ANSWER, text, DONE) == 1
    return task


async def claim(store: TaskStore, task: str, worker: str = OTHER) -> Claim:
    """Returns the claim of a task that waits."""
    [claimed] = await store.claim(HERE, worker, 10)
    assert claimed.id == task
    return claimed


def facts(attempts: tuple[Attempt, ...]) -> list[tuple[int, Role, AttemptState, str | None]]:
    return [(attempt.number, attempt.role, attempt.state, attempt.text) for attempt in attempts]


async def test_an_answer_is_kept_with_its_attempt_while_the_task_goes_on(store: TaskStore):
    task = await first_answer(store)
    found = await look(store, task)
    assert (found.state, found.text, found.completion, found.validation) == (TaskState.RUNNING, "perhaps", None, None)
    [attempt] = found.attempts
    assert (attempt.state, attempt.completion, attempt.usage, attempt.cost_usd) == (
        AttemptState.ANSWERED, DONE, DONE.usage, DONE.cost_usd,
    )  # fmt: skip
    assert await store.attempt_text(task, 1) == "perhaps"
    assert await store.attempt_text(task, 2) is None


async def test_texts_of_attempts_come_only_to_whoever_asks_for_them(store: TaskStore):
    task = await first_answer(store)
    assert (await look(store, task)).attempts[0].text is None


async def test_a_text_that_streamed_in_gives_way_to_the_whole_answer(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.add_pieces(WORKER, [(task, "per")])
    await store.note_answer(task, WORKER, Role.ANSWER, "perhaps", DONE)
    assert (await look(store, task)).text == "perhaps"


async def test_the_next_answer_takes_the_place_of_the_text_so_far(store: TaskStore):
    task = await first_answer(store)
    assert await store.mark_sent(task, WORKER, "b") == 2
    assert (await look(store, task)).text == ""
    await store.add_pieces(WORKER, [(task, "sure")])
    assert (await look(store, task)).text == "sure"
    assert await store.attempt_text(task, 1) == "perhaps"


async def test_a_judge_leaves_the_text_so_far_alone(store: TaskStore):
    task = await first_answer(store)
    assert await store.mark_sent(task, WORKER, "j", Role.JUDGE, JUDGED) == 2
    assert await store.note_answer(task, WORKER, Role.JUDGE, "{}", QUOTE) == 2
    found = await look(store, task)
    assert found.text == "perhaps"
    answer, judge = found.attempts
    assert (answer.role, answer.request, judge.role, judge.request) == (Role.ANSWER, None, Role.JUDGE, JUDGED)
    assert (judge.completion, judge.usage, judge.cost_usd) == (QUOTE, None, None)
    assert await store.attempt_text(task, 2) == "{}"


async def test_only_the_holder_of_a_task_with_an_open_attempt_may_note_an_answer(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    with pytest.raises(StaleClaimError):
        await store.note_answer(task, OTHER, Role.ANSWER, "forged", DONE)
    assert await store.note_answer(task, WORKER, Role.ANSWER, "true", DONE) == 1
    with pytest.raises(StaleClaimError):
        await store.note_answer(task, WORKER, Role.ANSWER, "twice", DONE)
    assert await store.attempt_text(task, 1) == "true"
    assert (await look(store, task)).text == "true"


async def test_no_answer_is_noted_of_a_task_that_has_ended(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.finish(task, WORKER, answered("first"))
    with pytest.raises(StaleClaimError):
        await store.note_answer(task, WORKER, Role.ANSWER, "late", DONE)
    assert (await look(store, task)).text == "first"


async def test_an_answer_is_still_noted_when_its_cancel_was_asked_for(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.cancel(task)
    assert await store.note_answer(task, WORKER, Role.ANSWER, "paid for", DONE) == 1
    with pytest.raises(StaleClaimError):
        await store.mark_sent(task, WORKER, "j", Role.JUDGE, JUDGED)


async def test_what_checks_found_is_kept_as_it_was(store: TaskStore, open_store: OpenStore):
    task = await first_answer(store)
    await store.note_checked(task, WORKER, 1, FOUND)
    async with open_store() as other:
        assert (await look(other, task)).attempts[0].checked == FOUND


async def test_only_the_holder_of_a_task_may_note_what_checks_found(store: TaskStore):
    task = await first_answer(store)
    await store.note_checked(task, OTHER, 1, FOUND)
    assert (await look(store, task)).attempts[0].checked is None
    await store.note_checked(task, WORKER, 1, FOUND)
    assert (await look(store, task)).attempts[0].checked == FOUND


async def test_nothing_is_found_of_an_attempt_without_an_answer(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.note_checked(task, WORKER, 1, FOUND)
    assert (await look(store, task)).attempts[0].checked is None


@pytest.mark.parametrize(
    "text", ["", "žluťoučký kůň 🐎", "a\0b", "x" * 2_000_000], ids=["empty", "unicode", "nul", "2 MB"]
)
async def test_any_answer_survives_with_its_attempt(store: TaskStore, open_store: OpenStore, text: str):
    task = await first_answer(store, text)
    async with open_store() as other:
        assert await other.attempt_text(task, 1) == text


@pytest.mark.parametrize("text", ["half: \ud83d", "\udc0e", "nul \0", "🐎"])
async def test_any_finding_can_be_read_again(store: TaskStore, text: str):
    task = await first_answer(store)
    issue = Issue("v", "c", text, text, text, text, text)
    await store.note_checked(task, WORKER, 1, Checked((issue,), (text,), (Vote("j", "m", "fail", text),)))
    validation = Validation(valid=False, returned="best", stopped=text, issues=(issue,), best=1, last=1)
    ending = replace(doubtful(), validation=validation)
    assert await store.finish(task, WORKER, ending)
    found = await look(store, task)
    read = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert found.validation is not None
    assert (found.validation.stopped, found.validation.issues[0].got) == (read, read)


async def test_what_became_of_the_checks_is_kept_with_the_ending(store: TaskStore):
    task = await first_answer(store)
    validation = Validation(
        valid=False, returned="best", stopped="Enough.", issues=(FAULT,), best=1, last=1, feedback_next="x"
    )
    await store.finish(task, WORKER, replace(doubtful(), validation=validation))
    found = await look(store, task)
    assert (found.validation, found.text) == (validation, "perhaps")
    [listed] = await store.recent(None, 10)
    assert listed.validation == validation


async def test_the_text_of_the_last_answer_comes_with_the_task_where_another_is_better(store: TaskStore):
    task = await first_answer(store, "best")
    await store.mark_sent(task, WORKER, "m")
    await store.note_answer(task, WORKER, Role.ANSWER, "last", DONE)
    validation = Validation(valid=False, returned="best", best=1, last=2)
    await store.finish(task, WORKER, replace(doubtful("best"), validation=validation))
    found = await look(store, task)
    assert [attempt.text for attempt in found.attempts] == [None, "last"]


async def test_an_ending_without_text_keeps_the_last_whole_answer(store: TaskStore):
    task = await first_answer(store)
    await store.mark_sent(task, WORKER, "m")
    await store.finish(task, WORKER, Ending(TaskState.FAILED, AttemptState.FAILED, failure=BROKEN))
    assert (await look(store, task)).text == "perhaps"


async def test_an_ending_without_text_keeps_what_came_of_the_next_answer_and_the_whole_one_apart(store: TaskStore):
    task = await first_answer(store)
    await store.mark_sent(task, WORKER, "m")
    await store.add_pieces(WORKER, [(task, "su")])
    await store.finish(task, WORKER, Ending(TaskState.FAILED, AttemptState.FAILED, failure=BROKEN))
    assert (await look(store, task)).text == "su"
    assert await store.attempt_text(task, 1) == "perhaps"


async def test_a_claim_carries_what_was_asked_before_with_texts_and_findings(store: TaskStore):
    task = await first_answer(store)
    await store.note_checked(task, WORKER, 1, FOUND)
    await store.mark_sent(task, WORKER, "j", Role.JUDGE, JUDGED)
    await store.note_answer(task, WORKER, Role.JUDGE, "{}", QUOTE)
    await store.mark_sent(task, WORKER, "m")
    await store.end_attempt(task, WORKER, BROKEN)
    assert await store.recover(HERE, OTHER) == Recovery(requeued=1)
    past = (await claim(store, task)).past
    assert facts(past) == [
        (1, Role.ANSWER, AttemptState.ANSWERED, "perhaps"),
        (2, Role.JUDGE, AttemptState.ANSWERED, "{}"),
        (3, Role.ANSWER, AttemptState.FAILED, None),
    ]
    assert (past[0].checked, past[0].completion, past[1].request, past[2].failure) == (FOUND, DONE, JUDGED, BROKEN)


async def test_a_task_that_was_never_asked_has_no_past(store: TaskStore):
    [task] = await added(store, new_task())
    assert (await claim(store, task)).past == ()


async def test_an_attempt_that_may_have_been_billed_is_lost_and_a_refused_one_failed(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    await store.end_attempt(task, WORKER, BROKEN)
    await store.mark_sent(task, WORKER, "m")
    await store.end_attempt(task, WORKER, BROKEN, AttemptState.LOST)
    attempts = (await look(store, task)).attempts
    assert [(attempt.state, attempt.failure) for attempt in attempts] == [
        (AttemptState.FAILED, BROKEN), (AttemptState.LOST, BROKEN),
    ]  # fmt: skip


async def test_an_answer_outlives_a_worker_that_dies_before_it_was_checked(store: TaskStore):
    task = await first_answer(store)
    assert await store.recover(HERE, OTHER) == Recovery(requeued=1)
    found = await look(store, task)
    assert (found.state, found.text) == (TaskState.QUEUED, "perhaps")
    assert facts((await claim(store, task)).past) == [(1, Role.ANSWER, AttemptState.ANSWERED, "perhaps")]


async def test_a_judge_in_flight_at_a_crash_interrupts_the_task_and_keeps_the_answer(store: TaskStore):
    task = await first_answer(store)
    await store.mark_sent(task, WORKER, "j", Role.JUDGE, JUDGED)
    assert await store.recover(HERE, OTHER) == Recovery(interrupted=1)
    found = await look(store, task)
    assert (found.state, found.text) == (TaskState.INTERRUPTED, "perhaps")
    assert found.failure is not None
    assert "a judge was at the answer, which is kept" in found.failure.message
    assert [attempt.state for attempt in found.attempts] == [AttemptState.ANSWERED, AttemptState.LOST]
    assert await store.claim(HERE, OTHER, 10) == []


async def test_the_next_answer_in_flight_at_a_crash_interrupts_the_task_and_keeps_the_one_before(store: TaskStore):
    task = await first_answer(store)
    await store.mark_sent(task, WORKER, "m")
    assert await store.recover(HERE, OTHER) == Recovery(interrupted=1)
    found = await look(store, task)
    assert (found.state, found.text) == (TaskState.INTERRUPTED, "perhaps")
    assert found.failure is not None
    assert "judge" not in found.failure.message


async def test_a_judge_whose_caller_wants_it_is_asked_again_while_the_answer_stays(store: TaskStore):
    task = await first_answer(store, on_interrupt="retry")
    await store.mark_sent(task, WORKER, "j", Role.JUDGE, JUDGED)
    assert await store.recover(HERE, OTHER) == Recovery(resent=1)
    found = await look(store, task)
    assert (found.state, found.text) == (TaskState.QUEUED, "perhaps")
    assert [attempt.state for attempt in (await claim(store, task)).past] == [AttemptState.ANSWERED, AttemptState.LOST]


async def test_answers_do_not_count_among_the_three_times_a_request_is_sent(store: TaskStore):
    task = await first_answer(store, on_interrupt="retry")
    for _ in range(4):
        await store.mark_sent(task, WORKER, "m")
        await store.note_answer(task, WORKER, Role.ANSWER, "again", DONE)
    worker = WORKER
    for death in (1, 2, 3):
        await store.mark_sent(task, worker, "m")
        recovery = await store.recover(HERE, f"after {death}")
        assert recovery == (Recovery(resent=1) if death < 3 else Recovery(interrupted=1))
        if death < 3:
            worker = f"after {death}"
            await claim(store, task, worker)
    assert (await look(store, task)).state is TaskState.INTERRUPTED


async def test_a_cancelled_task_keeps_the_answer_that_it_had(store: TaskStore):
    task = await first_answer(store)
    await store.cancel(task)
    assert await store.recover(HERE, OTHER) == Recovery(cancelled=1)
    found = await look(store, task)
    assert (found.state, found.text) == (TaskState.CANCELLED, "perhaps")


async def reviewed(store: TaskStore, **options: Any) -> str:
    """Returns a guided task that was asked once before."""
    task = await first_answer(store, **options)
    await store.note_checked(task, WORKER, 1, FOUND)
    validation = Validation(valid=False, returned="best", best=1, last=1)
    await store.finish(task, WORKER, replace(doubtful(), validation=validation))
    assert await store.review(task, Decision.GUIDE, "be sure")
    return task


async def test_guidance_begins_a_new_series_and_keeps_the_attempts(store: TaskStore):
    task = await reviewed(store)
    found = await look(store, task)
    assert (found.state, found.series, found.validation, found.text) == (TaskState.QUEUED, 1, None, "")
    assert [(attempt.number, attempt.series) for attempt in found.attempts] == [(1, 0)]
    assert (await claim(store, task)).past == ()
    assert await store.mark_sent(task, OTHER, "m") == 2
    await store.note_answer(task, OTHER, Role.ANSWER, "sure", DONE)
    assert await store.recover(HERE, "worker-3") == Recovery(requeued=1)
    assert facts((await claim(store, task, "worker-3")).past) == [(2, Role.ANSWER, AttemptState.ANSWERED, "sure")]
    attempts = (await look(store, task)).attempts
    assert [(attempt.number, attempt.series) for attempt in attempts] == [(1, 0), (2, 1)]
    assert await store.attempt_text(task, 1) == "perhaps"


@pytest.mark.parametrize(
    ("original", "shown"), [(None, "how?\n\nbe sure"), ("what then?", "what then?\n\nbe sure")]
)  # fmt: skip
async def test_judges_of_a_guided_task_are_shown_the_request_with_the_guidance(
    store: TaskStore, original: str | None, shown: str
):
    judge = Judge(criteria=("It is sure.",), models=("j",))
    turns = (Message(role="user", content=[{"type": "text", "text": "how?"}]),)
    task = await reviewed(store, messages=turns, validators=(judge,), original_prompt=original)
    call = (await claim(store, task)).call
    assert call.original_prompt == shown
    assert [turn.text for turn in call.messages] == ["how?", "perhaps", "be sure"]


async def test_a_call_without_checks_has_no_original_request(store: TaskStore):
    task = await reviewed(store)
    assert (await claim(store, task)).call.original_prompt is None


async def test_a_call_with_checks_survives(store: TaskStore):
    judge = Judge(criteria=("It is short.",), models=("j",), hint="ž")
    [task] = await added(store, new_task(validators=(judge,), response_schema={"type": "object"}))
    call: Call = (await claim(store, task)).call
    assert (call.validators, call.response_schema) == ((judge,), {"type": "object"})


async def test_an_answer_in_a_file_that_nobody_checked_ends_its_task_as_failed(store: TaskStore):
    [task] = await running(store, new_task(), sent=True)
    unchecked = Ending(TaskState.FAILED, AttemptState.ANSWERED, "paid for", DONE, Failure("store", "Not checked."))
    assert await store.finish(task, WORKER, unchecked)
    found = await look(store, task)
    assert (found.state, found.text, found.completion) == (TaskState.FAILED, "paid for", DONE)
    assert found.attempts[0].state is AttemptState.ANSWERED
