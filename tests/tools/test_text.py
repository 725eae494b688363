"""Small rules about text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longcall.text import clean, clip, dollars, head, reason_of

ANY_TEXT = st.text(st.characters(exclude_categories=[]))
"""Lone surrogates and NUL included."""


@given(ANY_TEXT)
def test_cleaned_text_can_be_encoded_and_is_clean(text: str):
    cleaned = clean(text)
    assert cleaned.encode().decode() == cleaned
    assert clean(cleaned) == cleaned


@given(st.text())
def test_valid_text_is_not_touched(text: str):
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [("a\ud800b", "a\ufffdb"), ("\udc00", "\ufffd"), ("\ud83d\udc0e", "🐎"), ("\udc0e\ud83d", "\ufffd\ufffd")],
    ids=["lone high", "lone low", "a pair", "the wrong way round"],
)
def test_only_what_is_no_character_is_replaced(text: str, cleaned: str):
    assert clean(text) == cleaned


@given(ANY_TEXT, st.integers(2, 300))
def test_a_head_is_one_short_line(text: str, chars: int):
    line = head(text, chars)
    assert len(line) <= chars
    assert len(line.splitlines()) <= 1
    assert line == line.strip()


@given(st.text(st.characters(categories=["L", "N"])), st.integers(2, 300))
def test_a_head_is_marked_exactly_when_it_is_cut(text: str, chars: int):
    line = head(text, chars)
    assert (line == text) == (len(text) <= chars)
    assert line.endswith("…") == (len(text) > chars)
    assert text.startswith(line.removesuffix("…"))


def test_the_words_of_a_head_stand_on_one_line():
    assert head("  why\n\tis   it?\r\n") == "why is it?"
    assert head("one two three", 8) == "one two…"
    assert head(" " * 5_000 + "late") == "…"


@given(st.text(), st.integers(0, 50))
def test_clipped_text_says_how_much_is_missing(text: str, chars: int):
    clipped = clip(text, chars)
    missing = max(0, len(text) - chars)
    assert clipped == (text if missing == 0 else f"{text[:chars]}… [{missing} more characters]")


@pytest.mark.parametrize(
    ("usd", "told"),
    [
        (0.0, "$0"),
        (0.000001, "$0.000001"),
        (0.0098314, "$0.009831"),
        (1.5, "$1.5"),
        (20.0, "$20"),
        (123456.0, "$123500"),
    ],
)
def test_dollars_are_never_told_in_powers_of_ten(usd: float, told: str):
    assert dollars(usd) == told


def test_the_reason_of_an_error_of_the_system_has_no_number():
    assert reason_of(FileNotFoundError(2, "No such file or directory", "/x")) == "/x: No such file or directory"
    assert reason_of(OSError(28, "No space left on device")) == "No space left on device"
    assert reason_of(ValueError("it is odd.")) == "it is odd"
    assert reason_of(TimeoutError()) == "TimeoutError"
