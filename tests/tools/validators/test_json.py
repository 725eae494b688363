"""Validators of JSON: json, json_schema, field_present, and how JSON is found and mended."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.validating import codes, find, one

from longcall.validators import json_found, parse_validators
from longcall.validators.document import NotJsonError, json_of

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
FENCED = 'Sure:\n```json\n{"a": 1}\n```\nDone.'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', []),
        (" \n[1]\n", []),
        ("3", []),
        (FENCED, []),
        ('```\n{"a": 1}\n```', []),
        ('```python\nx\n```\n```json\n{"a": 1}\n```', []),
        ("```json\n1\n```\n```json\n2\n```", ["not_json"]),
        ("```json\n{\n```", ["not_json"]),
        ("", ["not_json"]),
        ("hello", ["not_json"]),
        ('{"a": NaN}', ["not_json"]),
        ('{"a": Infinity}', ["not_json"]),
        ('{"a": 1} trailing', ["not_json"]),
        ('{"a": 1}{"b": 2}', ["not_json"]),
        ("{'a': 1}", ["not_json"]),
        ('{"a": 1,}', ["not_json"]),
        ('{"a": 1} // so', ["not_json"]),
        ('{"a": 1, "a": 2}', ["duplicate_key"]),
        ("1e400", ["number_too_large"]),
        ("1" * 5000, ["number_too_large"]),
        ("[" * 100_000 + "]" * 100_000, ["too_deep"]),
        ('{"a":' * 100_000, ["too_deep"]),
        ("\ufeff{}", ["not_json"]),
    ],
)
async def test_json(text: str, found: list[str]) -> None:
    assert await codes("json", text) == found


async def test_json_may_have_to_be_the_whole_text() -> None:
    assert await codes({"type": "json", "fenced": False}, FENCED) == ["not_json"]


async def test_json_may_name_keys_twice_when_that_is_allowed() -> None:
    assert await codes({"type": "json", "unique_keys": False}, '{"a": 1, "a": 2}') == []


async def test_json_in_a_field_and_in_code_blocks() -> None:
    assert await codes({"type": "json", "target": "/a"}, '{"a": "[1]"}') == []
    assert await codes({"type": "json", "target": "/a"}, '{"a": "[1"}') == ["not_json"]
    assert await codes({"type": "json", "target": "all_code_blocks"}, "```\n1\n```\n```\n{\n```") == ["not_json"]
    assert await codes({"type": "json", "target": "json"}, "prose") == ["not_json"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1,}', {"a": 1}),
        ("{'a': 'b'}", {"a": "b"}),
        ('```json\n{"a": 1,}\n```', {"a": 1}),
        ('Here it is: {"a": [1, 2', {"a": [1, 2]}),
        ("[1, 2,]", [1, 2]),
    ],
)
def test_what_is_nearly_json_is_mended_when_asked_to(text: str, value: Any) -> None:
    with pytest.raises(NotJsonError):
        json_of(text)

    mended = json_of(text, repair="safe")

    assert (mended.value, mended.repaired) == (value, True)
    assert mended.repaired_text is not None
    assert json.loads(mended.repaired_text) == value


@pytest.mark.parametrize(
    "text",
    [
        "not json at all",
        "",
        '{"a": 1}{"b": 2}',
        "NaN",
        '{"a": NaN,}',
        '{"a": undefined}',
        "{",
        "[",
        "{}x{",
        "hello {",
        "[" * 5000,
        '{"a":' * 5000,
        '{"a": 1,' + " " * 200_000,
    ],
)
def test_what_is_no_json_is_not_mended_into_some(text: str) -> None:
    with pytest.raises(NotJsonError):
        json_of(text, repair="safe")


def test_what_is_json_is_never_mended() -> None:
    assert json_of('{"a": 1}', repair="safe") == ({"a": 1}, '{"a": 1}', False, None)


@given(VALUES)
def test_any_value_comes_out_as_it_went_in(value: Any) -> None:
    text = json.dumps(value)

    found = json_of(f"```json\n{text}\n```")

    assert json.loads(json.dumps(found.value)) == json_of(text).value


@given(st.text())
def test_any_text_is_json_or_is_not(text: str) -> None:
    try:
        found = json_of(text, repair="safe")
    except NotJsonError as error:
        code = error.code
    else:
        code = "" if json.dumps(found.value, allow_nan=False).encode() else "nothing"
    assert code in ("", "not_json", "too_deep", "number_too_large")


def test_halves_of_characters_are_replaced() -> None:
    assert json_of('{"\\ud800": "\\udc00x"}').value == {"\ufffd": "\ufffdx"}
    assert json_of('["\\ud83e\\udd9c"]').value == ["🦜"]


def test_the_caller_can_tell_how_json_was_come_by() -> None:
    strict = parse_validators(["json"])
    lenient = parse_validators(["json", {"type": "field_present", "path": "/a", "repair": "safe"}])

    assert json_found(strict, '{"a": 1,}') is None
    found = json_found(lenient, '{"a": 1,}')
    assert found is not None
    assert (found.value, found.repaired, found.repaired_text) == ({"a": 1}, True, '{"a": 1}')


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Z]"},
        "age": {"type": "integer"},
        "born": {"format": "date"},
    },
    "required": ["name", "age"],
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"name": "Ann", "age": 3}', []),
        (FENCED.replace('"a": 1', '"name": "Ann", "age": 3'), []),
        ('{"name": "ann"}', ["pattern", "required"]),
        ('{"name": "Ann", "age": "3"}', ["type"]),
        ('{"name": "Ann", "age": 3, "born": "yesterday"}', ["format"]),
        ("prose", ["not_json"]),
        ("[" * 100_000, ["too_deep"]),
        ('{"name": "Ann", "age": ' + "[" * 900 + "]" * 900 + "}", ["too_deep"]),
    ],
)
async def test_json_schema(text: str, found: list[str]) -> None:
    assert sorted(await codes({"type": "json_schema", "schema": SCHEMA}, text)) == found


async def test_issues_of_a_schema_tell_where_and_what() -> None:
    spec = {"type": "json_schema", "schema": {"properties": {"a/b": {"items": {"maximum": 3}}}}}

    (issue,) = await find(spec, '{"a/b": [1, 7]}')

    assert (issue.path, issue.got, issue.code) == ("/a~1b/1", "7", "maximum")
    assert issue.expected is not None
    assert "/properties/a/b/items/maximum" in issue.expected


async def test_a_schema_of_a_field_and_of_blocks() -> None:
    spec = {"type": "json_schema", "schema": {"type": "integer"}}

    assert await codes({**spec, "target": "/a"}, '{"a": 1}') == []
    assert [issue.path for issue in await find({**spec, "target": "/a"}, '{"a": "x"}')] == ["/a"]
    assert await codes({**spec, "target": "/b"}, '{"a": 1}') == ["missing"]
    assert await codes({**spec, "target": "/b", "repair": "safe"}, '{"b": 1,}') == []
    (issue,) = await find({**spec, "target": "all_code_blocks"}, "```\n1\n```\n```\n1.5\n```")
    assert issue.path == "block 2"
    assert await codes({**spec, "target": "all_code_blocks", "repair": "safe"}, "```\n[1,]\n```") == ["type"]


async def test_formats_can_be_left_alone_and_issues_are_few() -> None:
    assert await codes({"type": "json_schema", "schema": {"format": "date"}, "formats": False}, '"x"') == []
    assert len(await codes({"type": "json_schema", "schema": {"items": {"type": "null"}}}, str([1] * 1000))) == 20


async def test_the_draft_is_the_one_that_the_schema_names() -> None:
    items: dict[str, Any] = {"items": [{"type": "integer"}]}
    draft7 = {"$schema": "http://json-schema.org/draft-07/schema#", **items}

    assert await codes({"type": "json_schema", "schema": draft7}, '["x"]') == ["type"]
    with pytest.raises(ValueError, match="/items"):
        parse_validators({"type": "json_schema", "schema": items})


def nested(levels: int) -> dict[str, Any]:
    """Returns a schema of many levels."""
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "text"}, "/type"),
        ({"$ref": "http://127.0.0.1:9/x"}, "none is ever fetched"),
        ({"$ref": "file:///etc/passwd"}, "none is ever fetched"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "none is ever fetched"),
        ({"$ref": "#/nowhere"}, "nowhere"),
        ({"$schema": "http://127.0.0.1:9/meta"}, "cannot be used"),
        ({"pattern": "(?=a)b"}, "linear time"),
        ({"pattern": "(a)\\1"}, "linear time"),
        ({"pattern": "(a{1000}){1000}"}, "linear time"),
        (nested(5000), "nested too deeply"),
        ({"const": float("nan")}, "must be JSON"),
        ({"const": object()}, "must be JSON"),
        (7, "`schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_at_the_door(schema: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_validators({"type": "json_schema", "schema": schema})


async def test_a_pattern_of_a_schema_does_not_backtrack() -> None:
    spec = {"type": "json_schema", "schema": {"pattern": "^(a+)+$"}}

    assert await codes(spec, json.dumps("a" * 1_000_000 + "b")) == ["pattern"]


def test_a_schema_keeps_its_nulls_and_is_the_validators_own() -> None:
    schema: dict[str, Any] = {"enum": [None, 1], "default": None}
    validator = one({"type": "json_schema", "schema": schema})

    schema["enum"] = []

    assert validator.model_dump(mode="json", exclude_none=True)["schema"] == {"enum": [None, 1], "default": None}
    assert one({"type": "json_schema", "schema": True}) != one({"type": "json_schema", "schema": False})


@pytest.mark.parametrize(
    ("spec", "text", "found"),
    [
        ({"path": "/a"}, '{"a": null}', []),
        ({"path": "/a"}, '{"b": 1}', ["missing"]),
        ({"path": "/a/0/b"}, '{"a": [{"b": 1}]}', []),
        ({"path": "/a/1/b"}, '{"a": [{"b": 1}]}', ["missing"]),
        ({"path": "/a", "equals": 1}, '{"a": 1.0}', []),
        ({"path": "/a", "equals": 1}, '{"a": true}', ["not_equal"]),
        ({"path": "/a", "equals": None}, '{"a": null}', []),
        ({"path": "/a", "equals": None}, '{"a": 0}', ["not_equal"]),
        ({"path": "/a", "equals": {"b": [None]}}, '{"a": {"b": [null]}}', []),
        ({"path": "/a", "equals": 1}, "{}", ["missing"]),
        ({"path": "/a", "absent": True}, "{}", []),
        ({"path": "/a", "absent": True}, '{"a": null}', ["unexpected"]),
        ({"path": "/a"}, "prose", ["not_json"]),
        ({"path": "/a"}, '{"a": 1,}', ["not_json"]),
        ({"path": "/a", "repair": "safe"}, '{"a": 1,}', []),
        ({"path": "/b", "target": "/a"}, '{"a": {"b": 1}}', []),
        ({"path": ""}, "[]", []),
    ],
)
async def test_field_present(spec: dict[str, Any], text: str, found: list[str]) -> None:
    assert await codes({"type": "field_present", **spec}, text) == found


@pytest.mark.parametrize("spec", [{}, {"path": "a"}, {"path": "/a", "equals": 1, "absent": True}, {"path": "/~"}])
def test_a_field_that_cannot_be_looked_for_is_refused_at_the_door(spec: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="field_present"):
        parse_validators({"type": "field_present", **spec})
