"""docs/files.md says only what is true: its snippets are run here, in a project such as it speaks of."""

import re
import subprocess
import sys
from pathlib import Path

from support.guides import blocks, commands

DOCS = (Path(__file__).parents[1] / "docs" / "files.md").read_text("utf-8")


def run(command: list[str], environ: dict[str, str], project: Path) -> str:
    """Runs a command in the project and returns what it said."""
    (project / "src").mkdir(parents=True, exist_ok=True)
    (project / "src" / "a.py").write_text("a = 1\nb = 2\n")
    done = subprocess.run(command, env=environ, cwd=project, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_work_as_shown(environ: dict[str, str], tmp_path: Path) -> None:
    (console,) = blocks(DOCS, "console")
    shown = commands(console)
    assert len(shown) == 2
    for line, said in shown:
        words = line.removeprefix("longcall ")
        arguments = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', words)]
        assert said.strip() in run([sys.executable, "-m", "longcall_server", *arguments], environ, tmp_path / "project")
    assert (tmp_path / "project" / "out" / "haiku.txt").read_text() == "A haiku"


def test_the_python_example_prints_what_it_should(environ: dict[str, str], tmp_path: Path) -> None:
    (example,) = blocks(DOCS, "python")
    said = run([sys.executable, "-c", example], environ, tmp_path / "project").splitlines()
    assert said[0] == "dry_run ['src/a.py']"
    text = (tmp_path / "project" / "out" / "answer.md").read_text()
    assert said[1] == f"completed {len(text)}"
    assert text.endswith("What is b?")
