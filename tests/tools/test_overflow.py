"""Answers too long for a tool's result."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.samples import ended, running
from tools.test_result import next_offset

from longcall.models import TaskState
from longcall.overflow import FAILED_CHARS, HEAD_CHARS, fitting
from longcall.page import Page

LONG = "žluťoučký kůň\r\n" * 1_000
ROOM = 5_000


def cut(text: str, room: int = ROOM) -> str:
    """Returns the longest beginning of `text` whose UTF-8 form has at most `room` bytes."""
    return text.encode()[:room].decode(errors="ignore")


def test_a_short_answer_is_told_whole_and_makes_no_file(tmp_path: Path):
    result = fitting(ended("x" * ROOM), None, inline_chars=ROOM, folder=tmp_path)
    assert (result.text, result.path) == ("x" * ROOM, None)
    assert list(tmp_path.iterdir()) == []


def test_a_character_beyond_ascii_takes_the_room_of_its_bytes(tmp_path: Path):
    fits, too_long = "語" * (ROOM // 3), "語" * (ROOM // 3 + 1)
    assert fitting(ended(fits), None, inline_chars=ROOM, folder=tmp_path).text == fits
    result = fitting(ended(too_long), None, inline_chars=ROOM, folder=tmp_path)
    assert Path(str(result.path)).read_text("utf-8") == too_long
    assert result.text == cut(too_long[:HEAD_CHARS])


def test_whoever_polls_for_the_whole_is_told_the_same_as_whoever_waited(tmp_path: Path):
    for text in (LONG, "short"):
        waited = fitting(ended(text), None, inline_chars=ROOM, folder=tmp_path)
        assert fitting(ended(text), Page(), inline_chars=ROOM, folder=tmp_path) == waited


def test_the_text_of_a_failure_has_less_room(tmp_path: Path):
    text = "x" * (FAILED_CHARS + 1)
    failed = fitting(ended(text, TaskState.FAILED), None, inline_chars=40_000, folder=tmp_path)
    assert (failed.text, Path(str(failed.path)).read_text()) == (text[:HEAD_CHARS], text)
    assert fitting(ended(text[1:], TaskState.FAILED), None, inline_chars=40_000, folder=tmp_path).path is None
    assert fitting(ended(text), None, inline_chars=40_000, folder=tmp_path).path is None


def test_the_text_so_far_is_cut_to_the_room_and_makes_no_file(tmp_path: Path):
    result = fitting(running(LONG), Page(), inline_chars=ROOM, folder=tmp_path)
    assert (result.status, result.text, result.path) == ("working", cut(LONG), None)


@pytest.mark.parametrize("state", [TaskState.COMPLETED, TaskState.FAILED, TaskState.INTERRUPTED])
def test_a_long_answer_goes_to_a_file_that_the_user_alone_can_read(tmp_path: Path, state: TaskState):
    folder = tmp_path / "results"
    result = fitting(ended(LONG, state), None, inline_chars=ROOM, folder=folder)
    assert result.path is not None
    assert Path(result.path).read_bytes().decode() == LONG
    assert stat.S_IMODE(Path(result.path).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (result.text, result.total_chars, next_offset(result)) == (cut(LONG), len(LONG), len(cut(LONG)))


def test_the_file_is_written_once_and_no_draft_is_left(tmp_path: Path):
    first = fitting(ended(LONG), None, inline_chars=ROOM, folder=tmp_path)
    written = Path(str(first.path)).stat()
    assert fitting(ended(LONG), None, inline_chars=ROOM, folder=tmp_path) == first
    assert [file.stat() for file in tmp_path.iterdir()] == [written]


def test_where_no_file_can_be_made_the_pages_remain(tmp_path: Path):
    (tmp_path / "file").touch()
    result = fitting(ended(LONG), None, inline_chars=ROOM, folder=tmp_path / "file")
    assert (result.path, result.text, next_offset(result)) == (None, cut(LONG), len(cut(LONG)))


def test_a_text_that_is_still_coming_makes_no_file(tmp_path: Path):
    result = fitting(running(LONG), None, inline_chars=ROOM, folder=tmp_path)
    assert (result.status, result.text, result.path) == ("working", None, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (Page(10), cut(LONG[10:])),
        (Page(10, 7), LONG[10:17]),
        (Page(0, ROOM + 1), cut(LONG)),
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
        shown = result.text or ""
        assert len(shown.encode()) <= room or len(shown) == 1
        read.append(result.text or "")
        offset = next_offset(result)
    assert "".join(read) == text
