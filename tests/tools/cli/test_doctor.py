"""`longcall doctor`: what works here, and what does not."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import CommandLine


def _found(out: str) -> dict[str, dict[str, Any]]:
    return {one["what"]: one for one in json.loads(out)}


def test_it_tells_of_the_store_the_keys_claude_node_and_sandboxes(cli: "CommandLine") -> None:
    ended = cli.with_environ(OPENAI_API_KEY="sk-mock-openai-0123456789").run("doctor", "--json")
    found = _found(ended.out)
    assert ended.code == 0
    assert (found["task store"]["works"], str(cli.home) in found["task store"]["told"]) == (True, True)
    assert "openai" in found["keys of providers"]["told"]
    assert "sk-mock" not in ended.out + ended.err
    assert found["sandbox bwrap"]["works"]


def test_it_tells_what_is_missing_and_what_to_do(cli: "CommandLine") -> None:
    bare = cli.with_environ(LONGCALL_SANDBOX="container", LONGCALL_CLAUDE_CLI="/nowhere/claude", OLLAMA_API_BASE="")
    found = _found(bare.run("doctor", "--json").out)
    assert not found["keys of providers"]["works"]
    assert not found["Claude's command line"]["works"]
    assert (found["sandbox container"]["works"], "LONGCALL_CONTAINER" in found["sandbox container"]["told"]) == (
        False,
        True,
    )


def test_a_store_that_cannot_be_used_is_an_exit_code(cli: "CommandLine", tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    ended = cli.with_environ(LONGCALL_HOME=str(blocked)).run("doctor")
    assert ended.code == 3
    assert "Traceback" not in ended.err


def test_a_person_sees_a_table(cli: "CommandLine") -> None:
    shown = cli.in_terminal("doctor").out
    assert "task store" in shown
    assert "sandbox" in shown
    assert shutil.which("python3") is not None
