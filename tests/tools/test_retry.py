"""How a caller says that a model is asked again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from longcall.retry import Budget, Retry, ToolStage, plain_retry


@pytest.mark.parametrize(
    ("first_s", "factor", "longest_s", "delays"),
    [
        (0, 2, 60, [0, 0, 0, 0]),
        (1, 2, 60, [1, 2, 4, 8]),
        (1, 2, 3, [1, 2, 3, 3]),
        (5, 1, 60, [5, 5, 5, 5]),
        (5, 2, 0, [0, 0, 0, 0]),
    ],
)
def test_delays_grow_up_to_the_longest(first_s: float, factor: float, longest_s: float, delays: list[float]):
    retry = Retry(first_delay_s=first_s, delay_factor=factor, longest_delay_s=longest_s)
    assert [retry.delay(failed) for failed in range(1, 5)] == delays


@given(st.floats(0, 3600), st.floats(1, 10), st.floats(0, 3600), st.integers(1, 20))
def test_no_delay_is_longer_than_the_longest_or_below_nought(first: float, factor: float, longest: float, failed: int):
    delay = Retry(first_delay_s=first, delay_factor=factor, longest_delay_s=longest).delay(failed)
    assert 0 <= delay <= longest


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0},
        {"max_attempts": 21},
        {"attempts": 2},
        {"budget": {"tokens": 0}},
        {"budget": {"usd": 0}},
        {"budget": {"usd": float("inf")}},
        {"budget": {"seconds": float("nan")}},
        {"budget": {"dollars": 1}},
        {"on_exhausted": "shrug"},
        {"context": "amnesia"},
        {"escalate": ["m"] * 11},
        {"tool_stage": {"after": 0}},
        {"max_attempts_before_human": -1},
        {"delay_factor": 0.5},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        Retry.model_validate(plain_retry(wrong))


@pytest.mark.parametrize(
    "right",
    [
        {"max_attempts": 1},
        {"max_attempts": 20},
        {"budget": {"tokens": 1, "usd": 0.01, "seconds": 0.5}},
        {"on_exhausted": "return_last"},
        {"escalate": ["m"] * 10},
    ],
    ids=str,
)
def test_what_makes_sense_is_taken(right: dict[str, Any]):
    retry = Retry.model_validate(plain_retry(right))
    assert retry.model_dump(include=set(right), exclude_none=True, mode="json") == right


@pytest.mark.parametrize(("given_as", "meant"), [(0, None), (None, None), (3, 3)])
def test_a_threshold_of_nought_for_a_person_is_never(given_as: int | None, meant: int | None):
    assert Retry(max_attempts_before_human=given_as).max_attempts_before_human == meant


def test_the_predecessors_delays_have_names_of_today():
    plain = plain_retry({"initial_delay": 1.5, "backoff_factor": 3, "max_delay": 9})
    assert Retry.model_validate(plain) == Retry(first_delay_s=1.5, delay_factor=3, longest_delay_s=9)


def test_the_predecessors_stage_becomes_a_tool_stage():
    config = {"mcpServers": {"search": {"command": "npx"}}}
    plain = plain_retry(
        {"max_attempts_before_tool_use": 2, "debug_tool_name": "search", "debug_tool_mcp_config": config}
    )
    assert Retry.model_validate(plain).tool_stage == ToolStage(after=2, name="search", mcp_config=config)


def test_a_stage_of_servers_names_them():
    plain = plain_retry({"max_attempts_before_tool_use": 1, "debug_tool_servers": ["files"]})
    assert Retry.model_validate(plain).tool_stage == ToolStage(after=1, servers=("files",))


@pytest.mark.parametrize(
    "nothing",
    [
        {"max_attempts_before_tool_use": 2},
        {"debug_tool_name": "x"},
        {"max_attempts_before_tool_use": 0, "debug_tool_name": "x"},
    ],
    ids=str,
)
def test_half_a_stage_is_none(nothing: dict[str, Any]):
    assert Retry.model_validate(plain_retry(nothing)).tool_stage is None


@pytest.mark.parametrize(
    ("raw", "stops"),
    [
        ({}, True),
        ({"max_attempts": 5}, True),
        ({"max_attempts_before_human": 3}, False),
        ({"max_attempts_before_human": 0}, True),
        ({"max_attempts_before_tool_use": 2, "debug_tool_name": "x"}, False),
        ({"tool_stage": {"after": 2}}, False),
        ({"max_attempts_before_human": 3, "stop_without_progress": True}, True),
    ],
    ids=str,
)
def test_a_threshold_ends_a_stage_and_no_lack_of_progress_does(raw: dict[str, Any], stops: bool):
    assert Retry.model_validate(plain_retry(raw)).stop_without_progress is stops


def test_a_callers_dict_is_left_as_it_was():
    raw = {"initial_delay": 1, "max_attempts_before_tool_use": 2, "debug_tool_name": "x"}
    plain_retry(raw)
    assert raw == {"initial_delay": 1, "max_attempts_before_tool_use": 2, "debug_tool_name": "x"}


def test_without_limits_there_are_none():
    assert Budget() == Budget(tokens=None, usd=None, seconds=None)
