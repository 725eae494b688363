"""Models that answer from a script: for the demo, for trying things out without a key, and for tests.

demo/echo    answers with the last user message, at once
demo/slow    answers with a short text over about 20 seconds; `demo/slow-3` takes about 3
demo/fail    fails as a provider that is down
demo/slip    answers with the first half of the last user message, and with all of it once it is told of a fault
demo/stall   sends a few words and then nothing more
"""

import re
from collections.abc import AsyncGenerator

import anyio

from longcall.call import Call
from longcall.errors import ProviderError
from longcall.feedback import FEEDBACK
from longcall.models import Completion, Usage
from longcall.providers import Event, Provider, Sending
from longcall.routing import DEMO

NAMES = ("demo/echo", "demo/fail", "demo/slip", "demo/slow", "demo/stall")
_SLOW = re.compile(r"slow(?:-(\d+(?:\.\d+)?))?")
_SLOW_S = 20.0
_PIECE = 4096
_STORY = (
    "This answer was never in a hurry. It began while a host waited, and went on when that host was killed, because the"
    " work belongs to a worker that no host can take along. Every word was written down as it came. Whoever asks again"
    " with the id of the task is told the whole of it, once paid for, from the first word to this last one."
)


class ScriptedProvider(Provider):
    """Answers `demo/…` models; see `longcall.providers.Provider`."""

    async def stream(self, call: Call, sending: Sending) -> AsyncGenerator[Event]:
        """Answers as the model's name says.

        Raises:
            ProviderError: an unknown name (`unknown_model`), or `demo/fail` (`unavailable`).
        """
        name = call.model.removeprefix(DEMO)
        slow = _SLOW.fullmatch(name)
        if slow is None and DEMO + name not in NAMES:
            raise ProviderError("unknown_model", f"There is no model {call.model!r}; name one of {', '.join(NAMES)}.")
        await sending()
        if name == "fail":
            raise ProviderError(
                "unavailable", "The provider is down, as demo/fail always is.", retryable=True, refused=True
            )
        pieces = _pieces(_text(call, name), words=name not in ("echo", "slip"))
        pause = float(slow[1] or _SLOW_S) / len(pieces) if slow else 0
        for piece in pieces[: 3 if name == "stall" else None]:
            await anyio.sleep(pause)
            yield piece
        if name == "stall":
            await anyio.sleep_forever()
        asked_words = sum(len(turn.text.split()) for turn in call.messages)
        yield Completion(call.model, "stop", Usage(asked_words, len(pieces)), cost_usd=0.0)


def _text(call: Call, name: str) -> str:
    said = [turn.text for turn in call.messages if turn.role == "user"]
    asked = [text for text in said if not text.startswith(FEEDBACK)]
    if name.startswith("slow"):
        return _STORY
    text = asked[-1] if asked and name == "slip" else said[-1] if said else ""
    return text[: len(text) // 2] if name == "slip" and asked == said else text


def _pieces(text: str, *, words: bool) -> list[str]:
    if words:
        return re.findall(r"\S+\s*", text)
    return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
