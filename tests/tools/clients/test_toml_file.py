"""Edits of TOML keep its comments and its order."""

import tomllib

import pytest

from longcall.clients.formats import SyntaxFault
from longcall.clients.toml_file import Toml

TOML = Toml()
KEYS = ("mcp_servers", "longcall")
ENTRY = {"command": "longcall", "args": ["a"], "env": {"A": "b"}}
COMMENTED = """\
# mine
model = "gpt-5"  # the best

[mcp_servers.other]  # beside it
command = "x"
when = 2026-01-01

[profiles.fast]
model = "small"
"""


def test_comments_and_order_stay() -> None:
    put = TOML.put(COMMENTED, KEYS, ENTRY)
    assert tomllib.loads(put)["mcp_servers"]["longcall"] == ENTRY
    assert [line for line in put.splitlines() if line in COMMENTED.splitlines()] == COMMENTED.splitlines()
    assert TOML.read(TOML.drop(put, KEYS)) == tomllib.loads(COMMENTED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a = 1",
        "[mcp_servers]\n",
        'mcp_servers = {other = {command = "x"}}\n',
        'mcp_servers.other.command = "x"\n',
        '[mcp_servers.a]\ncommand = "x"\n[z]\nb = 1\n[mcp_servers.b]\ncommand = "y"\n',
    ],
)
def test_the_table_is_found_or_made(text: str) -> None:
    put = TOML.put(text, KEYS, ENTRY)
    before = tomllib.loads(text)
    wanted = {**before, "mcp_servers": {**before.get("mcp_servers", {}), "longcall": ENTRY}}
    assert tomllib.loads(put) == TOML.read(put) == wanted


def test_one_value_is_changed_alone() -> None:
    text = '[mcp_servers.longcall]\ncommand = "old" # why\nenv = {A = "a", B = "b"}\n'
    assert TOML.put(text, (*KEYS, "command"), "new") == text.replace("old", "new")
    assert TOML.drop(text, (*KEYS, "env", "A")) == text.replace('A = "a",', "")


def test_what_is_shown_is_an_entry_to_paste() -> None:
    shown = TOML.show({"mcp_servers": {"longcall": ENTRY}})
    assert shown == '[mcp_servers.longcall]\ncommand = "longcall"\nargs = ["a"]\nenv = {A = "b"}\n'


@pytest.mark.parametrize(
    ("text", "told"), [("a = 1\n[b\nc = 2", "line 2, column"), ("a = 1\na = 2", "a"), ("a = ", "line 1")]
)
def test_a_broken_file_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(SyntaxFault, match=told):
        TOML.read(text)
