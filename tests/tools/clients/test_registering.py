"""Entries in the config files of every client, in whatever state these are."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from longcall.clients.entry import Variables, is_ours, written
from longcall.clients.formats import ConfigError
from longcall.clients.launcher import Launch
from longcall.clients.registering import Edit, install, registered, uninstall
from longcall.clients.registry import CLIENTS, Client

LAUNCH = Launch("/opt/bin/longcall")
VARIABLES = Variables({"LONGCALL_MODEL": "demo/echo"}, ("OPENAI_API_KEY",))
REFERENCES = {
    "claude-code": "${OPENAI_API_KEY:-}",
    "cursor": "${env:OPENAI_API_KEY}",
    "vscode": "${env:OPENAI_API_KEY}",
    "gemini": "${OPENAI_API_KEY}",
}
COMMENTED = {
    "codex": '# mine\n[mcp_servers.other]\ncommand = "x"  # beside\n',
    "cursor": '{\n  // mine\n  "mcpServers": {"other": {"command": "x"}}, // beside\n}\n',
    "vscode": '{\n  /* mine */\n  "servers": {\n    "other": {"command": "x"}, // beside\n  },\n  "inputs": [],\n}\n',
    "gemini": '{\n  // mine\n  "theme": "dark", // beside\n  "mcpServers": {"other": {"command": "x"}}\n}\n',
}
every_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=list(CLIENTS))


def variables_of(client: Client) -> Variables:
    """Returns variables that the client takes."""
    return VARIABLES if client.can_refer else Variables({"OPENAI_API_KEY": "sk-mock", **VARIABLES.values})


def parsed(client: Client, text: str) -> dict[str, Any]:
    """Returns what a file without comments holds, read by another parser than ours."""
    return tomllib.loads(text) if client.name == "codex" else json.loads(text)


def done(edit: Edit) -> str:
    """Carries out an edit and returns the file's text."""
    edit.file.replace(edit.text, private=True)
    return edit.file.path.read_text("utf-8")


def other(client: Client) -> str:
    """Returns a file with another server, and more that is the user's."""
    more = {} if client.name == "codex" else {"theme": "dark"}
    return client.format.show({**more, client.servers: {"other": {"command": "x"}}})


@every_client
@pytest.mark.parametrize("state", ["absent", "empty", "other"])
def test_an_entry_is_put_once_and_taken_out_again(client: Client, state: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    before = other(client) if state == "other" else ""
    if state != "absent":
        path.write_text(before)
    entry = written(client, LAUNCH, variables_of(client))
    tree = parsed(client, done(install(client, path, entry)))
    kept = parsed(client, before or client.format.show({}))
    assert tree == {**kept, client.servers: {**kept.get(client.servers, {}), "longcall": entry}}
    assert registered(client, path) == entry
    assert not install(client, path, entry).changes
    assert done(uninstall(client, path)).strip() in {before.strip(), client.format.show({client.servers: {}}).strip()}
    assert registered(client, path) is None
    assert not uninstall(client, path).changes


@pytest.mark.parametrize("name", COMMENTED)
def test_comments_stay(name: str, tmp_path: Path) -> None:
    client, path = CLIENTS[name], tmp_path / "config"
    path.write_text(COMMENTED[name])
    entry = written(client, LAUNCH, VARIABLES)
    text = done(install(client, path, entry))
    assert "mine" in text
    assert "beside" in text
    assert registered(client, path) == entry
    assert "longcall" not in done(uninstall(client, path))
    assert all(line in path.read_text().replace(" ", "") for line in COMMENTED[name].replace(" ", "").split("\n"))


@every_client
def test_a_broken_file_is_left_untouched_and_its_place_is_told(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "config"
    text = "a = 1\n[b\n" if client.name == "codex" else '{\n  "a": 1\n  "b": 2\n}'
    path.write_text(text)
    for work in (lambda: install(client, path, {}), lambda: uninstall(client, path), lambda: registered(client, path)):
        with pytest.raises(ConfigError, match=r"line \d, column \d.*left as it is.*--print") as caught:
            work()
        assert str(path) in str(caught.value)
    assert path.read_text() == text


def test_comments_are_a_fault_where_the_client_takes_none(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text('{\n  // mine\n  "a": 1\n}')
    with pytest.raises(ConfigError, match="line 2, column 3"):
        install(CLIENTS["claude-code"], path, {})


@every_client
def test_servers_of_another_form_are_refused(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(client.format.show({client.servers: ["other"]}))
    with pytest.raises(ConfigError, match="must be a table of servers by their names, and is none"):
        install(client, path, {})


@every_client
def test_a_foreign_entry_is_replaced_or_removed_by_force_alone(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "config"
    foreign = {"command": "docker", "args": ["run", "longcall-of-others"], "cwd": "x"}
    path.write_text(client.format.show({client.servers: {"longcall": foreign, "other": {"command": "x"}}}))
    entry = written(client, LAUNCH, variables_of(client))
    for refused in (lambda: install(client, path, entry), lambda: uninstall(client, path)):
        with pytest.raises(ConfigError, match=r"does not start this program.*--force"):
            refused()
    assert registered(client, path) == foreign
    done(install(client, path, entry, force=True))
    assert registered(client, path) == entry  # nothing of the foreign one is left in it
    path.write_text(client.format.show({client.servers: {"longcall": {"url": "http://x"}}}))
    done(uninstall(client, path, force=True))
    assert registered(client, path) is None


@every_client
def test_what_its_user_added_to_our_entry_stays_when_it_changes(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "config"
    old = {
        **written(client, Launch("uvx", ("longcall",)), Variables({"LONGCALL_MODEL": "old", "MINE": "1"})),
        "timeout": 9,
    }
    path.write_text(client.format.show({client.servers: {"longcall": old}}))
    wanted = written(client, LAUNCH, Variables({"LONGCALL_MODEL": "new"}))
    done(install(client, path, wanted))
    env = {"LONGCALL_MODEL": "new", "MINE": "1"}
    assert registered(client, path) == {**old, **wanted, "env": env}
    assert not install(client, path, written(client, LAUNCH, Variables())).changes


def test_a_comment_within_our_entry_stays_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "config"
    text = '{"servers": {"longcall": {\n "command": "longcall", // why\n "env": {\n  "A": "1", // a\n  "B": "2"\n}}}}'
    path.write_text(text)
    edit = install(CLIENTS["vscode"], path, {"command": "longcall", "env": {"B": "3"}})
    assert done(edit) == text.replace('"2"', '"3"')


def test_codex_takes_a_variable_from_its_environment_in_place_of_a_value(tmp_path: Path) -> None:
    codex, path = CLIENTS["codex"], tmp_path / "config"
    done(
        install(codex, path, written(codex, LAUNCH, Variables({"OPENAI_API_KEY": "sk-old", "A": "b"}, ("X_API_KEY",))))
    )
    done(install(codex, path, written(codex, LAUNCH, Variables({}, ("OPENAI_API_KEY",)))))
    found = registered(codex, path)
    assert found is not None
    assert (found["env"], found["env_vars"]) == ({"A": "b"}, ["X_API_KEY", "OPENAI_API_KEY"])


def test_each_client_refers_to_variables_in_its_own_way() -> None:
    for name, reference in REFERENCES.items():
        assert written(CLIENTS[name], LAUNCH, VARIABLES)["env"]["OPENAI_API_KEY"] == reference
    codex = written(CLIENTS["codex"], LAUNCH, VARIABLES)
    assert (codex["env"], codex["env_vars"]) == ({"LONGCALL_MODEL": "demo/echo"}, ["OPENAI_API_KEY"])
    with pytest.raises(ConfigError, match=r"OPENAI_API_KEY.*--copy-keys"):
        written(CLIENTS["claude-desktop"], LAUNCH, VARIABLES)


def test_codex_waits_longer_for_a_start_that_installs() -> None:
    assert (
        written(CLIENTS["codex"], Launch("uvx", ("longcall",), installs=True), Variables())["startup_timeout_sec"]
        == 120
    )
    assert "startup_timeout_sec" not in written(CLIENTS["codex"], LAUNCH, Variables())


def test_an_edit_that_would_not_say_what_it_should_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text('{"mcpServers": {"longcall": {"command": "longcall"}, "longcall": {"command": "longcall"}}}')
    with pytest.raises(ConfigError, match=r"cannot edit safely.*--print"):
        uninstall(CLIENTS["claude-code"], path)


@pytest.mark.parametrize(
    ("entry", "ours"),
    [
        ({"command": "longcall"}, True),
        ({"command": "C:\\Users\\ada\\.local\\bin\\longcall.exe"}, True),
        ({"command": "/opt/bin/longcall", "args": []}, True),
        ({"command": "uvx", "args": ["--from", "git+https://example.com/x", "longcall"]}, True),
        ({"command": "uv", "args": ["run", "--directory", "${X:-.}", "longcall"]}, True),
        ({"command": "/usr/bin/python3.12", "args": ["-m", "longcall_server"]}, True),
        ({"command": "uvx", "args": ["--from", "longcall", "other"]}, False),
        ({"command": "docker", "args": ["run", "longcall"]}, False),
        ({"url": "http://127.0.0.1:8020/mcp"}, False),
        ({"command": "uvx"}, False),
        ("longcall", False),
    ],
)
def test_an_entry_is_known_by_what_it_starts(entry: object, ours: bool) -> None:
    assert is_ours(entry) is ours
