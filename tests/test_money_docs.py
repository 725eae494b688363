"""docs/money.md says only what is true: its settings are read, and its program is run."""

import re
import subprocess
import sys
from pathlib import Path

from longcall.money.estimating import MOST_OUTPUT
from longcall.settings import Caps, find_settings

DOCS = (Path(__file__).parents[1] / "docs" / "money.md").read_text("utf-8")


def test_the_settings_can_be_used_as_shown(tmp_path: Path) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    (tmp_path / "longcall.toml").write_text("\n".join(blocks))
    settings = find_settings({"LONGCALL_CONFIG": str(tmp_path / "longcall.toml")}).settings
    assert settings.prices["openai/gpt-5"].cached_input_usd_per_1m == 0.1
    assert settings.caps == Caps(call_usd=1, day_usd=20, project_usd=200, day_tokens=5_000_000)


def test_the_program_prints_what_was_spent(environ: dict[str, str], tmp_path: Path) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == "demo/echo 1 0.0\n"


def test_the_longest_answer_that_is_counted_on_is_the_one_that_is_told() -> None:
    assert f"at most {MOST_OUTPUT:,} tokens" in DOCS
