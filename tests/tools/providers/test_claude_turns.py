"""A conversation in the form that Claude's command line takes."""

import json
from typing import Any

import pytest

from longcall.calling import new_call
from longcall.errors import CallError
from longcall.providers.claude_turns import GO_ON, Turns, turns


def talk(*said: tuple[str, Any], system: str = "") -> Turns:
    return turns(new_call(model="max/", messages=[{"role": role, "content": text} for role, text in said]), system)


def asked(said: Turns) -> Any:
    return json.loads(said.last)["message"]["content"]


def test_system_texts_become_one_in_their_order_after_ours():
    said = talk(("system", "One."), ("user", "q"), ("developer", "Two."), ("user", "r"), system="Ours.")
    assert said.system == "Ours.\n\nOne.\n\nTwo."
    assert talk(("system", " "), ("user", "q")).system == ""


def test_the_last_turn_is_asked_and_the_others_are_earlier():
    said = talk(("user", "a"), ("assistant", "b"), ("user", "c"))
    earlier = [json.loads(line) for line in said.earlier.splitlines()]
    assert [(turn["type"], turn["message"]["role"], turn["message"]["content"][0]["text"]) for turn in earlier] == [
        ("user", "user", "a"),
        ("assistant", "assistant", "b"),
    ]
    assert [turn["parentUuid"] for turn in earlier] == [None, earlier[0]["uuid"]]
    assert asked(said) == [{"type": "text", "text": "c"}]
    assert not said.goes_on
    assert talk(("user", "c")).earlier == ""


def test_a_turn_of_claudes_own_at_the_end_is_gone_on_from():
    said = talk(("user", "a"), ("assistant", "b"))
    assert len(said.earlier.splitlines()) == 2
    assert asked(said) == [{"type": "text", "text": GO_ON}]
    assert said.goes_on


@pytest.mark.parametrize("text", ["/compact", "/foo bar"])
def test_a_text_never_begins_like_a_command(text: str):
    assert asked(talk(("user", text))) == [{"type": "text", "text": f"\n{text}"}]
    assert json.loads(talk(("user", text), ("user", "q")).earlier)["message"]["content"][0]["text"] == text
    assert asked(talk(("user", f"see {text}"))) == [{"type": "text", "text": f"see {text}"}]


def test_images_go_along_and_empty_texts_do_not():
    parts = [
        {"type": "text", "text": "look"},
        {"type": "text", "text": " "},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": "https://example.org/x.png"},
    ]
    assert asked(talk(("user", parts))) == [
        {"type": "text", "text": "look"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.org/x.png"}},
    ]


def test_an_earlier_turn_without_text_keeps_its_place():
    said = talk(("user", "a"), ("assistant", ""), ("user", "c"))
    assert json.loads(said.earlier.splitlines()[1])["message"]["content"] == [{"type": "text", "text": "(empty)"}]


@pytest.mark.parametrize("part", [{"type": "input_audio", "input_audio": {}}, {"type": "image_url", "image_url": {}}])
def test_what_is_no_text_and_no_image_is_refused(part: dict[str, Any]):
    with pytest.raises(CallError, match="takes text and images"):
        talk(("user", [part]))
