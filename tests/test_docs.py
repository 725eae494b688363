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
ELSEWHERE = frozenset({"claude.md"})
"""Guides whose commands need more than this machine, and are run by tests of their own."""
GUIDES = sorted(DOCS.glob("*.md"))


def blocks(text: str, language: str) -> list[str]:
    """Returns the code blocks of one language in a text."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(console: str) -> list[tuple[str, str]]:
    """Returns the commands in a console block with what each is shown to say."""
    return re.findall(r"^\$ (longcall .*)\n((?:(?!\$ ).*\n)*)", console, re.MULTILINE)


CONSOLES = [(guide.name, *command) for guide in GUIDES for block in blocks(guide.read_text("utf-8"), "console")
            for command in commands(block) if guide.name not in ELSEWHERE]  # fmt: skip


@pytest.mark.parametrize(("guide", "command", "shown"), CONSOLES)
def test_a_command_says_what_its_guide_shows(guide: str, command: str, shown: str, environ: dict[str, str]) -> None:
    run = command.replace("longcall", f"{sys.executable} -m longcall_server", 1)
    done = subprocess.run(["sh", "-c", run], env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (guide, done.stderr)
    assert shown.strip() in done.stdout


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
