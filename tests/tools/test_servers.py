"""MCP servers that calls may name."""

import json
from pathlib import Path
from typing import Any

import pytest

from longcall.errors import CallError
from longcall.servers import chosen_servers, given_servers, server_names

FILES = {"command": "npx", "args": ["-y", "files", "${ROOT}"], "env": {"TOKEN": "${TOKEN:-none}"}, "timeout": 5}
WEB = {"type": "http", "url": "https://${HOST:-example.org}/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / ".mcp.json"
    path.write_text(json.dumps({"mcpServers": {"files": FILES, "web": WEB}}))
    return path


def test_no_name_needs_no_file():
    assert chosen_servers((), None, {}) == {}
    assert server_names(None) == []


def test_the_named_servers_alone_are_chosen(config: Path):
    assert server_names(config) == ["files", "web"]
    assert list(chosen_servers(["web"], config, {"TOKEN": "t"})) == ["web"]


def test_variables_are_filled_in_wherever_they_stand(config: Path):
    chosen = chosen_servers(["files", "web"], config, {"ROOT": "/r", "TOKEN": "secret", "HOST": "h"})
    assert chosen["files"] == {
        "command": "npx", "args": ["-y", "files", "/r"], "env": {"TOKEN": "secret"}, "timeout": 5,
    }  # fmt: skip
    assert chosen["web"]["url"] == "https://h/mcp"
    assert chosen["web"]["headers"] == {"Authorization": "Bearer secret"}


def test_a_default_stands_in_for_a_variable_that_is_missing_or_empty(config: Path):
    assert chosen_servers(["files"], config, {"ROOT": "/r", "TOKEN": ""})["files"]["env"] == {"TOKEN": "none"}
    assert chosen_servers(["web"], config, {"TOKEN": "t"})["web"]["url"] == "https://example.org/mcp"


def test_what_is_filled_in_is_not_looked_at_again(config: Path):
    chosen = chosen_servers(["files"], config, {"ROOT": "${TOKEN}", "TOKEN": "secret"})
    assert chosen["files"]["args"][2] == "${TOKEN}"


def test_a_variable_without_value_and_default_is_named(config: Path):
    with pytest.raises(CallError, match="'web' needs the variable TOKEN, which is not set"):
        chosen_servers(["web"], config, {})


def test_an_unknown_name_is_told_with_those_that_there_are(config: Path):
    with pytest.raises(CallError, match=r"no MCP server 'shell' in .*There are: 'files', 'web'\."):
        chosen_servers(["files", "shell"], config, {"ROOT": "/r"})


def test_without_a_file_the_variable_to_set_is_named():
    with pytest.raises(CallError, match="Set LONGCALL_MCP_CONFIG"):
        chosen_servers(["files"], None, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("{", "no valid JSON"),
        ("[]", "of the form"),
        ('{"servers": {}}', "of the form"),
        ('{"mcpServers": []}', "of the form"),
        ('{"mcpServers": {"files": "npx"}}', "'files' in .* must be a JSON object"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, text: str | None, said: str):
    path = tmp_path / "servers.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CallError, match=said):
        chosen_servers(["files"], path, {})


def test_a_callers_own_servers_are_taken_as_they_are():
    own: dict[str, Any] = {"mcpServers": {"mine": {"command": "${NOT_OURS}"}}}
    assert given_servers(own) == own["mcpServers"]
    assert given_servers(None) == {}
    assert given_servers({"mcpServers": {}}) == {}
    with pytest.raises(CallError, match="`mcp_config` must be of the form"):
        given_servers({"mine": {}})
