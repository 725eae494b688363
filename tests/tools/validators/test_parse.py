"""The one way in: names, aliases, refusals, and what the documentation shows."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longcall.validators import Answer, BaseValidator, ValidatorError, parse_validators
from longcall.validators.base import Issue

DOCS = (Path(__file__).parents[3] / "docs" / "validators.md").read_text("utf-8")


def stored(raw: Any) -> list[dict[str, Any]]:
    """Returns what is stored of `raw`, without what every validator has by itself."""
    parsed = parse_validators(raw)
    dumped = [one.model_dump(mode="json", exclude_none=True) for one in parsed]
    assert parse_validators(json.loads(json.dumps(dumped))) == parsed
    return [
        one.model_dump(mode="json", exclude_defaults=True) | {"type": dump["type"]}
        for one, dump in zip(parsed, dumped, strict=True)
    ]


@pytest.mark.parametrize(
    "raw",
    [
        "not_empty",
        ["not_empty"],
        {"type": "not_empty"},
        [{"type": "not_empty"}],
        '["not_empty"]',
        '{"type": "not_empty"}',
        ("response_not_empty",),
        " not_empty ",
    ],
)
def test_one_validator_may_be_given_in_many_ways(raw: Any) -> None:
    assert stored(raw) == [{"type": "not_empty"}]


def test_nothing_is_nothing_and_what_is_parsed_stays() -> None:
    assert parse_validators(None) == parse_validators([]) == ()
    parsed = parse_validators(["json", "not_empty"])
    assert parse_validators(parsed) == parsed
    assert [one.cost for one in parsed] == [1, 0]


@pytest.mark.parametrize(
    ("older", "ours"),
    [
        ({"type": "json_string"}, {"type": "json"}),
        ({"type": "json_string", "params": {"strict": True}}, {"type": "json", "fenced": False}),
        ({"type": "json", "strict": False}, {"type": "json", "repair": "safe"}),
        ({"type": "json", "params": None}, {"type": "json"}),
        ({"type": "schema", "params": {"schema": {}}}, {"type": "json_schema", "schema": {}}),
        ({"type": "length", "params": {"min_length": 1, "max_length": 9}}, {"type": "length", "min": 1, "max": 9}),
        ({"type": "contains", "required_text": "a"}, {"type": "contains", "all": ["a"]}),
        ({"type": "contains", "required_text": ["a"], "case_sensitive": True},
         {"type": "contains", "all": ["a"], "case_sensitive": True}),
        ({"type": "regex", "pattern": "a", "flags": 0}, {"type": "regex", "pattern": "a"}),
        ({"type": "regex", "pattern": "a", "flags": 26 + 32}, {"type": "regex", "pattern": "a", "flags": "ims"}),
        ({"type": "python"}, {"type": "code"}),
        ({"type": "code", "params": {"language": "python"}}, {"type": "code"}),
        ({"type": "openapi_spec"}, {"type": "openapi"}),
        ({"type": "sql_safe"}, {"type": "sql", "deny": ["drop", "delete", "truncate", "alter", "grant", "revoke"]}),
        ({"type": "field_present", "field_name": "a.b.0"}, {"type": "field_present", "path": "/a/b/0"}),
        ({"type": "field_present", "field_path": "$.a[0].b"}, {"type": "field_present", "path": "/a/0/b"}),
        ({"type": "field_present", "field_path": "/a/b"}, {"type": "field_present", "path": "/a/b"}),
        ({"type": "field_present", "field_name": "a", "expected_value": 1, "should_exist": True},
         {"type": "field_present", "path": "/a", "equals": 1}),
        ({"type": "field_present", "field_name": "a", "present": False, "expected_value": None},
         {"type": "field_present", "path": "/a", "absent": True}),
        ({"type": "field_present", "field_name": "content"}, {"type": "not_empty"}),
        ({"type": "field_present", "field_name": "content", "expected_value": "x"},
         {"type": "field_present", "path": "/content", "equals": "x"}),
        ({"type": "agent_task", "params": {
            "task_prompt_to_claude": "Is {CODE_TO_VALIDATE} good?", "validation_model_alias": "max/a",
            "success_criteria": {"must_contain_in_details": "VALID"}, "required_mcp_tools": ["files"],
            "mcp_config": {"mcpServers": {}}}},
         {"type": "judge", "prompt": "Is {CODE_TO_VALIDATE} good?", "models": ["max/a"], "servers": ["files"],
          "success_criteria": {"must_contain_in_details": "VALID"}, "mcp_config": {"mcpServers": {}}}),
        ({"type": "agent_task", "task_prompt": "Is it good?", "validation_model": "a", "success_criteria": {}},
         {"type": "judge", "prompt": "Is it good?\n\nThe text to validate:\n{TEXT_TO_VALIDATE}", "models": ["a"]}),
        ({"type": "ai_contradiction_check", "topic_context": "birds", "validation_model_alias": "a"},
         {"type": "judge", "models": ["a"], "criteria": ["The text does not contradict itself.",
                                      "Nothing that the text says about birds contradicts what is known."]}),
    ],
)  # fmt: skip
def test_older_configurations_mean_the_same(older: dict[str, Any], ours: dict[str, Any]) -> None:
    assert stored(older) == [ours]


def test_an_older_field_check_of_many_fields_is_many_validators() -> None:
    ours = [{"type": "field_present", "path": "/a"}, {"type": "field_present", "path": "/b"}]

    assert stored("field_present:a,b") == ours
    assert stored({"type": "field_present", "required_fields": ["a", "b"]}) == ours


def test_a_text_of_its_own_is_what_a_contradiction_check_looks_at() -> None:
    (spec,) = stored({"type": "ai_contradiction_check", "params": {"text_to_check": "Flat {CRITERIA} earth."}})

    assert "Flat CRITERIA earth." in spec["prompt"]
    assert spec["prompt"].endswith("{TEXT_TO_VALIDATE}")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (
            "not_emty",
            r"validator 1: there is no validator `not_emty` \(do you mean `not_empty`\?\); there are not_empty, json,",
        ),
        ("response_not_empt", "do you mean `response_not_empty`"),
        ("zzz", "there is no validator `zzz`; there are"),
        (
            ["json", {"type": "regex", "patern": "a"}],
            r"validator 2: `regex` takes no `patern` \(do you mean `pattern`\?\)",
        ),
        ({"type": "not_empty", "foo": 1}, "takes no `foo`; it takes id, target, on_fail, hint"),
        ({"pattern": "a"}, "`type` is missing"),
        ({"type": 3}, "no validator `3`"),
        ({"type": "regex"}, r"\(`regex`\): `pattern` is missing"),
        ({"type": "regex", "pattern": "a", "params": {"pattern": "b"}}, "both beside `params` and in it"),
        ({"type": "regex", "pattern": "a", "params": 3}, "takes no `params`"),
        ({"type": "regex", "pattern": "a", "flags": 64}, "`flags` 64"),
        ({"type": "length", "min": 1, "min_length": 2}, "`min_length` means `min`"),
        ({"type": "not_empty", "on_fail": "explode"}, "`on_fail` must be 'retry', 'warn' or 'fail'"),
        ({"type": "agent_task", "task_prompt_to_claude": "Is it good?"}, "the judge never sees the answer"),
        (
            {"type": "agent_task", "task_prompt_to_claude": "{TEXT_TO_VALIDATE}", "success_criteria": {"vibes": 1}},
            "vibes",
        ),
        ({"type": "judge"}, "`criteria`"),
        (7, "not 7"),
        ([["json"]], "an object with a `type`"),
        ("[not json", "not JSON"),
        ({"type": "json", "hint": object()}, "must be JSON"),
        (["json"] * 51, "50 at most"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_nobody_knows_is_refused_in_one_sentence(raw: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        parse_validators(raw)

    assert type(caught.value) is ValueError
    assert "\n" not in str(caught.value)


KEYS = st.sampled_from(["type", "params", "path"]) | st.text()


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers() | st.floats(),
        lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
        max_leaves=8,
    )
)
def test_any_value_is_parsed_or_refused(raw: Any) -> None:
    try:
        parsed = parse_validators(raw)
    except ValueError:
        parsed = ()
    assert all(isinstance(one, BaseValidator) for one in parsed)


def test_halves_of_characters_are_not_stored() -> None:
    (spec,) = stored({"type": "contains", "all": ["\ud800"]})

    assert spec["all"] == ["\ufffd"]


async def test_a_validator_without_a_way_to_check_says_so() -> None:
    with pytest.raises(NotImplementedError):
        await BaseValidator().find(Answer("x"))
    assert BaseValidator(id="a").issue("b", "c") == Issue("a", "b", "c")


def nested(levels: int) -> Any:
    """Returns a list in a list, and so on."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_what_is_too_deep_to_be_stored_is_refused_at_the_door() -> None:
    assert stored({"type": "field_present", "path": "/a", "equals": nested(190)})
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_validators({"type": "field_present", "path": "/a", "equals": nested(201)})


async def test_values_too_deep_to_be_compared_are_no_verdict() -> None:
    (validator,) = parse_validators({"type": "field_present", "path": "/a", "equals": 1})
    deep = nested(900)

    with pytest.raises(ValidatorError, match="nested too deeply"):
        await validator.model_copy(update={"equals": deep}).find(Answer(json.dumps({"a": deep})))


def test_what_is_heavy_is_not_imported_at_the_start() -> None:
    heavy = "{'jsonschema_rs', 're2', 'sqlglot', 'pydantic_monty', 'json_repair', 'openapi_spec_validator', 'yaml'}"
    program = f"import sys, longcall.validators; sys.exit(bool({heavy} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def shown() -> list[Any]:
    """Returns the JSON examples of the documentation."""
    inline = re.findall(r"`(\{.*?\}|\"\w+\")`(?= \|)", DOCS)
    blocks = re.findall(r"^```json\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    return [json.loads(text.replace("\\|", "|")) for text in inline + blocks]


def test_every_example_of_the_documentation_is_taken() -> None:
    examples = [one for one in shown() if '"plugin"' not in json.dumps(one)]
    types = {one.type for example in examples for one in parse_validators(example)}

    assert types == {
        "not_empty", "json", "json_schema", "field_present", "contains", "regex", "length", "code", "sql", "openapi",
        "python", "judge",
    }  # fmt: skip


def test_the_plugin_of_the_documentation_is_only_not_installed() -> None:
    (example,) = [one for one in shown() if '"plugin"' in json.dumps(one)]

    with pytest.raises(ValueError, match="no plugin"):
        parse_validators(example)
