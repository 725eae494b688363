"""docs/money.md says only what is true: its settings can be used, and its figures are those of the code."""

import re
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


def test_the_longest_answer_that_is_counted_on_is_the_one_that_is_told() -> None:
    assert f"at most {MOST_OUTPUT:,} tokens" in DOCS
