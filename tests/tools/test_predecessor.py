"""The config dicts of longcall's predecessor: each key is accepted, harmless, or a clear error."""

from copy import deepcopy
from typing import Any

import pytest

from longcall.call import Call
from longcall.calling import new_call
from longcall.errors import CallError
from longcall.predecessor import question_from_config
from longcall.retry import Retry, ToolStage

JUDGE: dict[str, Any] = {"type": "judge", "criteria": ["It is right."], "models": ["j"]}
COMMANDS: dict[str, Any] = {"mcpServers": {"x": {"command": "npx", "args": []}}}
CONFIG: dict[str, Any] = {"model": "demo/echo", "question": "why?"}
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "why?"}]}]
HARMLESS: list[tuple[str, Any]] = [
    ("polling", False), ("polling", None), ("wait_for_completion", True), ("wait_for_completion", None),
    ("long_running", True), ("long_running", False), ("stream", False), ("debug_mode", True), ("debug_mode", False),
    ("default_validate", False), ("validation", []), ("validation", None), ("retry_config", {}),
    ("retry_config", None), ("mcp_config", {}), ("mcp_config", None), ("response_format", None),
]  # fmt: skip
MISSING: list[tuple[str, Any]] = [
    ("polling", True), ("wait_for_completion", False), ("stream", True), ("image_directory", "/images"),
    ("max_image_size_kb", 500),
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


SERVERS: dict[str, Any] = {"mcpServers": {"x": {"command": "npx", "args": []}}}
EMPTY = {"type": "response_not_empty"}


def retry_of(**config: Any) -> Retry:
    """Returns how a config has its model asked again."""
    retry = call_of({**CONFIG, **config}).retry
    assert retry is not None
    return retry


@pytest.mark.parametrize("validation", [[{"type": "json_string"}], {"type": "json_string", "params": {}}, ["json"]])
def test_validation_is_a_list_or_one_of_it(validation: Any):
    assert [validator.type for validator in call_of({**CONFIG, "validation": validation}).validators] == ["json"]


def test_an_unknown_validator_is_refused_where_the_predecessor_dropped_it():
    with pytest.raises(CallError, match="string_check"):
        call_of({**CONFIG, "validation": [{"type": "string_check"}]})


def test_the_default_validator_stands_in_for_none():
    assert [one.type for one in call_of({**CONFIG, "default_validate": True}).validators] == ["not_empty"]
    both = {**CONFIG, "default_validate": True, "validation": [{"type": "json_string"}]}
    assert [one.type for one in call_of(both).validators] == ["json"]


def test_a_json_format_asks_for_json_and_checks_it():
    call = call_of({**CONFIG, "response_format": {"type": "json_object"}})
    assert [one.type for one in call.validators] == ["json"]
    assert (call.messages[0].role, "JSON" in call.messages[0].text) == ("system", True)
    said = [{"role": "system", "content": "Give a JSON object."}, {"role": "user", "content": "why?"}]
    told = call_of({"model": "m", "messages": said, "response_format": {"type": "json_object"}})
    assert [turn.text for turn in told.messages] == ["Give a JSON object.", "why?"]
    with pytest.raises(CallError, match="response_schema"):
        call_of({**CONFIG, "response_format": {"type": "json_schema"}})


def test_running_out_of_attempts_asks_for_a_person_as_it_always_did():
    assert retry_of(validation=[EMPTY]).max_attempts_before_human == 3
    assert retry_of(retry_config={"max_attempts": 5}).max_attempts_before_human == 5
    assert retry_of(retry_config={"max_attempts": 5}, max_attempts_before_human=2).max_attempts_before_human == 2
    assert retry_of(retry_config={"max_attempts_before_human": 0}).max_attempts_before_human is None
    assert call_of(CONFIG).retry is None


def test_delays_grow_as_the_predecessor_had_them():
    retry = retry_of(validation=[EMPTY])
    assert [retry.delay(failed) for failed in (1, 2, 3, 10)] == [1, 2, 4, 60]
    assert retry_of(retry_config={"initial_delay": 0.5, "backoff_factor": 3}).delay(2) == 1.5


@pytest.mark.parametrize("place", ["beside", "inside"])
def test_the_stage_with_tools_may_stand_beside_the_retry_config_or_inside(place: str):
    stage: dict[str, Any] = {
        "max_attempts_before_tool_use": 2,
        "debug_tool_name": "linter",
        "debug_tool_mcp_config": SERVERS,
    }
    config: dict[str, Any] = stage if place == "beside" else {"retry_config": stage}
    claude = {"model": "max/text-general"}
    assert retry_of(**claude, **config).tool_stage == ToolStage(after=2, name="linter", mcp_config=SERVERS)
    assert not retry_of(**claude, **config).stop_without_progress
    assert retry_of(**{**stage, "max_attempts_before_tool_use": 0}).tool_stage is None
    with pytest.raises(CallError, match="cannot be handed tools"):
        retry_of(**config)


def test_an_unknown_key_of_the_retry_config_is_refused():
    with pytest.raises(CallError, match="exponential_base"):
        call_of({**CONFIG, "retry_config": {"exponential_base": 2}})


def test_servers_of_its_own_are_the_calls():
    call = call_of({**CONFIG, "model": "max/claude-mcp-agent", "mcp_config": SERVERS})
    assert (call.mcp_config, call.names_commands) == (SERVERS, True)
    assert not call_of(CONFIG).names_commands


def test_judges_are_shown_the_original_prompt():
    assert call_of({**CONFIG, "original_user_prompt": "What?"}).original_prompt == "What?"


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
        ({**CONFIG, "temperature": "hot"}, "`temperature` must be a number"),
        ({**CONFIG, "timeout": 0}, "`timeout_s` must be above 0"),
        ({}, "No model was named"),
    ],
)
def test_a_config_that_asks_nothing_possible_is_turned_away_with_a_sentence(config: dict[str, Any], sentence: str):
    with pytest.raises(CallError, match=sentence):
        call_of(config)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("not_empty", ["not_empty"]),
        (["not_empty", "json"], ["not_empty", "json"]),
        ({"type": "not_empty"}, [{"type": "not_empty"}]),
        ([], None),
        (None, None),
    ],
)
def test_one_validator_may_stand_for_a_list_of_one(given: Any, taken: list[Any] | None):
    _prompt, question = question_from_config({**CONFIG, "validation": given})
    assert question.get("validate") == taken


def policy_of(**config: Any) -> Retry:
    """Returns how a config with a check is asked again."""
    retry = call_of({**CONFIG, "validation": [JUDGE], **config}).retry
    assert retry is not None
    return retry


def test_with_checks_a_person_is_asked_when_attempts_run_out():
    retry = policy_of()
    assert (retry.max_attempts, retry.max_attempts_before_human, retry.stop_without_progress) == (3, 3, False)
    assert (retry.first_delay_s, retry.delay_factor, retry.longest_delay_s) == (1.0, 2.0, 60.0)
    assert call_of(CONFIG).retry is None


@pytest.mark.parametrize(
    ("retry_config", "attempts", "human"),
    [
        ({"max_attempts": 5}, 5, 5),
        ({"max_attempts": 5, "max_attempts_before_human": 2}, 5, 2),
        ({"max_attempts_before_human": 0}, 3, None),
    ],
    ids=str,
)
def test_thresholds_in_retry_config_are_taken(retry_config: dict[str, Any], attempts: int, human: int | None):
    retry = policy_of(retry_config=retry_config)
    assert (retry.max_attempts, retry.max_attempts_before_human) == (attempts, human)


def test_thresholds_beside_retry_config_are_taken_and_come_first():
    retry = policy_of(max_attempts_before_human=2, retry_config={"max_attempts": 4, "max_attempts_before_human": 3})
    assert (retry.max_attempts, retry.max_attempts_before_human) == (4, 2)


def test_what_changes_nothing_in_retry_config_is_harmless_and_what_is_unknown_is_named():
    assert policy_of(retry_config={"debug_mode": True, "use_jitter": False, "enable_cache": True}) == policy_of()
    with pytest.raises(CallError, match=r"retry\.patience"):
        policy_of(retry_config={"patience": 3})


def test_json_is_asked_for_and_checked_unless_the_caller_says_so_already():
    _prompt, question = question_from_config({**CONFIG, "response_format": {"type": "json_object"}})
    assert question.get("validate") == ["json"]
    assert "JSON object" in (question.get("system") or "")
    said = [{"role": "system", "content": "Give valid JSON."}, *MESSAGES[1:]]
    _prompt, question = question_from_config(
        {"model": "m", "messages": said, "response_format": {"type": "json_object"}}
    )
    assert question.get("system") is None
    with pytest.raises(CallError, match="response_schema"):
        question_from_config({**CONFIG, "response_format": {"type": "json_schema"}})


def test_the_default_check_is_that_there_is_an_answer():
    assert question_from_config({**CONFIG, "default_validate": True})[1].get("validate") == ["not_empty"]
    assert question_from_config({**CONFIG, "default_validate": False})[1].get("validate") is None
