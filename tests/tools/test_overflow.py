"""Answers too long for a tool's result."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.samples import ended, running
from tools.test_result import next_offset

from longcall.models import TaskState
from longcall.overflow import HEAD_CHARS, fitting
from longcall.result import Page

LONG = "žluťoučký kůň\r\n" * 1_000
ROOM = 5_000


def test_a_short_answer_is_told_whole_and_makes_no_file(tmp_path: Path):
    result = fitting(ended("x" * ROOM), None, inline_chars=ROOM, folder=tmp_path)
    assert (result.text, result.path) == ("x" * ROOM, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("state", [TaskState.COMPLETED, TaskState.FAILED, TaskState.INTERRUPTED])
def test_a_long_answer_goes_to_a_file_that_the_user_alone_can_read(tmp_path: Path, state: TaskState):
    folder = tmp_path / "results"
    result = fitting(ended(LONG, state), None, inline_chars=ROOM, folder=folder)
    assert result.path is not None
    assert Path(result.path).read_bytes().decode() == LONG
    assert stat.S_IMODE(Path(result.path).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (result.text, result.total_chars, next_offset(result)) == (LONG[:HEAD_CHARS], len(LONG), HEAD_CHARS)


def test_the_file_is_written_once_and_no_draft_is_left(tmp_path: Path):
    first = fitting(ended(LONG), None, inline_chars=ROOM, folder=tmp_path)
    written = Path(str(first.path)).stat()
    assert fitting(ended(LONG), None, inline_chars=ROOM, folder=tmp_path) == first
    assert [file.stat() for file in tmp_path.iterdir()] == [written]


def test_where_no_file_can_be_made_the_pages_remain(tmp_path: Path):
    (tmp_path / "file").touch()
    result = fitting(ended(LONG), None, inline_chars=ROOM, folder=tmp_path / "file")
    assert (result.path, result.text, next_offset(result)) == (None, LONG[:ROOM], ROOM)


def test_a_text_that_is_still_coming_makes_no_file(tmp_path: Path):
    result = fitting(running(LONG), None, inline_chars=ROOM, folder=tmp_path)
    assert (result.status, result.text, result.path) == ("working", None, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (Page(), LONG[:ROOM]),
        (Page(10), LONG[10 : 10 + ROOM]),
        (Page(10, 7), LONG[10:17]),
        (Page(0, ROOM + 1), LONG[:ROOM]),
    ],
)
def test_a_page_is_cut_to_the_room_and_makes_no_file(tmp_path: Path, page: Page, text: str):
    result = fitting(ended(LONG), page, inline_chars=ROOM, folder=tmp_path)
    assert (result.text, result.path) == (text, None)
    assert list(tmp_path.iterdir()) == []


@given(st.text(max_size=300), st.integers(1, 100), st.none() | st.integers(1, 100))
def test_pages_cut_to_the_room_give_the_whole_text(text: str, room: int, limit: int | None):
    read: list[str] = []
    offset: int | None = 0
    while offset is not None:
        result = fitting(ended(text), Page(offset, limit), inline_chars=room, folder=Path("/dev/null"))
        assert len(result.text or "") <= room
        read.append(result.text or "")
        offset = next_offset(result)
    assert "".join(read) == text
