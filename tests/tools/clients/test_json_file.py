"""Edits of JSON: what is not touched stays to the letter, and what is written can be read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longcall.clients.formats import SyntaxFault
from longcall.clients.json_file import Json

STRICT = Json()
LENIENT = Json(comments=True, trailing_commas=True)
KEYS = ("mcpServers", "longcall")
COMMENTED = """\
// mine
{
  /* all
     servers */
  "mcpServers": {
    "other": { "command": "x", "args": ["// no comment", "/* nor this */", "a,]"] }, // beside it
  },
  "inputs": [1, 2,], // behind
}
"""

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_trees = st.dictionaries(st.text().filter(lambda name: name != "mcpServers"), _values, max_size=4)
_servers = st.none() | st.dictionaries(st.text().filter(lambda name: name != "longcall"), _values, max_size=3)
_indents = st.sampled_from([None, 1, 2, 4, "\t"])


@given(_trees, _servers, _indents, st.booleans(), st.booleans())
def test_an_entry_that_is_put_and_dropped_leaves_all_else(
    tree: dict[str, Any], servers: dict[str, Any] | None, indent: int | str | None, windows: bool, ascii_only: bool
) -> None:
    if servers is not None:
        tree = {**tree, "mcpServers": servers}
    text = json.dumps(tree, indent=indent, ensure_ascii=ascii_only)
    text = text.replace("\n", "\r\n") if windows else text
    for form in (STRICT, LENIENT):
        put = form.put(text, KEYS, {"command": "longcall", "args": []})
        expected: dict[str, Any] = {"longcall": {"command": "longcall", "args": []}}
        assert form.read(put) == {**tree, "mcpServers": {**(servers or {}), **expected}}
        assert form.read(form.drop(put, KEYS)) == {**tree, "mcpServers": servers or {}}


def test_comments_and_trailing_commas_stay_where_they_were() -> None:
    put = LENIENT.put(COMMENTED, KEYS, {"command": "longcall"})
    lines = put.splitlines()
    assert [line for line in lines if line in COMMENTED.splitlines()] == COMMENTED.splitlines()
    assert lines[6:10] == ['    "longcall": {', '      "command": "longcall"', "    },", "  },"]
    assert LENIENT.drop(put, KEYS) == COMMENTED


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"a": 1}', '{"a": 1, "s": {"k": 2}}'),
        ('{"a": 1, }', '{"a": 1, "s": {"k": 2}, }'),
        ('{\n\t"a": 1 // one\n}\n', '{\n\t"a": 1, // one\n\t"s": {\n\t\t"k": 2\n\t}\n}\n'),
        ('{\r\n    "a": {}\r\n}', '{\r\n    "a": {},\r\n    "s": {\r\n        "k": 2\r\n    }\r\n}'),
        ("// alone\n", '// alone\n{\n  "s": {\n    "k": 2\n  }\n}\n'),
        ("", '{\n  "s": {\n    "k": 2\n  }\n}\n'),
        ('{"s": {"k": 1}}', '{"s": {"k": 2}}'),
        ('{"s": {"k": 1, "k": 3}}', '{"s": {"k": 1, "k": 2}}'),
        ("{ /* c */ }", '{ /* c */\n  "s": {\n    "k": 2\n  }\n}'),
    ],
)
def test_it_is_written_as_the_file_is(before: str, after: str) -> None:
    assert LENIENT.put(before, ("s", "k"), 2) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"s": {"k": 1}}', '{"s": {}}'),
        ('{"s": {"a": 1, "k": 2}}', '{"s": {"a": 1}}'),
        ('{"s": {"k": 2, "a": 1}}', '{"s": { "a": 1}}'),
        ('{\n "s": {\n  "a": 1, // a\n  "k": 2 // k\n }\n}', '{\n "s": {\n  "a": 1 // a\n }\n}'),
        ('{\n "s": {\n  "a": 1, // a\n  "k": 2, // k\n }\n}', '{\n "s": {\n  "a": 1, // a\n }\n}'),
        ('{\n "s": {\n  "k": 2 /* k */ ,\n  "a": 1\n }\n}', '{\n "s": {\n  "a": 1\n }\n}'),
        ('{\r\n "s": {\r\n  "k": 2\r\n }\r\n}', '{\r\n "s": {}\r\n}'),
        ('{\n "s": {\n  // stays\n  "k": 2\n }\n}', '{\n "s": {\n  // stays\n }\n}'),
    ],
)
def test_what_is_dropped_takes_its_line_its_comma_and_its_comment_along(before: str, after: str) -> None:
    assert LENIENT.drop(before, ("s", "k")) == after


@pytest.mark.parametrize(
    ("form", "text", "told"),
    [
        (STRICT, '{\n  "a": 1\n  "b": 2\n}', "line 3, column 3: Expecting ',' delimiter"),
        (STRICT, '{\n  // no\n  "a": 1\n}', "line 2, column 3"),
        (STRICT, '{"a": 1,}', "line 1, column"),
        (Json(comments=True), '{"a": 1, /* c */ }', "line 1, column"),
        (LENIENT, '{\n  // yes\n  "a": \n}', "line 4, column 1"),
        (LENIENT, "[1]", "it holds no object"),
        (LENIENT, '{"a": "unfinished', "line 1"),
    ],
)
def test_what_the_client_could_not_read_is_told_with_its_place(form: Json, text: str, told: str) -> None:
    with pytest.raises(SyntaxFault, match=told):
        form.read(text)
