import json
from typing import TYPE_CHECKING

import pytest
from support.processes import PATIENCE_S

from longcall.catalog import KEYS

if TYPE_CHECKING:
    from conftest import CommandLine


def test_models_with_a_key_are_listed(cli: "CommandLine") -> None:
    without = cli.with_environ(OLLAMA_API_BASE="").run("models")
    assert {line.split("\t")[0].split("/")[0] for line in without.out.splitlines()} == {"demo"}
    assert "No provider has a key here" in without.err
    with_key = cli.with_environ(OPENAI_API_KEY="sk-mock-0123456789").run("models", "gpt", "mini", "--offline")
    assert "openai/gpt-5-mini\t" in with_key.out
    assert with_key.err == ""
    asked = cli.with_environ(OPENAI_API_KEY="sk-mock-0123456789").run("models", "gpt", "mini")
    assert asked.out == with_key.out
    assert "openai: it could not be reached" in asked.err


def test_every_model_is_listed_with_all(cli: "CommandLine") -> None:
    everything = cli.run("models", "--all", "--json")
    assert {"anthropic", "demo", "openai"} <= {model["provider"] for model in json.loads(everything.out)}
    assert set(KEYS) & {model["provider"] for model in json.loads(cli.run("models", "--json").out)} <= {"ollama"}


def test_a_name_like_no_other_is_told(cli: "CommandLine") -> None:
    ended = cli.run("models", "qqqqqqqqqqqqzzzzzz")
    assert (ended.code, ended.out) == (1, "")
    assert "No known model" in ended.err


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_reader_may_stop_after_the_first_line(cli: "CommandLine", option: list[str]) -> None:
    with cli.begun("models", "--all", *option) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 141
        assert b"Traceback" not in process.stderr.read()


def test_the_version_and_what_longcall_alone_does_are_told(cli: "CommandLine") -> None:
    assert cli.run("--version").out.startswith("longcall 0.")
    assert "serves MCP over stdio" in cli.run("--help").out
    assert cli.run("juggle").code == 2
