"""What LiteLLMProvider makes of a provider that is out of order: aimock's chaos switches, one at a time."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from support.mocks import aimock

from longcall.errors import ProviderError
from longcall.models import Completion

Ask = Callable[..., Coroutine[Any, Any, tuple[list[str], Completion]]]
ANSWER = {"match": {}, "response": {"content": "in order again"}}
WIRES = ["openai/gpt-4o", "anthropic/claude-haiku-4-5"]


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize(
    ("switch", "codes", "refused"),
    [
        ("drop", {"unavailable"}, True),
        ("ratelimit", {"rate_limit"}, True),
        ("disconnect", {"disconnected"}, False),
        ("malformed", {"incomplete_stream", "failed"}, False),
        ("none", set[str](), False),
    ],
)
async def test_every_disorder_has_its_code_and_only_a_refusal_may_be_asked_again(
    ask: Ask, point_at: Callable[..., None], tmp_path: Path, model: str, switch: str, codes: set[str], refused: bool
) -> None:
    options = [] if switch == "none" else [f"--chaos-{switch}", "1"]
    with aimock([ANSWER], tmp_path, *options) as mock:
        point_at(openai=f"{mock.url}/v1", anthropic=mock.url)
        if not codes:
            assert "".join((await ask(model))[0]) == "in order again"
            return
        with pytest.raises(ProviderError) as caught:
            await ask(model)
        assert caught.value.failure.code in codes
        assert caught.value.refused == refused
        assert len(mock.journal()) == 1
