"""A schema for the answer, as each provider takes it."""

from typing import Any

import pytest
from tools.tasks.samples import asking

from longcall.providers.litellm_schema import constraint, in_words

CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


class Knows:
    """LiteLLM's list of who constrains answers."""

    def supports_response_schema(self, model: str, _provider: str) -> bool:
        """Whether it does."""
        return model == "knows"


def asked(schema: Any, model: str = "knows", provider: str = "openai", **options: Any) -> dict[str, Any]:
    return constraint(Knows(), asking().model_copy(update={"response_schema": schema, **options}), model, provider)


def is_strict(schema: Any) -> bool:
    return asked(schema)["response_format"]["json_schema"]["strict"]


def test_a_schema_constrains_where_the_provider_can():
    assert asked(CLOSED)["response_format"]["json_schema"]["schema"] == CLOSED
    assert asked(CLOSED, "knows not") == {}
    assert asked(CLOSED, "knows not", "ollama") != {}
    assert asked(None) == {}
    assert asked(CLOSED, background=True) == {}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        ({"type": "string"}, True),
        ({**CLOSED, "additionalProperties": True}, False),
        ({**CLOSED, "required": []}, False),
        ({"type": "object"}, False),
        ({**CLOSED, "properties": {"a": {"type": "object"}}}, False),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"anyOf": [CLOSED, {"type": "object"}]}, False),
    ],
)
def test_only_a_schema_that_is_closed_and_complete_throughout_is_strict(schema: Any, strict: bool):
    assert is_strict(schema) is strict


@pytest.mark.parametrize(
    "odd",
    [
        {"properties": {"required": True}},
        {"properties": {"properties": True}},
        {"required": True},
        {"default": {"required": [[1]]}},
        {"properties": None},
    ],
    ids=str,
)
def test_a_schema_of_any_shape_breaks_nothing(odd: dict[str, Any]):
    assert asked({**CLOSED, **odd})["response_format"]["json_schema"]["schema"] == {**CLOSED, **odd}


def test_in_words_a_schema_comes_before_what_was_asked():
    call = in_words(asking("why?").model_copy(update={"response_schema": {"title": "žlutý {kůň}"}}))
    system, user = call.messages
    assert (system.role, user.text) == ("system", "why?")
    assert '{"title": "žlutý {kůň}"}' in system.text
