import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import CommandLine


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Returns a user's file."""
    path = tmp_path / "own.toml"
    path.write_text('timeout_s = 600\n[keys]\nopenai = "sk-own-0123456789"\n[caps]\nday_usd = 3\n')
    return path


def test_each_value_is_shown_with_where_it_comes_from(cli: "CommandLine", file: Path) -> None:
    told = cli.with_environ(LONGCALL_CONFIG=str(file), LONGCALL_MODEL="demo/echo").run("config", "show")
    rows = dict(line.split("\t", 1) for line in told.out.splitlines())
    assert rows["timeout_s"] == f"600.0\t{file}"
    assert rows["model"] == "demo/echo\tLONGCALL_MODEL"
    assert rows["caps.day_usd"] == f"3.0\t{file}"
    assert "promote_s" not in rows
    assert f"Your file: {file}." in told.err


def test_no_key_is_shown(cli: "CommandLine", file: Path) -> None:
    for options in ([], ["--all"], ["--json"]):
        told = cli.with_environ(LONGCALL_CONFIG=str(file)).run("config", "show", *options)
        assert "sk-own" not in told.out + told.err
        assert "keys.openai" in told.out


def test_defaults_are_shown_with_all(cli: "CommandLine") -> None:
    told = json.loads(cli.run("config", "show", "--all", "--json").out)["settings"]
    assert told["promote_s"] == {"value": 10.0, "from": "default"}
    assert told["home"]["from"] == "LONGCALL_HOME"


def test_a_file_that_cannot_be_used_is_one_sentence(cli: "CommandLine", file: Path) -> None:
    file.write_text("timout_s = 3")
    for command in (["config", "show"], ["call", "hello", "-m", "demo/echo"], ["models"]):
        told = cli.with_environ(LONGCALL_CONFIG=str(file)).run(*command)
        assert (told.code, told.out) == (2, "")
        assert "did you mean `timeout_s`?" in told.err
        assert "Traceback" not in told.err
