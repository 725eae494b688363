"""The one shape in which a task is told of."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.samples import QUEUED, asking, ended, running

from longcall.errors import Failure
from longcall.models import Attempt, AttemptState, Completion, Task, TaskKind, TaskState, Usage
from longcall.page import Page
from longcall.result import Result, listing, result_of

ANSWER = Completion("demo/really", "length", Usage(3, 4), cost_usd=0.5, warnings=("cut",))
WAITS = replace(running(), call=asking(urgency="batch"))
GROUP = replace(QUEUED, kind=TaskKind.GROUP, state=TaskState.RUNNING, call=None, members=(ended("a"), running("b")))


def next_offset(result: Result) -> int | None:
    """Returns where the result says that the text goes on."""
    found = re.search(r"offset=(\d+)", result.next or "")
    return int(found[1]) if found else None


def attempt(number: int) -> Attempt:
    return Attempt(number, "demo/echo", AttemptState.FAILED, 1, 2, None, None, None)


@given(st.text(max_size=200), st.integers(1, 60))
def test_pages_followed_to_the_end_give_the_whole_text(text: str, limit: int):
    read: list[str] = []
    offset: int | None = 0
    while offset is not None:
        result = result_of(ended(text), Page(offset, limit))
        read.append(result.text or "")
        offset = next_offset(result)
    assert "".join(read) == text
    assert len(read) == max(1, -(-len(text) // limit))


@given(st.text(), st.integers(0, 50), st.none() | st.integers(1, 50))
def test_a_part_says_where_it_stands_and_the_whole_does_not(text: str, offset: int, limit: int | None):
    result = result_of(ended(text), Page(offset, limit))
    is_part = result.text != text
    assert (result.offset, result.total_chars) == ((offset, len(text)) if is_part else (None, None))


def test_an_answer_is_told_with_all_that_is_known_of_it():
    answered = replace(attempt(2), state=AttemptState.ANSWERED, usage=ANSWER.usage, cost_usd=ANSWER.cost_usd)
    task = replace(ended("because"), completion=ANSWER, attempts=(attempt(1), answered))
    result = result_of(task)
    assert result == Result(
        status="completed",
        task_id=task.id,
        text="because",
        model="demo/really",
        finish_reason="length",
        usage={"input_tokens": 3, "output_tokens": 4},
        cost_usd=0.5,
        attempts=2,
        elapsed_s=4.0,
        warnings=["cut"],
    )
    assert result.is_final


def test_an_unknown_price_is_told_as_unknown_and_a_free_answer_as_free():
    assert result_of(replace(ended("x"), completion=replace(ANSWER, cost_usd=None))).cost_usd is None
    assert result_of(replace(ended("x"), completion=replace(ANSWER, cost_usd=0.0))).cost_usd == 0


def test_a_failure_is_told_with_its_reason_and_the_text_so_far():
    failure = Failure("timeout", "Too late.", retryable=True)
    result = result_of(replace(ended("half", TaskState.FAILED), failure=failure))
    assert (result.status, result.text) == ("failed", "half")
    assert result.error == {"code": "timeout", "message": "Too late.", "retryable": True}


@pytest.mark.parametrize("task", [QUEUED, running("half")], ids=["queued", "running"])
def test_what_has_not_ended_is_working_and_says_what_to_do(task: Task):
    result = result_of(task)
    assert (result.status, result.text, result.is_final) == ("working", None, False)
    assert result.next is not None
    assert f"poll_task(task_id='{task.id}'" in result.next
    assert result_of(ended("x")).next is None


def test_the_text_so_far_is_shown_to_whoever_asks_for_a_page():
    result = result_of(running("half"), Page())
    assert (result.status, result.text, result.total_chars) == ("working", "half", None)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (QUEUED, "waiting for a worker"),
        (running(), "no text yet"),
        (running("half"), "4 characters so far"),
        (replace(running(), attempts=(attempt(1), attempt(2))), "attempt 2"),
        (GROUP, "1/2 done"),
        (WAITS, "no text yet, in a batch, which may take its provider 24 h"),
        (replace(GROUP, members=(ended("a"), WAITS)), "1/2 done, in a batch"),
    ],
)
def test_progress_is_one_line_on_what_a_task_is_at(task: Task, said: str):
    progress = result_of(task).progress
    assert progress is not None
    assert said in progress
    assert ("in a batch" in progress) == ("in a batch" in said)
    assert result_of(ended("x")).progress is None


def test_a_group_is_told_with_its_members():
    result = result_of(replace(GROUP, state=TaskState.COMPLETED, finished_at=5_000), Page())
    assert (result.status, result.text, result.attempts) == ("completed", None, None)
    assert result.tasks is not None
    assert [(line.status, line.chars) for line in result.tasks] == [("completed", 1), ("working", 1)]
    assert result.counts == {"total": 2, "completed": 1, "working": 1}
    assert "A text shorter than its `chars`" not in (result.next or "")


def test_a_task_whose_keys_are_elsewhere_says_so():
    assert "attached with the same keys" in (result_of(QUEUED, stranded=True).next or "")
    assert "attached with the same keys" not in (result_of(QUEUED).next or "")


def test_a_text_in_a_file_is_told_with_its_path_and_where_to_read_on():
    result = result_of(ended("0123456789"), Page(0, 4), path="/results/a.md")
    assert (result.text, result.path, next_offset(result)) == ("0123", "/results/a.md", 4)
    assert "/results/a.md" in (result.next or "")


def test_a_list_holds_a_line_for_each_task():
    result = listing([running("half"), ended("whole")])
    assert (result.status, result.is_final) == ("listed", False)
    assert result.tasks is not None
    assert [(line.status, line.head, line.chars) for line in result.tasks] == [
        ("working", "why?", 4),
        ("completed", "why?", 5),
    ]


def test_an_empty_list_says_how_to_begin():
    assert "llm_call or start_task" in (listing([]).next or "")
    assert "llm_call or start_task" not in (listing([QUEUED]).next or "")


def test_an_answer_that_needs_review_is_told_with_what_can_be_done():
    task = replace(ended("perhaps"), state=TaskState.NEEDS_REVIEW, completion=ANSWER)
    result = result_of(task)
    assert (result.status, result.text, result.warnings, result.is_final) == ("needs_review", "perhaps", ["cut"], True)
    assert result.next is not None
    assert "use the text if it is good enough, or have it done better" in result.next
    paged = result_of(task, Page(0, 3))
    assert paged.next is not None
    assert paged.next.startswith(result.next)
    assert next_offset(paged) == 3
