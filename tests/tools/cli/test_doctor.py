"""`longcall doctor`: what works here, what does not, and what to do about it."""

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.mocks import Mock

from longcall.tasks.sqlite_file import has_wal_reset_bug

if TYPE_CHECKING:
    from conftest import CommandLine

KEY = "sk-mock-openai-0123456789"


@pytest.fixture
def ours(cli: "CommandLine", tmp_path: Path) -> "CommandLine":
    """Returns the command line of a user whose home folder is the test's."""
    return cli.with_environ(**_home(tmp_path))


def _home(folder: Path) -> dict[str, str]:
    user = folder / "user"
    user.mkdir()
    return {"HOME": str(user), "XDG_CONFIG_HOME": "", "CODEX_HOME": "", "LONGCALL_SANDBOX": "container"}


def _found(out: str) -> dict[str, dict[str, Any]]:
    return {one["what"]: one for one in json.loads(out)}


def _look(cli: "CommandLine", *options: str, code: int = 0) -> dict[str, dict[str, Any]]:
    ended = cli.run("doctor", "--json", *options)
    assert ended.code == code, ended.err
    assert "sk-" not in ended.out + ended.err
    return _found(ended.out)


def test_it_tells_of_the_store_the_keys_claude_node_and_sandboxes(ours: "CommandLine") -> None:
    found = _look(ours.with_environ(OPENAI_API_KEY=KEY, LONGCALL_SANDBOX=""))
    assert (found["task store"]["works"], str(ours.home) in found["task store"]["told"]) == (True, True)
    assert found["task store"]["told"].endswith("sound")
    assert "openai (OPENAI_API_KEY)" in found["keys of providers"]["told"]
    assert found["sandbox bwrap"]["works"]
    assert found["SQLite"]["works"] is not has_wal_reset_bug()
    assert found["SQLite"]["told"].startswith(sqlite3.sqlite_version)
    assert found["filesystem server"]["works"]
    assert "initialize (2025-11-25)" in found["server"]["told"]
    assert "server/discover (2026-07-28)" in found["server"]["told"]
    assert found["tools"]["told"].startswith("6 in ")
    assert found["instructions"]["works"]
    assert not any(what.startswith("online") for what in found)
    needed = {what for what, one in found.items() if one["is_needed"]}
    assert needed == {"server", "task store"}


def test_a_server_that_does_not_start_is_told_with_its_own_words(ours: "CommandLine", tmp_path: Path) -> None:
    lines = ["import sys", "if 'doctor' not in sys.orig_argv:", "    sys.exit('this interpreter is broken')"]
    (tmp_path / "sitecustomize.py").write_text("\n".join(lines))
    found = _look(ours.with_environ(PYTHONPATH=str(tmp_path)), code=3)
    assert (found["server"]["works"], found["server"]["is_needed"]) == (False, True)
    assert "this interpreter is broken" in found["server"]["told"]
    assert found["server"]["remedy"]
    assert found["task store"]["works"]


def test_a_setting_that_cannot_be_used_is_told_at_once(ours: "CommandLine") -> None:
    ended = ours.with_environ(LONGCALL_WAIT_S="soon").run("doctor")
    assert (ended.code, "LONGCALL_WAIT_S" in ended.err) == (2, True)


def test_a_person_sees_a_table_with_whole_sentences(ours: "CommandLine") -> None:
    shown = " ".join(ours.in_terminal("doctor").out.split())
    assert "task store" in shown
    assert "sandbox" in shown
    assert "only max/… needs it" in shown  # the end of a remedy, which a narrower table would cut off


def test_what_is_missing_is_told_with_what_to_do_a_line_for_each(ours: "CommandLine") -> None:
    bare = ours.with_environ(LONGCALL_CLAUDE_CLI="/nowhere/claude", OLLAMA_API_BASE="", PATH="/nowhere")
    lines = [line.split("\t") for line in bare.run("doctor").out.splitlines()]
    assert {len(fields) for fields in lines} == {4}
    found = {what: (works, told, remedy) for what, works, told, remedy in lines}
    for what in ("keys of providers", "Claude's command line", "node", "sandbox container", "clients"):
        works, _, remedy = found[what]
        assert (works, remedy != "") == ("no", True), what
    assert "LONGCALL_CONTAINER" in found["sandbox container"][1]
    assert found["filesystem server"][1] == "longcall's own stand-in"
    assert "longcall install" in found["clients"][2]


def test_a_store_that_cannot_be_used_is_an_exit_code(ours: "CommandLine", tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    ended = ours.with_environ(LONGCALL_HOME=str(blocked)).run("doctor")
    assert ended.code == 3
    assert "Traceback" not in ended.err
    told = {line.split("\t")[0]: line for line in ended.out.splitlines()}
    assert "LONGCALL_HOME" in told["task store"]
    assert "worker" not in told


def test_online_is_asked_with_the_option_alone(ours: "CommandLine", openai_mock: Mock) -> None:
    found = _look(ours.with_environ(OPENAI_API_KEY=KEY, OPENAI_API_BASE=f"{openai_mock.url}/v1"), "--online")
    assert found["online openai"]["told"].startswith("it lists ")


def test_a_key_that_the_keyring_lacks_is_told_and_the_rest_is_looked_at(ours: "CommandLine", tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[keys]\nopenai = "keyring"\nxai = "sk-own-0123456789"\n')
    null = "keyring.backends.null.Keyring"
    found = _look(ours.with_environ(LONGCALL_CONFIG=str(tmp_path / "own.toml"), PYTHON_KEYRING_BACKEND=null), code=3)
    assert "OPENAI_API_KEY" in found["keys of longcall.toml"]["told"]
    assert found["task store"]["works"]
    (tmp_path / "own.toml").write_text('[keys]\nxai = "sk-own-0123456789"\n')
    told = _look(ours.with_environ(LONGCALL_CONFIG=str(tmp_path / "own.toml")))["keys of providers"]["told"]
    assert "xai (XAI_API_KEY)" in told
