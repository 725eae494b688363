"""What stands behind `max/`, and where Claude's command line is found."""

from pathlib import Path

import pytest

from longcall.errors import CallError
from longcall.providers.claude_names import LABELS, Who, find_cli, who


@pytest.mark.parametrize(
    ("model", "name"),
    [("max/opus", "opus"), ("MAX/Sonnet", "Sonnet"), ("max/claude-opus-5-5", "claude-opus-5-5"), ("Max/", None)],
)
def test_a_name_is_the_command_lines_own(model: str, name: str | None):
    assert who(model) == Who(name)


@pytest.mark.parametrize("label", sorted(LABELS))
def test_a_label_is_no_model(label: str):
    assert who(f"max/{label}").model is None
    assert who(f"MAX/{label.upper()}") is LABELS[label]
    assert who(f"max/{label}-2").model == f"{label}-2"


def test_only_the_label_that_says_so_has_every_server():
    assert [label for label in LABELS if LABELS[label].every_server] == ["claude-mcp-agent"]


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o700)
    return path


def test_it_is_found_on_the_path_before_the_home(tmp_path: Path):
    home = program(tmp_path / "home" / ".local" / "bin" / "claude")
    environ = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path / "home")}
    assert find_cli(environ) == home
    assert find_cli({"PATH": environ["PATH"]}) is None
    assert find_cli({**environ, "HOME": str(tmp_path)}) is None
    assert find_cli(environ | {"PATH": str(program(tmp_path / "bin" / "claude").parent)}) == tmp_path / "bin" / "claude"


@pytest.mark.parametrize("variable", ["LONGCALL_CLAUDE_CLI", "CLAUDE_CLI_PATH"])
def test_one_that_is_named_is_taken_and_never_replaced(tmp_path: Path, variable: str):
    named, other = program(tmp_path / "named"), program(tmp_path / "bin" / "claude")
    assert find_cli({"PATH": str(other.parent), variable: str(named)}) == named
    assert find_cli({"PATH": str(other.parent), variable: str(tmp_path / "gone")}) is None


def test_a_bare_name_is_looked_for_on_the_path(tmp_path: Path):
    other = program(tmp_path / "bin" / "claude-beta")
    environ = {"PATH": str(other.parent), "CLAUDE_CLI_PATH": "claude-beta"}
    assert find_cli(environ) == other
    assert find_cli(environ | {"LONGCALL_CLAUDE_CLI": "claude"}) is None


def test_the_operators_labels_come_before_ours(tmp_path: Path):
    labels = tmp_path / "labels.json"
    labels.write_text('{"Reviewer": {"model": "opus", "system": "Be strict."}, "code-expert": {"system": "Mine."}}')
    assert who("max/reviewer", labels) == Who("opus", "Be strict.")
    assert who("max/code-expert", labels) == Who(system="Mine.")
    assert who("max/json-expert", labels) is LABELS["json-expert"]
    assert who("max/reviewer") == Who("reviewer")


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {"colour": "red"}}'])
def test_labels_that_cannot_be_used_are_told(tmp_path: Path, text: str):
    labels = tmp_path / "labels.json"
    labels.write_text(text)
    with pytest.raises(CallError, match="LONGCALL_CLAUDE_LABELS"):
        who("max/a", labels)
    with pytest.raises(CallError, match="LONGCALL_CLAUDE_LABELS"):
        who("max/a", tmp_path / "absent.json")
