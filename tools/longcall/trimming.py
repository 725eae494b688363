"""How much of a conversation a model has room for: the oldest is left out first, and nothing of it is deleted."""

from collections.abc import Iterator, Mapping, Sequence

from longcall.call import Call
from longcall.catalog import Model, find_model
from longcall.conversation import SYSTEM, Exchange, Heard, History, tokens_in

_SMALL_TOKENS = 1_000
"""What fits into any window: for less the list of models is not read."""
_USABLE = 0.9
"""The part of a window that is planned with, since tokens are estimates."""
_ANSWER_PART = 4
"""At most one part in so many of a window is kept free for an answer whose length nobody bounds."""


def hear(history: History, call: Call, environ: Mapping[str, str], tokens: int | None = None) -> Heard:
    """Returns what of a conversation `call` is asked with. Reads the list of models where that is needed.

    `tokens` is about what the call has by itself; None counts its messages.
    """
    new = sum(tokens_in(turn.content) for turn in call.messages) if tokens is None else tokens
    if not any(turn.role in SYSTEM for turn in call.messages):
        new += history.system_tokens
    exchanges = history.exchanges
    said = sum(exchange.tokens for exchange in exchanges)
    heard = Heard(history.conversation, history.last, tokens=said)
    room = None if new + said < _SMALL_TOKENS else _room(call, environ)
    if room is None or not exchanges or new + said <= room:
        return heard
    first, files_from, left = _trimmed(exchanges, room - new)
    note = _note(history, first, files_from, call.model)
    return Heard(history.conversation, history.last, first, files_from, left, note)


def _room(call: Call, environ: Mapping[str, str]) -> int | None:
    """Returns the tokens that any model of the call takes; None where no window is known."""
    found = [find_model(name, environ) for name in (call.model, *call.fallbacks, *call.policy.escalate)]
    rooms = [
        _room_of(model, call.max_tokens, model.context_window) for model in found if model and model.context_window
    ]
    return min(rooms, default=None)


def _room_of(model: Model, max_tokens: int | None, window: int) -> int:
    answer = max_tokens or min(model.max_output_tokens or window, window // _ANSWER_PART)
    return max(0, int(window * _USABLE) - answer)


def _trimmed(exchanges: Sequence[Exchange], room: int) -> tuple[int, int, int]:
    """Returns the first turn that is told, the first whose files are shown, and about how many tokens these have."""
    first = files_from = 1
    left = sum(exchange.tokens for exchange in exchanges)
    for whole, exchange in _order(exchanges):
        if left <= room:
            break
        if whole:
            first, left = exchange.last + 1, left - exchange.bare
        else:
            files_from, left = exchange.last + 1, left - exchange.tokens + exchange.bare
    return first, max(first, files_from), left


def _order(exchanges: Sequence[Exchange]) -> Iterator[tuple[bool, Exchange]]:
    """Yields what is left out in turn, and whether whole: a new prompt is most likely about the newest exchange."""
    for part in (exchanges[:-1], exchanges[-1:]):
        yield from ((False, exchange) for exchange in part)
        yield from ((True, exchange) for exchange in part)


def _note(history: History, first: int, files_from: int, model: str) -> str:
    talk = history.talk
    gone = sum(turn.number < first for turn in talk)
    bare = sum(turn.bare_tokens is not None and first <= turn.number < files_from for turn in talk)
    parts = [f"the oldest {gone} of its {len(talk)} turns"] if gone else []
    parts += [f"the files of {bare} turn{'s' if bare > 1 else ''}"] if bare else []
    return (
        f"The conversation is longer than {model} has room for: {' and '.join(parts)} were left out. Nothing was"
        " deleted."
    )
