"""The Python example of docs/conversations.md is run here; its commands are run with those of the other guides."""

import re
import subprocess
import sys
from pathlib import Path

DOCS = (Path(__file__).parents[1] / "docs" / "conversations.md").read_text("utf-8")


def test_the_python_example_prints_what_it_should(environ: dict[str, str], tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", example], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert told[0] == "True"
    assert [line.split()[0] for line in told[1:-1]] == ["user", "demo/echo", "user", "demo/slow-0"]
    assert told[-1] == "[('trip', 4)]"


def test_every_command_in_the_table_is_there(environ: dict[str, str], tmp_path: Path) -> None:
    commands = re.findall(r"^\| `longcall (conversations[a-z ]*?)(?: NAME)?` \|", DOCS, re.MULTILINE)
    assert len(commands) == 3
    for words in commands:
        done = subprocess.run(
            [sys.executable, "-m", "longcall_server", *words.split(), "--help"], env=environ, cwd=tmp_path,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, words
