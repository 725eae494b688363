"""The guides say only what is true: their snippets are run here."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from longcall.retry import Retry
from longcall.validators import parse_validators

DOCS = Path(__file__).parents[1] / "docs"
ELSEWHERE = frozenset({"claude.md", "files.md", "packages.md"})
"""Guides whose commands need more than this machine, and are run by tests of their own."""
GUIDES = sorted(DOCS.glob("*.md"))


def blocks(text: str, language: str) -> list[str]:
    """Returns the code blocks of one language in a text."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(console: str) -> list[tuple[str, str]]:
    """Returns the commands in a console block with what each is shown to say."""
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", console, re.MULTILINE)


CONSOLES = [(guide.name, block) for guide in GUIDES if guide.name not in ELSEWHERE
            for block in blocks(guide.read_text("utf-8"), "console")]  # fmt: skip


@pytest.mark.parametrize(("guide", "console"), CONSOLES)
def test_the_commands_of_a_guide_say_what_it_shows(
    guide: str, console: str, environ: dict[str, str], tmp_path: Path
) -> None:
    told = commands(console)
    assert told, guide
    ours = f'longcall() {{ "{sys.executable}" -m longcall_server "$@"; }}'
    script = "\n".join([ours, "set -e", *(f"{command}\necho @@@" for command, _ in told)])
    done = subprocess.run(
        ["bash", "-c", script], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, (guide, done.stderr)
    for (command, shown), said in zip(told, done.stdout.split("@@@\n"), strict=False):
        assert shown.strip() in said, command


def test_the_guide_of_answers_tells_of_every_part_of_retry_with_its_default() -> None:
    text = (DOCS / "answers.md").read_text("utf-8")
    table = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| .* \| (.*) \|$", text, re.MULTILINE)[1:]
    told = {name for names, _ in table for name in re.findall(r"\w+", names)}
    assert told == set(Retry.model_fields)
    defaults = {name: default for names, default in table for name in [names.strip("`")] if default.isdecimal()}
    assert {name: getattr(Retry(), name) for name in defaults} == {name: int(text) for name, text in defaults.items()}
    assert "max_attempts" in defaults


def test_the_validators_in_the_guide_of_answers_can_be_built() -> None:
    found: list[Any] = [json.loads(block) for block in blocks((DOCS / "answers.md").read_text("utf-8"), "json")]
    assert [validator.type for validator in parse_validators(found)] == ["judge"]
