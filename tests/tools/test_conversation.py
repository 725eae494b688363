"""The words of conversations: names, order, sizes."""

import base64

import pytest

from longcall.conversation import Conversation, Exchange, History, Size, bare_of, in_order, is_id, name_of, tokens_in
from longcall.errors import CallError
from longcall.message import Message

TALK = Conversation("0" * 32, "trip", "", "/project")
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def turn(role: str, text: str) -> Message:
    return Message.model_validate({"role": role, "content": text})


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("trip", "trip"),
        (" a trip ", "a trip"),
        ("výlet 🐎", "výlet 🐎"),
        ("vy\u0301let", "výlet"),
        ("x" * 100, "x" * 100),
    ],
)
def test_a_name_is_what_people_call_it(said: str, name: str):
    assert name_of(said) == name


@pytest.mark.parametrize("said", ["", "  ", "a\nb", "a\0b", "x" * 101, "\x1b[2J"])
def test_what_is_no_name_is_a_sentence(said: str):
    with pytest.raises(CallError, match="1 to 100 characters on one line"):
        name_of(said)


def test_an_id_is_known_by_its_looks():
    assert is_id("0123456789abcdef" * 2)
    assert not any(map(is_id, ("0123456789abcdef", "0123456789ABCDEF" * 2, "g" * 32, "0" * 33, "trip")))


def test_system_texts_stand_first_and_the_new_ones_replace_the_earlier():
    earlier = [turn("system", "old"), turn("user", "a"), turn("assistant", "b")]
    assert in_order(earlier, [turn("user", "c")]) == (*earlier, turn("user", "c"))
    new = [turn("user", "c"), turn("developer", "new"), turn("user", "d")]
    assert in_order(earlier, new) == (new[1], *earlier[1:], new[0], new[2])
    assert in_order([], new) == (new[1], new[0], new[2])


def test_a_turn_is_told_from_the_files_before_it():
    assert bare_of("File a\n\nwhy?", "why?") == "why?"
    assert bare_of([{"type": "text", "text": "File a"}, IMAGE, {"type": "text", "text": "why?"}], "why?") == "why?"


@pytest.mark.parametrize(
    ("content", "prompt"),
    [
        ("why?", "why?"), ("so why?", "why?"), ("File a\n\nwhy?", None), ("File a\n\nwhy?", ""), ("a\n\nwhy?", "how?"),
        ([{"type": "text", "text": "why?"}], "why?"), ([{"type": "text", "text": "why?"}, IMAGE], "why?"),
    ],
)  # fmt: skip
def test_a_turn_without_files_has_nothing_to_leave_out(content: str, prompt: str | None):
    assert bare_of(content, prompt) is None


def test_tokens_are_estimated_from_bytes_images_and_pages():
    pdf = "data:application/pdf;base64," + base64.b64encode(b"%PDF- /Type /Page /Type /Page").decode()
    assert tokens_in("12345678") == 2
    assert tokens_in("🐎🐎") == 2
    assert tokens_in([{"type": "text", "text": "1234"}, IMAGE]) == 1_601
    assert tokens_in([{"type": "file", "file": {"filename": "a.pdf", "file_data": pdf}}]) == 4_000
    assert tokens_in([{"type": "file", "file": {"file_data": "data:;base64,x"}}]) == 2_000
    assert tokens_in([{"type": "file", "file": "f-1"}]) == 1_600


def test_exchanges_are_the_turns_of_a_task_without_system_texts():
    sizes = (
        Size(1, "system", "a", 9), Size(2, "user", "a", 5, 1), Size(3, "assistant", "a", 2), Size(4, "user", "b", 3),
        Size(5, "system", "b", 7), Size(6, "assistant", "b", 4),
    )  # fmt: skip
    history = History(TALK, sizes)
    assert history.exchanges == [Exchange(3, 7, 3), Exchange(6, 7, 7)]
    assert (history.last, history.system_tokens) == (6, 7)
    assert (History(TALK).exchanges, History(TALK).system_tokens) == ([], 0)
