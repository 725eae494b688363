"""The words, and the door through which a call comes in."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tools.samples import QUEUED, ended, running

from longcall.call import Call
from longcall.calling import new_call
from longcall.clock import Clock
from longcall.errors import CallError
from longcall.message import Message
from longcall.models import TaskState

PICTURE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}


def complaint(**given_: Any) -> str:
    """Returns the sentence with which a call is turned away."""
    call: dict[str, Any] = {"model": "demo/echo", "prompt": "why?"} | given_
    with pytest.raises(CallError) as error:
        new_call(**call)
    return str(error.value)


def test_a_prompt_is_one_user_message():
    call = new_call(model=" demo/echo ", prompt="why?")
    assert call == Call(model="demo/echo", messages=(Message(role="user", content="why?"),))


def test_a_system_text_stands_before_the_messages():
    call = new_call(model="m", messages=[{"role": "user", "content": "why?"}], system="Be brief.")
    assert [(turn.role, turn.content) for turn in call.messages] == [("system", "Be brief."), ("user", "why?")]
    assert len(new_call(model="m", prompt="why?", system="").messages) == 1


def test_options_that_are_none_count_as_not_given():
    bare = new_call(model="m", prompt="why?")
    assert new_call(model="m", prompt="why?", temperature=None, timeout_s=None, max_tokens=None) == bare
    assert new_call(model="m", prompt="why?", temperature=0).temperature == 0


def test_a_picture_alone_can_be_asked_about():
    assert new_call(model="m", messages=[{"role": "user", "content": [PICTURE]}]).messages[0].text == ""


def test_a_conversation_may_end_with_the_beginning_of_the_answer():
    turns = [{"role": "user", "content": "why?"}, {"role": "assistant", "content": "Because"}]
    assert new_call(model="m", messages=turns).messages[-1].role == "assistant"


NOT_ASKABLE: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "No model was named"),
    ({"model": ""}, "No model was named"),
    ({"model": "  "}, "`model` must "),
    ({"model": "m\ud800"}, "`model` must "),
    ({"prompt": None}, "There is nothing to ask"),
    ({"prompt": ""}, "There is nothing to ask"),
    ({"prompt": " \n"}, "There is nothing to ask"),
    ({"prompt": 5}, "`content` must be"),
    ({"prompt": None, "messages": []}, "There is nothing to ask"),
    ({"prompt": None, "messages": [{"role": "user", "content": []}]}, "There is nothing to ask"),
    ({"messages": [{"role": "user", "content": "x"}]}, "Give either `prompt` or `messages`, not both"),
    ({"prompt": None, "messages": [{"role": "tool", "content": "x"}]}, "`messages.0.role` must be"),
    ({"prompt": None, "messages": [{"role": "user"}]}, "`messages.0.content` is missing"),
    ({"prompt": None, "messages": [{"role": "user", "content": "x", "name": "n"}]}, "`messages.0.name` is not known"),
    ({"prompt": None, "messages": "x"}, "`messages` must be a list of chat turns"),
    ({"prompt": None, "messages": [{"role": "system", "content": "x"}]}, "There is nothing to answer"),
    ({"temperature": 2.1}, "`temperature` must "),
    ({"temperature": math.nan}, "`temperature` must "),
    ({"max_tokens": 0}, "`max_tokens` must "),
    ({"reasoning_effort": "immense"}, "`reasoning_effort` must "),
    ({"timeout_s": 0}, "`timeout_s` must "),
    ({"timeout_s": math.nan}, "`timeout_s` must "),
    ({"colour": "red"}, "`colour` is not known"),
]


@pytest.mark.parametrize(("given_", "sentence"), NOT_ASKABLE)
def test_what_cannot_be_asked_is_turned_away_with_a_sentence(given_: Mapping[str, Any], sentence: str):
    assert sentence in complaint(**given_)


@pytest.mark.parametrize("timeout_s", [math.inf])
def test_an_endless_deadline_is_turned_away(timeout_s: float):
    assert "`timeout_s` must " in complaint(timeout_s=timeout_s)


def test_messages_that_are_no_list_are_turned_away():
    assert "`messages` must be a list" in complaint(prompt=None, messages=5)


@pytest.mark.parametrize("url", [b"\xff", object()], ids=["bytes", "an object"])
def test_a_part_that_cannot_be_stored_is_turned_away(url: Any):
    content = [{"type": "image_url", "image_url": {"url": url}}]
    assert "cannot be used" in complaint(prompt=None, messages=[{"role": "user", "content": content}])


def test_a_lone_surrogate_in_a_part_is_replaced():
    content = [{"type": "text", "text": "a\ud800"}, {"type": "image_url", "image_url": {"url": "\udc00"}}]
    [turn] = new_call(model="m", messages=[{"role": "user", "content": content}]).messages
    assert turn.content == [{"type": "text", "text": "a\ufffd"}, {"type": "image_url", "image_url": {"url": "\ufffd"}}]


@given(st.text(st.characters(exclude_categories=[])).filter(str.strip))
def test_whatever_text_is_asked_comes_back_from_the_store_as_it_went_in(text: str):
    parts = [{"type": "text", "text": text}, PICTURE]
    call = new_call(model="m", messages=[{"role": "user", "content": text}, {"role": "user", "content": parts}])
    assert Call.model_validate_json(call.model_dump_json(exclude_none=True).encode()) == call


def test_a_lone_surrogate_in_a_prompt_is_replaced():
    assert new_call(model="m", prompt="a\ud800b", system="\udc00").messages[1].text == "a\ufffdb"
    assert new_call(model="m", prompt="a\ud83d\udc0eb").messages[0].text == "a🐎b"


def test_a_task_is_known_by_the_words_of_the_last_user_message():
    turns = [{"role": "user", "content": "first"}, {"role": "user", "content": "last\nline"}]
    assert new_call(model="m", messages=[*turns, {"role": "assistant", "content": "x"}]).head == "last line"
    assert new_call(model="m", messages=[{"role": "assistant", "content": "only"}]).head == "only"


def test_a_request_is_all_that_decides_the_answer_and_no_more():
    call = new_call(model="m", prompt="why?", temperature=0)
    traced = {"traceparent": f"00-{1:032x}-{1:016x}-01"}
    same: list[dict[str, Any]] = [{"timeout_s": 5.0}, {"on_interrupt": "retry"}, {"background": True}, traced]
    other: list[dict[str, Any]] = [
        {"model": "n"},
        {"temperature": 0.1},
        {"temperature": None},
        {"max_tokens": 1},
        {"reasoning_effort": "low"},
    ]
    other.append({"messages": (Message(role="user", content="why"),)})
    assert {call.model_copy(update=change).request for change in same} == {call.request}
    assert len({call.request, *(call.model_copy(update=change).request for change in other)}) == len(other) + 1


def test_a_call_cannot_be_changed():
    call = new_call(model="m", prompt="why?")
    with pytest.raises(ValidationError):
        call.model = "other"  # pyright: ignore[reportAttributeAccessIssue]  # that it cannot is what is tested
    assert json.loads(call.model_dump_json())["model"] == "m"


def test_waiting_and_running_alone_are_not_final():
    assert {state for state in TaskState if not state.is_final} == {TaskState.QUEUED, TaskState.RUNNING}


def test_the_age_of_a_task_ends_with_it_and_is_never_below_nought():
    assert ended("").age_s() == 4.0
    assert replace(ended(""), finished_at=500).age_s() == 0
    assert replace(running(), created_at=Clock().wall() + 3_600_000).age_s() == 0
    assert QUEUED.age_s() > 4.0


def test_a_deadline_that_no_store_holds_is_turned_away():
    assert "`timeout_s` must " in complaint(timeout_s=1e300)


@pytest.mark.parametrize(("model", "is_told"), [("openai/gpt-4o-mini", True), ("demo/echo", True), ("max/opus", False)])
def test_a_judge_that_needs_tools_must_be_able_to_have_them(model: str, is_told: bool):
    judge = {"type": "judge", "criteria": ["good"], "models": [model], "servers": ["filesystem"]}
    if is_told:
        assert "cannot be handed tools as a judge" in complaint(validate=[judge])
    else:
        assert new_call(model="demo/echo", prompt="why?", validate=[judge]).validators
