"""From a model's name to what serves it."""

import pytest

from longcall.routing import Route, route


@pytest.mark.parametrize("model", ["demo/echo", "demo/", "demo/nothing"])
def test_demo_models_are_scripted(model: str):
    assert route(model) is Route.SCRIPTED


@pytest.mark.parametrize(
    "model", ["gpt-4o", "openai/gpt-4o", "anthropic/claude", "demo", "maximal/m", "max", "x/demo/y"]
)
def test_every_other_name_is_for_litellm_to_know(model: str):
    assert route(model) is Route.LITELLM


@pytest.mark.parametrize("model", ["max/opus", "MAX/opus", "Max/", "max/code-expert"])
def test_claude_by_its_command_line_has_a_prefix_of_its_own(model: str):
    assert route(model) is Route.CLAUDE
