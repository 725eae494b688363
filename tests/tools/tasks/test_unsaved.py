"""Endings in files of their own."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tools.tasks.samples import BROKEN, DONE, new_id

from longcall.models import AttemptState, TaskState
from longcall.tasks.store import Ending
from longcall.tasks.unsaved import Unsaved, forget, keep, kept

ANSWERED = Ending(TaskState.COMPLETED, AttemptState.ANSWERED, "žluťoučký kůň 🐎", DONE)
FAILED = Ending(TaskState.FAILED, AttemptState.FAILED, failure=BROKEN)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Returns the folder for endings; it is not there yet."""
    return tmp_path / "home" / "unsaved"


def unsaved(ending: Ending = ANSWERED) -> Unsaved:
    """Returns an ending on its way."""
    return Unsaved(new_id(), "worker-1", ending)


@pytest.mark.parametrize("ending", [ANSWERED, FAILED], ids=["answered", "failed"])
def test_what_is_kept_comes_back_whole(folder: Path, ending: Ending):
    one = unsaved(ending)
    keep(folder, one)
    assert list(kept(folder)) == [one]


@settings(deadline=None, max_examples=30)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_as_it_went_in(tmp_path_factory: pytest.TempPathFactory, text: str):
    folder = tmp_path_factory.mktemp("unsaved")
    one = unsaved(replace(ANSWERED, text=text))
    keep(folder, one)
    assert list(kept(folder)) == [one]


def test_nothing_is_kept_where_nothing_was(folder: Path):
    assert list(kept(folder)) == []
    forget(folder, new_id())


def test_an_ending_that_is_kept_again_is_there_once_and_the_newest(folder: Path):
    one = unsaved()
    keep(folder, one)
    keep(folder, replace(one, ending=FAILED))
    assert list(kept(folder)) == [replace(one, ending=FAILED)]


def test_a_forgotten_ending_is_gone_and_the_others_stay(folder: Path):
    one, other = unsaved(), unsaved()
    for each in (one, other):
        keep(folder, each)
    forget(folder, one.task)
    assert list(kept(folder)) == [other]
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b"\xff", b'{"task": "x"}'])
def test_a_file_that_cannot_be_read_is_left_where_it_is(folder: Path, junk: bytes):
    one = unsaved()
    keep(folder, one)
    bad = folder / f"{'0' * 32}.json"
    bad.write_bytes(junk)
    assert list(kept(folder)) == [one]
    assert bad.read_bytes() == junk


def test_a_draft_that_was_never_finished_is_not_taken_for_an_ending(folder: Path):
    one = unsaved()
    keep(folder, one)
    (folder / f"{one.task}.json").rename(folder / f"{one.task}.draft")
    assert list(kept(folder)) == []
    forget(folder, one.task)
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_raises_nothing(tmp_path: Path):
    (tmp_path / "file").touch()
    keep(tmp_path / "file" / "unsaved", unsaved())
    assert list(kept(tmp_path / "file" / "unsaved")) == []


@pytest.mark.skipif(os.name == "nt", reason="modes are Unix's")
def test_an_ending_is_for_the_user_alone(folder: Path):
    keep(folder, unsaved())
    modes = {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert (stat.S_IMODE(folder.stat().st_mode), modes) == (0o700, {0o600})
