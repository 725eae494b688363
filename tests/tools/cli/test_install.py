"""`longcall install` and `uninstall` as their user runs them."""

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from longcall.clients.registry import CLIENTS

if TYPE_CHECKING:
    from conftest import CommandLine

KEY = "sk-mock-openai-0123456789"


@pytest.fixture
def ours(cli: "CommandLine", tmp_path: Path) -> "CommandLine":
    """Returns the command line of a user whose home folder is the test's."""
    user = tmp_path / "user"
    user.mkdir()
    return cli.with_environ(HOME=str(user), XDG_CONFIG_HOME="", CODEX_HOME="", OPENAI_API_KEY=KEY)


def entry_of(client: str, path: Path) -> dict[str, Any]:
    """Returns longcall's entry in a file."""
    text = path.read_text("utf-8")
    tree: dict[str, Any] = tomllib.loads(text) if client == "codex" else json.loads(text)
    return tree[CLIENTS[client].servers]["longcall"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_second_run_changes_nothing_and_no_key_is_written_unasked(
    ours: "CommandLine", client: str, tmp_path: Path
) -> None:
    first = ours.run("install", client, "--model", "demo/echo", "--home", "store")
    assert first.code == 0, first.err
    assert "longcall added to" in first.out
    (path,) = [found for found in (tmp_path / "user").rglob("*") if found.is_file()]
    entry = entry_of(client, path)
    assert Path(entry["command"]).is_absolute()
    assert entry["env"] == {"LONGCALL_MODEL": "demo/echo", "LONGCALL_HOME": str(tmp_path / "store")}
    before = path.read_bytes()
    second = ours.run("install", client)
    assert "there already" in second.out
    assert "nothing was changed" in second.out
    assert (path.read_bytes(), [*path.parent.glob("*.bak")]) == (before, [])
    assert KEY not in path.read_text() + first.out + first.err
    gone = ours.run("uninstall", client)
    assert "longcall removed from" in gone.out
    assert len([*path.parent.glob("*.bak")]) == 1
    assert "there is no entry" in ours.run("uninstall", client).out


@pytest.mark.parametrize("client", [client.name for client in CLIENTS.values() if client.in_project])
def test_a_projects_file_is_in_its_folder_and_says_that_it_is_not_to_be_shared(
    ours: "CommandLine", client: str, tmp_path: Path
) -> None:
    ended = ours.run("install", client, "--scope", "project", "--env", "OPENAI_API_KEY")
    assert (ended.code, "do not share the file" in ended.err) == (0, True)
    entry = entry_of(client, tmp_path / str(CLIENTS[client].in_project))
    assert "OPENAI_API_KEY" in json.dumps(entry)
    assert KEY not in json.dumps(entry)
    assert ours.run("uninstall", client, "--scope", "project").code == 0
    assert [*(tmp_path / "user").iterdir()] == []


@pytest.mark.parametrize("client", CLIENTS)
def test_print_writes_nothing_and_shows_no_value(ours: "CommandLine", client: str, tmp_path: Path) -> None:
    shown = ours.run(
        "install", client, "--print", "--copy-keys", "--env", "OPENAI_API_KEY", "--env", "LONGCALL_X_TOKEN=secret"
    )
    assert shown.code == 0, shown.err
    tree = tomllib.loads(shown.out) if client == "codex" else json.loads(shown.out)
    assert set(tree[CLIENTS[client].servers]["longcall"]["env"]) == {"OPENAI_API_KEY", "LONGCALL_X_TOKEN"}
    assert (KEY in shown.out, "secret" in shown.out) == (False, False)
    assert str(tmp_path / "user") in shown.err
    assert [*(tmp_path / "user").iterdir()] == []
    assert "there is no entry" in ours.run("uninstall", client, "--print").out


def test_keys_are_copied_when_asked_for(ours: "CommandLine", tmp_path: Path) -> None:
    path = tmp_path / "user" / ".config" / "Claude" / "claude_desktop_config.json"
    assert "--copy-keys" in ours.run("install", "claude-desktop").err
    refused = ours.run("install", "claude-desktop", "--env", "OPENAI_API_KEY")
    assert (refused.code, "--copy-keys" in refused.err) == (2, True)
    assert "env" not in entry_of("claude-desktop", path)
    copied = ours.run("install", "claude-desktop", "--copy-keys")
    assert (copied.code, copied.err) == (0, "")
    assert entry_of("claude-desktop", path)["env"] == {"OPENAI_API_KEY": KEY, "OLLAMA_API_BASE": "http://127.0.0.1:9"}
    assert path.stat().st_mode & 0o077 == 0
    ours.run("install", "claude-desktop", "--env", "OPENAI_API_KEY=another")
    assert entry_of("claude-desktop", path)["env"]["OPENAI_API_KEY"] == "another"
    assert "would be removed" in ours.run("uninstall", "claude-desktop", "--print").out
    assert entry_of("claude-desktop", path)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("claude-desktop", "--scope", "project"), "no config file for a project"),
        (("cursor", "--scope", "project", "--copy-keys"), "not written into a project's file"),
        (("codex", "--env", "sk-mock-0123456789"), "no name of a variable"),
        (("codex", "--copy-keys", "--env", "UNSET_KEY"), "UNSET_KEY cannot be copied"),
        (("windsurf",), "windsurf"),
    ],
)
def test_what_cannot_be_done_is_told_and_not_done(
    ours: "CommandLine", tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    ended = ours.run("install", *arguments)
    assert ended.code == 2
    assert told in " ".join(ended.err.split())
    assert "sk-mock" not in ended.err
    assert [*(tmp_path / "user").iterdir()] == []


def test_without_any_key_there_is_none_to_copy(ours: "CommandLine") -> None:
    bare = ours.with_environ(OPENAI_API_KEY="", OLLAMA_API_BASE="")
    ended = bare.run("install", "claude-desktop", "--copy-keys")
    assert (ended.code, "found no key here" in ended.err) == (2, True)


def test_a_reference_to_what_is_not_set_is_remarked(ours: "CommandLine") -> None:
    ended = ours.run("install", "codex", "--env", "MISTRAL_API_KEY")
    assert "MISTRAL_API_KEY is not set here; Codex must have it" in ended.err
    assert "is not sure to hand" not in ended.err


def test_a_broken_or_foreign_entry_is_an_exit_code_and_a_sentence(ours: "CommandLine", tmp_path: Path) -> None:
    path = tmp_path / "user" / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text('{"mcpServers": {\n')
    broken = ours.run("install", "cursor")
    assert (broken.code, "line 2, column 1" in broken.err, "Traceback" in broken.err) == (2, True, False)
    path.write_text('{"mcpServers": {"longcall": {"url": "http://127.0.0.1:8020/mcp"}}}')
    foreign = ours.run("install", "cursor")
    assert (foreign.code, "--force" in foreign.err) == (2, True)
    assert "url" in path.read_text()
    changed = ours.run("install", "cursor", "--force")
    assert "longcall changed in" in changed.out
    assert set(entry_of("cursor", path)) == {"type", "command", "args"}
