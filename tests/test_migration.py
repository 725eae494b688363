"""The migration guide says only what is true: every key, validator and model of its tables is tried here."""

import ast
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from support.guides import rows

import longcall
from longcall import UnknownTaskError, connect, llm_call, poll_task, predecessor
from longcall.call import Call
from longcall.calling import new_call
from longcall.errors import CallError
from longcall.predecessor import question_from_config
from longcall.providers.claude_names import PATH_VARIABLES
from longcall.settings import read_settings
from longcall.validators import parse_validators
from longcall.validators.aliases import TYPES

GUIDE = (Path(__file__).parents[1] / "docs" / "MIGRATION_V3_TO_V4.md").read_text("utf-8")
KEYS, RETRY = GUIDE.split("## Retries")
BASE: dict[str, Any] = {"model": "max/text-general", "question": "why?"}
CONFIG_KEYS = frozenset({
    "model", "messages", "question", "temperature", "max_tokens", "response_format", "validation", "default_validate",
    "retry_config", "max_attempts_before_tool_use", "max_attempts_before_human", "debug_tool_name",
    "debug_tool_mcp_config", "original_user_prompt", "mcp_config", "polling", "wait_for_completion", "timeout",
    "long_running", "debug_mode", "image_directory", "max_image_size_kb", "stream", "provider", "api_base", "api_key",
    "vertex_project", "vertex_location", "vertex_credentials_path", "skip_claude_multimodal", "recursion_depth",
    "cache", "cache_key", "force_refresh", "fallback_models", "batch_mode", "corpus_path", "track_cost", "max_cost",
    "validation_strategies",
})  # fmt: skip
"""Every key that the predecessor's configurations, fixtures and documents had."""
RETRY_KEYS = frozenset({
    "max_attempts", "backoff_factor", "initial_delay", "max_delay", "debug_mode", "enable_cache", "use_jitter",
    "jitter_range", "enable_circuit_breaker", "circuit_breaker_config", "exponential_base", "jitter",
    "max_attempts_before_tool_use", "max_attempts_before_human", "debug_tool_name", "debug_tool_mcp_config",
})  # fmt: skip
VALIDATORS = frozenset({
    "response_not_empty", "json_string", "field_present", "length", "regex", "contains", "code", "python", "schema",
    "sql", "sql_safe", "openapi_spec", "agent_task", "ai_contradiction_check",
})  # fmt: skip
HEAD = ("key", "example", "fate", "here")


def fate_of(config: dict[str, Any]) -> str:
    """Returns what becomes of a part of a config, in the guide's words."""
    whole = {**BASE, **config}
    if "messages" in config:
        del whole["question"]
    try:
        return "no effect" if call_of(whole) == call_of(BASE) else "taken"
    except CallError:
        return "refused"


def call_of(config: dict[str, Any]) -> Call:
    """Returns the call that a config asks for."""
    prompt, question = question_from_config(config)
    given: dict[str, Any] = {"model": None, **question}
    return new_call(prompt=prompt, **given)


@pytest.mark.parametrize(("key", "example", "fate", "_here"), rows(KEYS, *HEAD))
def test_a_key_of_a_config_has_the_fate_that_is_told(key: str, example: str, fate: str, _here: str) -> None:
    config = json.loads(example)
    assert key in config
    assert fate_of(config) == fate


@pytest.mark.parametrize(("key", "example", "fate", "_here"), rows(RETRY, *HEAD))
def test_a_key_of_a_retry_config_has_the_fate_that_is_told(key: str, example: str, fate: str, _here: str) -> None:
    within = json.loads(example)
    assert key in within
    assert fate_of({"retry_config": within}) == fate


def test_every_key_is_told_of() -> None:
    assert {row[0] for row in rows(KEYS, *HEAD)} == CONFIG_KEYS
    assert {row[0] for row in rows(RETRY, *HEAD)} == RETRY_KEYS
    ours = {*predecessor._TAKEN, *predecessor._HARMLESS}  # pyright: ignore[reportPrivateUsage]
    assert ours <= CONFIG_KEYS
    assert predecessor._IGNORED_RETRY <= RETRY_KEYS  # pyright: ignore[reportPrivateUsage]


def test_a_key_that_nobody_told_of_is_refused() -> None:
    assert fate_of({"colour": "red"}) == "refused"
    assert fate_of({"retry_config": {"colour": "red"}}) == "refused"


SPECIFICATIONS = [row for row in rows(GUIDE, "there", "here") if row[0].startswith('{"type"')]


@pytest.mark.parametrize(("there", "here"), SPECIFICATIONS)
def test_an_older_validator_is_the_newer_one_that_is_told(there: str, here: str) -> None:
    assert parse_validators(json.loads(there)) == parse_validators(json.loads(here))
    assert [one.type for one in parse_validators(json.loads(there))] == [json.loads(here)["type"]]


def test_every_older_validator_is_told_of() -> None:
    told = {json.loads(there)["type"] for there, _ in SPECIFICATIONS}
    assert told == VALIDATORS
    assert set(TYPES) - told == {"sql_safety", "ai_contradiction"}  # other spellings of two that are


CALLS = [row[:2] for row in rows(GUIDE, "there", "here", "what is different")]


@pytest.mark.parametrize(("there", "here"), CALLS)
def test_what_stands_for_an_older_function_can_be_called_so(there: str, here: str) -> None:
    if here.startswith("LONGCALL_"):
        name, _, value = here.partition("=")
        found = getattr(read_settings({name: value}), name.removeprefix("LONGCALL_").lower())
        assert not value or found == float(value)
    elif here:
        called = ast.parse(here, mode="eval").body
        assert isinstance(called, ast.Call)
        given = {str(one.arg): ast.unparse(one.value) for one in called.keywords}
        function = getattr(longcall, ast.unparse(called.func))
        assert inspect.signature(function).bind(*map(ast.unparse, called.args), **given), there


def test_every_older_function_is_told_of() -> None:
    told = {there.partition("(")[0] for there, _ in CALLS}
    assert told == {
        "llm_call", "llm_call_with_timeout", "get_task_status", "wait_for_task", "list_active_tasks", "cancel_task",
        "AsyncPollingManager", "set_executor",
    }  # fmt: skip


@pytest.mark.usefixtures("home")
async def test_ends_are_told_as_the_guide_says() -> None:
    with pytest.raises(UnknownTaskError):
        await poll_task("0" * 32)
    slow: dict[str, Any] = {"model": "demo/slow-30", "question": "why?"}
    waited = await llm_call(slow, wait_s=0.1)
    again = await llm_call(slow, wait_s=0.1)
    assert (waited.status, again.task_id) == ("working", waited.task_id)
    late = await llm_call({**slow, "question": "when?", "timeout": 0.5})
    assert (late.status, late.error and late.error["code"]) == ("failed", "timeout")
    person = await llm_call(
        {"model": "demo/echo", "question": "no JSON", "validation": ["json"], "retry_config": {"initial_delay": 0.01}}
    )
    assert (person.status, person.attempts) == ("needs_review", 3)
    assert person.validation is not None
    assert person.validation["issues"]


def test_the_older_variable_for_claudes_command_line_is_taken() -> None:
    assert PATH_VARIABLES == ("LONGCALL_CLAUDE_CLI", "CLAUDE_CLI_PATH")


@pytest.mark.usefixtures("home")
async def test_arguments_beside_a_config_come_first() -> None:
    answer = await llm_call(BASE, model="demo/echo")
    assert (answer.model, answer.text) == ("demo/echo", "why?")


@pytest.mark.usefixtures("home")
async def test_names_without_a_slash_and_of_runpod_are_unknown() -> None:
    async with connect() as session:
        group = await session.start_task("hello", models=["max", "opus", "runpod/pod/model"])
        told = await session.poll_task(group.task_id, wait_s=None)
        ended = [await session.poll_task(line.task_id) for line in told.tasks or ()]
    assert [one.error and one.error["code"] for one in ended] == ["unknown_model"] * 3
