"""The guides say only what is true: their snippets are run here."""

import json
import re
import subprocess
import sys
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.guides import blocks, commands, examples, languages
from support.http_server import http_server, proxy_server

from longcall.retry import Retry
from longcall.validators import parse_validators

DOCS = Path(__file__).parents[1] / "docs"
ELSEWHERE = frozenset({"claude.md", "files.md", "packages.md"})
"""Guides whose commands and programs need more than this machine, and are run by tests of their own."""
GUIDES = {str(path.relative_to(DOCS)): path.read_text("utf-8") for path in sorted(DOCS.rglob("*.md"))}
HERE = {name: text for name, text in GUIDES.items() if name not in ELSEWHERE}
SERVERS = {"http://127.0.0.1:3010": proxy_server, "http://127.0.0.1:8020": http_server}
"""Where guides say that our servers are, and what starts one."""
PROGRAMS = frozenset({"claude", "docker", "export", "longcall", "pip", "uv", "uvx"})
CHECKED = frozenset({"bash", "console", "json", "python", "sh", "toml"})
SHOWN = frozenset({"text", "{include} ../CHANGELOG.md", "{toctree}"})
"""Code blocks that nobody runs: what is said or drawn, and what Sphinx reads."""


@pytest.mark.parametrize(("guide", "console"), [(name, one) for name in HERE for one in blocks(HERE[name], "console")])
def test_the_commands_of_a_guide_say_what_it_shows(
    guide: str, console: str, environ: dict[str, str], tmp_path: Path
) -> None:
    with ExitStack() as running:
        for at, (address, serving) in enumerate(SERVERS.items()):
            if address in console:
                server = running.enter_context(serving(environ, tmp_path / f"server{at}"))
                console = console.replace(address, server.root)
        told = commands(console)
        said = run(["bash", "-c", script([command for command, _ in told])], environ, tmp_path)
    assert told
    for (command, shown), answer in zip(told, said.split("@@@\n"), strict=False):
        assert shown.strip() in answer, (guide, command)


def script(lines: list[str]) -> str:
    """Returns a script that runs commands as a user with longcall on the PATH does."""
    ours = f'longcall() {{ "{sys.executable}" -m longcall_server "$@"; }}\npython() {{ "{sys.executable}" "$@"; }}'
    return "\n".join([ours, "set -e", *(f"{line}\necho @@@" for line in lines)])


def run(command: list[str], environ: dict[str, str], folder: Path) -> str:
    """Runs a command to its end, which must be a good one, and returns what it said."""
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


@pytest.mark.parametrize(("guide", "example"), [(name, one) for name in HERE for one in examples(HERE[name])])
def test_a_program_of_a_guide_prints_what_it_shows(
    guide: str, example: tuple[str, str], environ: dict[str, str], tmp_path: Path
) -> None:
    program, printed = example
    assert printed, guide
    assert run([sys.executable, "-c", program], environ, tmp_path) == printed


def test_what_is_configured_in_a_guide_can_be_read() -> None:
    read = [json.loads(block) for text in GUIDES.values() for block in blocks(text, "json")]
    read += [tomllib.loads(block) for text in GUIDES.values() for block in blocks(text, "toml")]
    assert len(read) > 10
    with pytest.raises(ValueError, match="delimiter"):
        json.loads(next(iter(blocks(GUIDES["start/cursor.md"], "json"))).replace(":", "", 1))


def test_each_host_is_told_to_start_our_command() -> None:
    found: list[dict[str, Any]] = []
    for name, text in GUIDES.items():
        if name.startswith("start/"):
            files: list[dict[str, Any]] = [json.loads(block) for block in blocks(text, "json")]
            files += [tomllib.loads(block) for block in blocks(text, "toml")]
            entries = [
                file[key]["longcall"]
                for file in files
                for key in ("mcpServers", "servers", "mcp_servers")
                if key in file
            ]
            found += [entry for entry in entries if "url" not in entry]
    assert len(found) == 6
    assert all([one["command"], *one["args"]] == ["uvx", "--from", "FROM", "longcall"] for one in found)


def test_the_lines_for_a_shell_are_sound_and_their_options_exist() -> None:
    known = set(re.findall(r"--[a-z-]+", GUIDES["reference/commands.md"]))
    lines = [
        line for text in GUIDES.values() for kind in ("sh", "bash") for line in "".join(blocks(text, kind)).splitlines()
    ]
    assert lines
    subprocess.run(["bash", "-n"], input="\n".join(lines), text=True, check=True)
    assert {line.split()[0] for line in lines} <= PROGRAMS
    ours = " ".join(line for line in lines if line.startswith("longcall "))
    assert set(re.findall(r"--[a-z-]+", ours)) <= known
    assert "--no-such-option" not in known


def test_every_code_block_is_of_a_kind_that_is_looked_at() -> None:
    assert {kind for text in GUIDES.values() for kind in languages(text)} <= CHECKED | SHOWN
    assert languages("```console\n$ x\n```\n\n```\nno kind\n```\n") == ["console", ""]


def test_the_guide_of_answers_tells_of_every_part_of_retry_with_its_default() -> None:
    text = GUIDES["answers.md"]
    table = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| .* \| (.*) \|$", text, re.MULTILINE)[1:]
    told = {name for names, _ in table for name in re.findall(r"\w+", names)}
    assert told == set(Retry.model_fields)
    defaults = {name: default for names, default in table for name in [names.strip("`")] if default.isdecimal()}
    assert {name: getattr(Retry(), name) for name in defaults} == {name: int(text) for name, text in defaults.items()}
    assert "max_attempts" in defaults


def test_the_validators_in_the_guide_of_answers_can_be_built() -> None:
    found: list[Any] = [json.loads(block) for block in blocks(GUIDES["answers.md"], "json")]
    assert [validator.type for validator in parse_validators(found)] == ["judge"]
