"""docs/fan_out.md says only what is true: its Python is run here, its commands with those of the other guides."""

import re
import subprocess
import sys
from pathlib import Path

DOCS = (Path(__file__).parents[1] / "docs" / "fan_out.md").read_text("utf-8")


def test_the_python_example_prints_what_it_should(environ: dict[str, str], tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", example],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "{'total': 3, 'completed': 3} ['question 0', 'question 1', 'question 2']"
    assert second.startswith("4 0.0 0 ['The task ")
    assert "had this idempotency_key: its answer was taken over" in second
