"""The config dicts of longcall's predecessor: each key is accepted, harmless, or a clear error."""

from copy import deepcopy
from typing import Any

import pytest

from longcall.call import Call, new_call
from longcall.errors import CallError
from longcall.predecessor import question_from_config

CONFIG = {"model": "demo/echo", "question": "why?"}
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "why?"}]}]
HARMLESS: list[tuple[str, Any]] = [
    ("polling", False), ("polling", None), ("wait_for_completion", True), ("wait_for_completion", None),
    ("long_running", True), ("long_running", False), ("stream", False), ("debug_mode", True), ("debug_mode", False),
    ("default_validate", False), ("validation", []), ("validation", None), ("retry_config", {}),
    ("retry_config", None), ("mcp_config", {}), ("mcp_config", None), ("response_format", None),
]  # fmt: skip
MISSING: list[tuple[str, Any]] = [
    ("response_format", {"type": "json_object"}), ("validation", [{"type": "json_string"}]),
    ("validation", {"type": "json_string", "params": {}}), ("default_validate", True),
    ("retry_config", {"max_attempts": 3}), ("max_attempts_before_tool_use", 2), ("max_attempts_before_human", 3),
    ("debug_tool_name", "perplexity-ask"), ("debug_tool_mcp_config", {}), ("original_user_prompt", "why?"),
    ("mcp_config", {"mcpServers": {"x": {"command": "npx", "args": []}}}), ("polling", True),
    ("wait_for_completion", False), ("stream", True), ("image_directory", "/images"), ("max_image_size_kb", 500),
    ("provider", "openai"), ("api_base", "http://example.org"), ("api_key", "sk-mock"), ("vertex_project", "p"),
    ("vertex_location", "l"), ("vertex_credentials_path", "/c.json"), ("skip_claude_multimodal", True),
    ("recursion_depth", 0), ("cache", True), ("cache_key", "k"), ("force_refresh", True), ("fallback_models", ["m"]),
    ("batch_mode", True), ("corpus_path", "/corpus"), ("track_cost", True), ("max_cost", 1.0),
    ("validation_strategies", []), ("colour", "red"),
]  # fmt: skip


def call_of(config: dict[str, Any]) -> Call:
    """Returns the call that a config asks for."""
    before = deepcopy(config)
    try:
        prompt, question = question_from_config(config)
        given: dict[str, Any] = {"model": None, **question}
        return new_call(prompt=prompt, **given)
    finally:
        assert config == before


def test_a_question_is_a_call():
    assert call_of(CONFIG) == new_call(model="demo/echo", prompt="why?")


def test_messages_are_a_call():
    assert call_of({"model": "m", "messages": MESSAGES}) == new_call(model="m", messages=MESSAGES)
    assert call_of({"model": "m", "messages": MESSAGES, "question": None}).messages[0].role == "system"


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [("temperature", 0.1, "temperature"), ("max_tokens", 250, "max_tokens"), ("timeout", 300, "timeout_s")],
)
def test_a_key_that_is_taken_sets_its_field(key: str, value: float, field: str):
    assert getattr(call_of({**CONFIG, key: value}), field) == value
    assert call_of({**CONFIG, key: None}) == call_of(CONFIG)


@pytest.mark.parametrize(("key", "value"), HARMLESS)
def test_a_key_that_changes_nothing_is_harmless(key: str, value: Any):
    assert call_of({**CONFIG, key: value}) == call_of(CONFIG)


@pytest.mark.parametrize(("key", "value"), MISSING)
def test_a_key_whose_feature_is_missing_is_named(key: str, value: Any):
    with pytest.raises(CallError, match=f"'{key}' with what it asks for is not supported by this version"):
        call_of({**CONFIG, key: value})


def test_the_value_of_a_key_to_a_provider_is_not_repeated():
    with pytest.raises(CallError) as error:
        call_of({**CONFIG, "api_key": "sk-mock-0123456789"})
    assert "sk-mock-0123456789" not in str(error.value)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"question": "why?"}, "No model was named"),
        ({"model": "m"}, "There is nothing to ask"),
        ({"model": "m", "messages": []}, "There is nothing to ask"),
        ({"model": "m", "messages": MESSAGES, "question": "why?"}, "Give either `question` or `messages`"),
        ({**CONFIG, "temperature": "hot"}, "`temperature` cannot be used"),
        ({**CONFIG, "timeout": 0}, "`timeout_s` cannot be used"),
        ({}, "No model was named"),
    ],
)
def test_a_config_that_asks_nothing_possible_is_turned_away_with_a_sentence(config: dict[str, Any], sentence: str):
    with pytest.raises(CallError, match=sentence):
        call_of(config)
