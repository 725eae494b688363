"""Files in a call: what a model is shown of them, whether it fits, and what it would cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from longcall.call import Call
from longcall.catalog import Model, OwnPrices, batch_prices, find_model
from longcall.conversation import Heard, History
from longcall.errors import CallError
from longcall.estimate import tokens_of
from longcall.files.gathering import Gathered
from longcall.message import ContentPart, Message
from longcall.money.estimating import estimate
from longcall.money.prices import Prices
from longcall.result import Result
from longcall.trimming import hear

_LISTED = 200
"""Files that a dry run names at most."""
_SMALL_TOKENS = 4_000
"""What fits into any window: for less the list of models is not read."""


def attach(call: Call, gathered: Gathered) -> Call:
    """Returns the call with the files before its last user message, so that the beginning stays the same and cached.

    Raises:
        CallError: there is no user message to put them into.
    """
    place = next((at for at in range(len(call.messages) - 1, -1, -1) if call.messages[at].role == "user"), None)
    if place is None:
        raise CallError("`files` need a user's message that they go with.")
    said = call.messages[place]
    parts = [one.part for one in gathered.shown if one.part is not None]
    content: str | list[ContentPart]
    if isinstance(said.content, str) and not parts:
        content = f"{gathered.text}\n{said.content}"
    else:
        asked = [{"type": "text", "text": said.content}] if isinstance(said.content, str) else said.content
        content = [{"type": "text", "text": gathered.text}, *parts, *asked]
    turns = (*call.messages[:place], Message(role="user", content=content), *call.messages[place + 1 :])
    # Judges are told what was asked, and the task is known by it: the files are not the request.
    return call.model_copy(update={"messages": turns, "original_prompt": call.original_prompt or call.prompt})


def demand_fits(call: Call, gathered: Gathered, environ: Mapping[str, str], own: OwnPrices) -> None:
    """Sees that the model takes the files. Reads the list of models where that is needed.

    Raises:
        CallError: it takes no images or PDFs, or has a smaller context window; the sentence says so.
    """
    kinds = {one.kind: one.path for one in gathered.shown if one.part is not None}
    if not kinds and gathered.tokens < _SMALL_TOKENS:
        return
    model = find_model(call.model, environ, own)
    if model is None:
        return
    for kind, path in kinds.items():
        takes = model.takes_pdfs if kind == "application/pdf" else model.takes_images
        if takes is False:
            raise CallError(f"{call.model} is not known to take {kind} ({path}); leave it out, or name another model.")
    needed = _tokens(call, gathered) + (call.max_tokens or 0)
    if model.context_window is not None and needed > model.context_window:
        raise CallError(
            f"About {needed:,} tokens do not fit into the {model.context_window:,} of {call.model}. Leave files out, or"
            f" name lines of them (path:10-80); the largest, by tokens: {gathered.largest()}."
        )


def dry_run(
    calls: Sequence[Call],
    gathered: Gathered,
    environ: Mapping[str, str],
    prices: Prices,
    history: History | None = None,
) -> Result:
    """Tells what would be sent, of which nothing is sent or stored.

    `calls` have no files in them yet, and nothing of the conversation that they go on with.
    """
    listed = [
        {name: value for name, value in _line(one).items() if value is not None} for one in gathered.shown[:_LISTED]
    ]
    asked = [_asked(call, gathered, find_model(call.model, environ, prices.own), prices,
                    _heard(call, gathered, environ, history))
             for call in calls]  # fmt: skip
    told: dict[str, Any] = {"calls": asked, "files": listed, "file_count": len(gathered.shown)}
    told |= {"file_bytes": gathered.bytes, "file_tokens": gathered.tokens}
    if gathered.skipped:
        told["skipped"] = [f"{one.path}: {one.reason}" for one in gathered.skipped[:_LISTED]]
        told["skipped_count"] = len(gathered.skipped)
    again = "Nothing was sent or stored. Tokens are estimates. Call again without `dry_run` to ask."
    return Result(status="dry_run", would_send=told, next=again)


def _line(one: Any) -> dict[str, Any]:
    kind = None if one.kind == "text" else one.kind
    return {"path": one.path, "lines": one.lines, "kind": kind, "bytes": one.bytes, "tokens": one.tokens}


def _heard(call: Call, gathered: Gathered, environ: Mapping[str, str], history: History | None) -> Heard | None:
    return None if history is None else hear(history, call, environ, _tokens(call, gathered))


def _asked(call: Call, gathered: Gathered, model: Model | None, prices: Prices, heard: Heard | None) -> dict[str, Any]:
    tokens = _tokens(call, gathered) + (heard.tokens if heard else 0)
    told: dict[str, Any] = {"model": call.model, "input_tokens": tokens}
    if heard is not None:
        told["conversation_tokens"] = heard.tokens
        told |= {"left_out": heard.note} if heard.note else {}
    if model is not None and model.context_window is not None:
        told["context_window"] = model.context_window
    each = (model and model.usd_per_1m_input, model and model.usd_per_1m_output)
    if call.urgency == "batch":
        each = batch_prices(call.model)
    told["input_usd"] = _usd(tokens, each[0])
    if call.max_tokens is not None:
        told["most_output_usd"] = _usd(call.max_tokens, each[1])
    most = estimate(prices, call, more_tokens=gathered.tokens + (heard.tokens if heard else 0))
    told["most_usd"] = None if most.usd is None else round(most.usd, 6)
    if call.caps is not None:
        told["caps"] = {name: value for name, value in call.caps if name != "origins" and value is not None}
    return told


def _usd(tokens: int, per_million: float | None) -> float | None:
    return None if per_million is None else round(tokens * per_million / 1_000_000, 6)


def _tokens(call: Call, gathered: Gathered) -> int:
    return gathered.tokens + sum(tokens_of(message.text) for message in call.messages)
