"""What a caller may ask of a group, and what is refused."""

from typing import Any

import pytest

from longcall.calling import new_call
from longcall.combine import Combine
from longcall.errors import CallError
from longcall.fan_out import combining_call, wanted


def asked(**given: Any) -> Any:
    names = ("prompt", "prompts", "model", "models", "at_once", "combine")
    return wanted(*[given.get(name) for name in names])


def test_every_prompt_is_asked_of_every_model_in_order():
    found = asked(prompts=["a", "b"], models=["x", "y"])
    assert found.pairs == (("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"))
    assert (found.keys, found.at_once, found.combine) == ((), None, None)


def test_one_prompt_is_a_pair_of_its_own():
    assert asked(prompt="a", model="x").pairs == (("a", "x"),)
    assert asked().pairs == ((None, None),)


def test_prompts_may_have_keys():
    found = asked(prompts=["a", {"prompt": "b", "idempotency_key": "k"}, {"prompt": "c"}], models=["x"])
    assert found.pairs == (("a", "x"), ("b", "x"), ("c", "x"))
    assert found.keys == (None, "k", None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"prompt": "a", "prompts": ["b"]}, "either `prompt` or `prompts`"),
        ({"model": "x", "models": ["y"]}, "either `model` or `models`"),
        ({"prompts": ["a"], "at_once": 0}, "`at_once` must be 1 or more"),
        ({"prompts": ["a"], "at_once": True}, "`at_once` must be 1 or more"),
        ({"prompts": ["a"], "combine": "most"}, "`combine` cannot be used"),
        ({"prompts": [1]}, "Each of `prompts`"),
        ({"prompts": [{"prompt": 1}]}, "Each of `prompts`"),
        ({"prompts": [{"prompt": "a", "idempotency_key": 1}]}, "Each of `prompts`"),
        ({"prompts": [{"prompt": "a", "model": "x"}]}, "Each of `prompts`"),
        ({"prompts": [{"idempotency_key": "k"}]}, "Each of `prompts`"),
        ({"prompts": [{"prompt": "a", "idempotency_key": "k"}], "models": ["x", "y"]}, "ask one `model`"),
    ],
)
def test_what_cannot_be_asked_so_is_refused(given: dict[str, Any], said: str):
    with pytest.raises(CallError, match=said):
        asked(**given)


def calls(*prompts: str) -> Any:
    return [new_call(model="demo/echo", prompt=prompt, timeout_s=7, on_interrupt="retry") for prompt in prompts]


def test_what_combines_is_told_what_was_asked():
    call = combining_call(calls("a", "a"), Combine(how="best"), "demo/slip")
    assert (call.model, call.original_prompt, call.head) == ("combine/best", "a", "a")
    assert (call.timeout_s, call.on_interrupt) == (7, "retry")
    assert call.combine == Combine(how="best", model="demo/slip")
    assert combining_call(calls("a", "b"), Combine(how="best", model="m"), None).original_prompt == "1. a\n2. b"


def test_a_vote_needs_no_model():
    assert combining_call(calls("a", "b"), Combine(how="vote"), None).combine == Combine(how="vote")


@pytest.mark.parametrize(
    ("model", "said"), [(None, "Name who chooses"), ("validate_code", "no model"), ("combine/best", "no model")]
)
def test_who_cannot_choose_is_refused(model: str | None, said: str):
    with pytest.raises(CallError, match=said):
        combining_call(calls("a", "b"), Combine(how="best"), model)


def test_what_combines_is_no_model_to_ask():
    with pytest.raises(CallError, match="say `combine` with several prompts"):
        new_call(model="combine/vote", prompt="a")
