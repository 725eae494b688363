"""Which rules of which tool count, as data in `rules.json`."""

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def rules(tool: str) -> dict[str, Any]:
    """Returns the rules of one tool."""
    everything: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("rules.json").read_text("utf-8"))
    return everything[tool]
