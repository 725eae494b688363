"""The benchmarks still run on the code of today; their figures are nobody's test."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUN_S = 170.0


def measured(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs parts quickly, to their end."""
    command = [sys.executable, "-m", "benchmarks", "--quick", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_S, check=False)


def test_parts_run_and_tell_their_figures(tmp_path: Path) -> None:
    done = measured("writes", "health", "--json", str(tmp_path / "figures.json"))
    assert done.returncode in (0, 1), done.stderr  # 1 where a goal of speed is missed, as in a busy moment
    assert "Traceback" not in done.stderr
    parts = json.loads((tmp_path / "figures.json").read_text("utf-8"))["parts"]
    assert list(parts) == ["writes", "health"]
    assert all(figure["value"] >= 0 for part in parts.values() for figure in part)
    whole = next(figure for figure in parts["health"] if "not answered whole" in figure["name"])
    assert (whole["value"], whole["reached"]) == (0, True)


def test_a_part_that_is_not_there_is_told() -> None:
    done = measured("wirtes")
    assert done.returncode == 2
    assert "there is no part wirtes" in done.stderr
