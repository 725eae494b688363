import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.validating import codes, find

from longcall.validators import parse_validators
from longcall.validators.fences import Block, code_blocks
from longcall.validators.pointer import equal, follow, point

BLOCKS = "Here:\n```python\nx = 1\n```\nand\n~~~~ {.JSON}\n~~~\n{}\n~~~~\n"


def test_fences_of_all_kinds_are_found() -> None:
    assert code_blocks(BLOCKS) == [Block("x = 1", "python", 3), Block("~~~\n{}", "json", 7)]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("```\na\r\nb\r\n```\r\n", [Block("a\nb", "", 2)]),
        ("```py\na", [Block("a", "py", 2, closed=False)]),
        ("1. so\n   ```js title=x\n   a\n     b\n  c\n   ```", [Block("a\n  b\nc", "js", 3)]),
        ("````\n```\ninner\n```\n````", [Block("```\ninner\n```", "", 2)]),
        ("```\na\n``` not a closing\n```", [Block("a\n``` not a closing", "", 2)]),
        ("``` a`b ```\nno block", []),
        ("~~~c++\n```\n~~~", [Block("```", "c++", 2)]),
        ("``\nno\n``", []),
        ("```", [Block("", "", 2, closed=False)]),
        ("```\n```\n```\nx\n```", [Block("", "", 2), Block("x", "", 4)]),
    ],
)
def test_fences_survive_what_models_write(text: str, blocks: list[Block]) -> None:
    assert code_blocks(text) == blocks


@given(st.text("`~ \n\ta{"))
def test_any_text_has_blocks_or_none(text: str) -> None:
    for block in code_blocks(text):
        assert block.text == "" or block.line <= text.count("\n") + 1


@given(st.text(string.ascii_letters + "\n `", max_size=50))
def test_what_is_put_into_a_fence_comes_out(inside: str) -> None:
    (block,) = code_blocks(f"~~~~~txt\n{inside}\n~~~~~")

    assert (block.text, block.tag, block.closed) == (inside, "txt", True)


def test_pointers_follow_names_with_slashes_and_tildes() -> None:
    value = {"a/b": [{"~": 1}], "": 2, "01": 3}

    assert follow(value, point("a/b", 0, "~")) == 1
    assert follow(value, "/") == 2
    assert follow(value, "/01") == 3
    assert follow(value, "") == value


@given(st.dictionaries(st.text(), st.lists(st.integers(), min_size=1), min_size=1))
def test_a_pointer_made_of_names_leads_back(value: dict[str, list[int]]) -> None:
    for name, items in value.items():
        assert follow(value, point(name, len(items) - 1)) == items[-1]


@pytest.mark.parametrize("pointer", ["/a/1", "/a/-", "/a/01", "/a/-1", "/b", "/a/0/x", "/a/²"])
async def test_a_pointer_to_nowhere_is_an_issue(pointer: str) -> None:
    issues = await find({"type": "not_empty", "target": pointer}, '{"a": [1]}')

    assert [(issue.code, issue.path) for issue in issues] == [("missing", pointer)]


@pytest.mark.parametrize(("one", "other", "same"), [
    (1, 1.0, True), (True, 1, False), (0, False, False), ([1, {"a": None}], [1.0, {"a": None}], True),
    ([True], [1], False), ({"a": 1}, {"b": 1}, False), ("1", 1, False), (None, None, True), ([1], [1, 2], False),
])  # fmt: skip
def test_json_values_are_equal_as_json_says(one: object, other: object, *, same: bool) -> None:
    assert equal(one, other) is same


@pytest.mark.parametrize(
    ("target", "text", "found"),
    [
        ("text", "long enough", []),
        ("json", 'So:\n```json\n{"a": "b"}\n```', []),
        ("json", "prose", ["no_json"]),
        ("json", "```json\n1\n```\n```json\n2\n```", ["no_json"]),
        ("first_code_block", BLOCKS, ["too_short"]),
        ("first_code_block", "prose", ["no_code_block"]),
        ("all_code_blocks", BLOCKS, ["too_short", "too_short"]),
        ("/a/0", '{"a": ["long enough"]}', []),
        ("/a/0", '{"a": ["short"]}', ["too_short"]),
        ("/a", '{"a": {"b": [1, 2]}}', []),
        ("/a", "prose", ["no_json"]),
    ],
)
async def test_a_target_says_what_is_looked_at(target: str, text: str, found: list[str]) -> None:
    assert await codes({"type": "length", "min": 8, "target": target}, text) == found


async def test_issues_tell_where_they_are() -> None:
    spec = {"type": "contains", "all": ["z"], "target": "all_code_blocks"}

    assert [issue.path for issue in await find(spec, BLOCKS)] == ["block 1", "block 2"]


@pytest.mark.parametrize("target", ["", "jsn", "a/b", "/a~2", "/~"])
def test_a_target_that_is_none_is_refused_at_the_door(target: str) -> None:
    with pytest.raises(ValueError, match="`target`"):
        parse_validators({"type": "not_empty", "target": target})


async def test_id_on_fail_and_hint_go_with_every_issue() -> None:
    spec = {"type": "not_empty", "id": "said", "on_fail": "warn", "hint": "Say something."}

    (issue,) = await find(spec, " \n\u200b")

    assert (issue.validator, issue.on_fail, issue.hint, issue.code) == ("said", "warn", "Say something.", "empty")


async def test_quotes_are_short_and_valid_unicode() -> None:
    (issue,) = await find({"type": "regex", "pattern": "^z$"}, "\ud800" + "a" * 1000)

    assert issue.got is not None
    assert len(issue.got) == 200
    issue.got.encode()
