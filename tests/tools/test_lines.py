"""How much of a group fits into a result."""

import json
from dataclasses import replace

import pytest
from tools.test_combining import MEMBER

from longcall.lines import Lines, counts_of, lines_of, reach
from longcall.models import Task, TaskState

ROOM = 10_000


def members(*texts: str | None) -> list[Task]:
    """Returns members that answered with these texts, or are still at it."""
    return [
        replace(MEMBER, id=f"{place:032}", text=text or "", chars=len(text or ""),
                state=TaskState.RUNNING if text is None else TaskState.COMPLETED)
        for place, text in enumerate(texts)
    ]  # fmt: skip


def size(lines: Lines) -> int:
    return len(json.dumps([line.model_dump(exclude_none=True) for line in lines.lines], ensure_ascii=False).encode())


def texts(lines: Lines) -> list[str | None]:
    return [line.text for line in lines.lines]


def test_without_a_limit_everything_is_shown():
    told = lines_of(members("a" * 100_000, None, "c"), 0, None, None)
    assert (texts(told), told.following) == (["a" * 100_000, None, "c"], None)


def test_a_page_is_so_many_members_from_the_first():
    told = lines_of(members("a", "b", "c", "d"), 1, 2, ROOM)
    assert (texts(told), told.following) == (["b", "c"], 3)
    assert lines_of(members("a", "b"), 1, 2, ROOM).following is None
    assert lines_of(members("a", "b"), 2, None, ROOM) == Lines(())


def test_every_member_is_told_of_before_texts_take_the_room():
    told = lines_of(members("a" * 3_000, "b" * 3_000, "c" * 3_000, "d"), 0, None, ROOM)
    assert [bool(text) for text in texts(told)] == [True, True, True, True]
    told = lines_of(members("a" * 3_000, "b" * 7_000, "c", None), 0, None, ROOM)
    assert [bool(text) for text in texts(told)] == [True, False, False, False]
    assert (told.following, len(told.lines)) == (1, 4)
    assert size(told) <= ROOM


@pytest.mark.parametrize("text", ["short", "x" * 900, 'é"\n' * 400, ""])
def test_of_many_members_each_page_fits_and_all_pages_hold_all(text: str):
    group = members(*[text or None] * 300)
    place = 0
    seen: list[str] = []
    for _ in range(300):
        told = lines_of(group, place, None, ROOM)
        assert size(told) <= ROOM
        shown = len(told.lines) if told.following is None else told.following - place
        seen += [line.text or "" for line in told.lines[:shown]]
        if told.following is None:
            break
        assert told.following > place
        place = told.following
    assert seen == [text] * 300


def test_a_text_that_no_page_holds_is_cut_and_the_next_page_goes_on_behind_it():
    told = lines_of(members("é" * 50_000, "b"), 0, None, ROOM)
    first = told.lines[0].text
    assert first is not None
    assert 1_000 < len(first) < told.lines[0].chars
    assert size(told) <= ROOM
    assert told.following == 1


def test_no_more_texts_are_read_than_one_result_may_hold():
    large = [replace(member, chars=3_000_000) for member in members("a", "b", "c")]
    assert [reach(large, first, None) for first in range(4)] == [1, 2, 3, 3]
    assert reach(members("a", "b", "c"), 0, 2) == 2
    told = lines_of(large, 0, None, None)
    assert (texts(told), told.following) == (["a"], 1)


def test_what_combines_the_answers_counts_as_no_member_and_has_no_text_of_its_own():
    group = [*members("a", None), replace(MEMBER, model="combine/vote", text="a")]
    assert counts_of(group) == {"total": 2, "completed": 1, "working": 1}
    assert texts(lines_of(group, 0, None, ROOM)) == ["a", None, None]
