"""The operator's own names for models."""

from typing import Any

import pytest

from longcall.aliases import named, with_aliases
from longcall.calling import new_call
from longcall.combine import Combine
from longcall.errors import CallError

ALIASES = {"fast": "openai/gpt-5-nano", "wise": "anthropic/claude-opus-4-5", "openai/gpt-5": "azure/mine"}


@pytest.mark.parametrize(
    ("name", "model"),
    [("fast", "openai/gpt-5-nano"), (" fast ", "openai/gpt-5-nano"), ("openai/gpt-5", "azure/mine"), ("Fast", "Fast")],
)
def test_a_name_stands_for_a_model(name: str, model: str):
    assert named(name, ALIASES) == model


def test_names_are_taken_wherever_a_call_names_models():
    call = new_call(
        model="demo/echo",
        prompt="hello",
        fallbacks=["fast", "demo/slow"],
        retry={"escalate": ["wise"]},
        validate=[{"type": "judge", "criteria": "is good", "models": ["wise", "demo/echo"]}, "not_empty"],
    )
    meant = with_aliases(call, ALIASES)
    assert meant.fallbacks == ("openai/gpt-5-nano", "demo/slow")
    assert meant.policy.escalate == ("anthropic/claude-opus-4-5",)
    assert meant.judges[0].models == ("anthropic/claude-opus-4-5", "demo/echo")
    assert len(meant.validators) == 2


def test_without_aliases_a_call_stays_the_same():
    call = new_call(model="fast", prompt="hello")
    assert with_aliases(call, {}) is call


@pytest.mark.parametrize("model", ["meta-task/x", "validate_code"])
def test_what_asks_no_model_is_no_fallback(model: str):
    with pytest.raises(CallError, match=f"'{model}' in `fallbacks` is no model that can be asked"):
        new_call(model="demo/echo", prompt="hello", fallbacks=[model])


def test_where_tools_are_used_a_fallback_uses_them_in_the_same_way():
    for model, fallback in (("max/opus", "openai/gpt-5"), ("openai/gpt-5", "max/opus")):
        with pytest.raises(CallError, match="cannot stand in for"):
            new_call(model=model, prompt="hello", fallbacks=[fallback], servers=["files"])
        assert new_call(model=model, prompt="hello", fallbacks=[fallback]).fallbacks == (fallback,)


def test_fallbacks_do_not_make_another_request():
    one, other = (new_call(model="demo/echo", prompt="hello", fallbacks=models) for models in ([], ["demo/slow"]))
    assert one.request == other.request


def test_who_chooses_the_best_answer_may_be_named_so_too():
    call = new_call(model="demo/echo", prompt="hello").model_copy(
        update={"combine": Combine(how="best", model="wise"), "retry": None}
    )
    combine = with_aliases(call, ALIASES).combine
    assert combine is not None
    assert combine.model == "anthropic/claude-opus-4-5"


@pytest.mark.parametrize("place", ["model", "fallbacks", "escalate", "judge"])
def test_no_name_of_a_model_is_an_address(place: str):
    named = "oobabooga/http://elsewhere/v1"
    options: dict[str, Any] = {
        "model": {"model": named},
        "fallbacks": {"fallbacks": [named]},
        "escalate": {"retry": {"escalate": [named]}},
        "judge": {"validate": [{"type": "judge", "criteria": "is good", "models": [named]}]},
    }[place]
    asked: dict[str, Any] = {"model": "demo/echo", "prompt": "hello", **options}
    with pytest.raises(CallError, match="has an address in it"):
        new_call(**asked)
