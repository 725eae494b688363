"""How much of a conversation a model has room for, with a price list of the test's own."""

from collections.abc import Sequence
from typing import Any

import pytest

from longcall import catalog
from longcall.call import Call
from longcall.calling import new_call
from longcall.conversation import Conversation, Heard, History, Size
from longcall.message import Message
from longcall.trimming import hear

TALK = Conversation("0" * 32, "trip", "", "/project")
ROOM = 10_000 * 9 // 10 - 1_000
"""What is left of the small window for all that is asked."""


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the price list know two models with small windows, and one with none."""
    chat = {"mode": "chat", "litellm_provider": "openai"}
    listed: dict[str, dict[str, Any]] = {
        "small": {**chat, "max_input_tokens": 10_000, "max_output_tokens": 1_000},
        "large": {**chat, "max_input_tokens": 1_000_000, "max_output_tokens": 1_000_000},
        "vague": chat,
    }
    monkeypatch.setattr(catalog, "price_list", lambda: listed)


def asking(model: str = "openai/small", tokens: int = 100, **options: Any) -> Call:
    return new_call(model=model, prompt="x" * tokens * 4, **options)


def history(exchanges: Sequence[tuple[int, int]], *, files: Sequence[int] = (), system: int = 0) -> History:
    """Returns a conversation of exchanges, by the tokens of question and answer; questions of `files` have 10 bare."""
    sizes = [Size(1, "system", "0", system)]
    for at, (question, answer) in enumerate(exchanges):
        bare = 10 if at in files else None
        sizes += [Size(2 * at + 2, "user", str(at), question, bare), Size(2 * at + 3, "assistant", str(at), answer)]
    return History(TALK, tuple(sizes))


def heard(found: History, call: Call | None = None) -> Heard:
    return hear(found, call or asking(), {})


def test_what_fits_is_heard_whole():
    found = heard(history([(3_000, 500), (3_000, 500)]))
    assert (found.last, found.first, found.files_from, found.tokens, found.note) == (5, 1, 1, 7_000, None)


def test_the_oldest_exchanges_are_left_out_whole_until_the_rest_fits():
    found = heard(history([(100, 100), (4_000, 10), (3_000, 10), (2_000, 10)]))
    assert (found.last, found.first, found.tokens) == (9, 6, 5_020)
    assert found.note is not None
    assert "the oldest 4 of its 8 turns were left out" in found.note
    assert "openai/small" in found.note
    assert "files" not in found.note


def test_room_is_kept_for_the_prompt_the_system_text_and_the_answer():
    fits = history([(ROOM - 100 - 50, 50)])
    assert heard(fits).note is None
    assert heard(fits, asking(tokens=101)).first == 4
    assert heard(history([(ROOM - 100 - 50, 50)], system=1)).first == 4
    own = asking(system="x" * 40, tokens=90)
    assert heard(history([(ROOM - 100 - 50, 50)], system=5_000), own).note is None
    assert heard(fits, asking(max_tokens=1_001)).first == 4
    assert heard(fits, asking(max_tokens=1)).note is None


def test_an_answer_of_unbounded_length_takes_no_more_than_a_quarter():
    assert heard(history([(640_000, 0)]), asking("openai/large")).note is None
    assert heard(history([(660_000, 0)]), asking("openai/large")).first == 4


def test_files_of_older_turns_go_before_any_turn_does():
    found = heard(history([(4_000, 10), (4_000, 10), (2_000, 10)], files=(0, 1, 2)))
    assert (found.first, found.files_from, found.tokens) == (1, 4, 10 + 10 + 4_010 + 2_010)
    assert found.note is not None
    assert "the files of 1 turn were left out" in found.note
    found = heard(history([(4_000, 10), (4_000, 10), (7_000, 10)], files=(0, 1, 2)))
    assert (found.first, found.files_from) == (1, 6)
    assert found.note is not None
    assert "the files of 2 turns were left out" in found.note


def test_the_newest_exchange_goes_last_and_its_files_before_it():
    found = heard(history([(100, 100), (9_000, 10)], files=(1,)))
    assert (found.first, found.files_from, found.tokens) == (4, 6, 20)
    assert found.note is not None
    assert "the oldest 2 of its 4 turns and the files of 1 turn were left out" in found.note
    found = heard(history([(100, 100), (9_000, 10)]))
    assert (found.first, found.files_from, found.tokens) == (6, 6, 0)


def test_a_prompt_that_fills_the_window_is_asked_alone():
    found = heard(history([(100, 100)]), asking(tokens=20_000))
    assert (found.first, found.tokens) == (4, 0)
    found = heard(History(TALK), asking(tokens=20_000))
    assert (found.first, found.note) == (1, None)


@pytest.mark.parametrize("model", ["max/opus", "openai/vague", "openai/unheard-of", "demo/echo"])
def test_an_unknown_window_trims_nothing(model: str):
    assert heard(history([(900_000, 900_000)]), asking(model)).note is None


def test_the_smallest_window_of_those_that_may_be_asked_counts():
    call = asking("openai/large", retry={"escalate": ["openai/vague", "openai/small"]}, validate="json")
    assert heard(history([(9_000, 10)]), call).first == 4
    assert heard(history([(9_000, 10)]), asking("openai/large", fallbacks=["openai/small"])).first == 4
    assert heard(history([(9_000, 10)]), asking("openai/large")).note is None


def test_little_is_said_without_a_look_at_the_list(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(catalog, "price_list", lambda: pytest.fail("read"))
    assert heard(history([(400, 400)])).note is None
    assert heard(History(TALK), Call(model="openai/small", messages=(Message(role="user", content="x"),))).last == 0
