"""Several prompts and models as one group: what is asked of whom, how many at once, and what becomes of the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from longcall.call import Call
from longcall.calling import demand_served
from longcall.combine import Combine, parse_combine
from longcall.errors import CallError
from longcall.message import Message
from longcall.routing import COMBINE

Pair = tuple[str | None, str | None]
"""A prompt and the model that is asked it."""


@dataclass(frozen=True, slots=True)
class FanOut:
    """How a group is run."""

    at_once: int | None = None
    """Members that may run at once; None sets no limit."""
    keys: tuple[str | None, ...] = ()
    """The idempotency keys of the members, in order; those that follow have none."""
    combiner: Call | None = None
    """What makes one answer of all; None leaves them a list."""

    def key(self, place: int) -> str | None:
        """Returns the idempotency key of the member at `place`."""
        return self.keys[place] if place < len(self.keys) else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller wants asked, checked as far as that needs no settings."""

    pairs: tuple[Pair, ...]
    keys: tuple[str | None, ...]
    at_once: int | None
    combine: Combine | None


def wanted(
    prompt: str | None,
    prompts: Sequence[str | Mapping[str, Any]] | None,
    model: str | None,
    models: Sequence[str] | None,
    at_once: int | None,
    combine: str | Mapping[str, Any] | None,
) -> Wanted:
    """Returns every prompt with every model.

    Args:
        prompt: the one prompt, or `prompts`: texts, or objects with `prompt` and `idempotency_key`.
        prompts: see above.
        model: the one model, or `models`.
        models: see above.
        at_once: members that may run at once.
        combine: what becomes of the answers; see `longcall.combine.parse_combine`.

    Raises:
        CallError: it cannot be asked so.
    """
    for name, given in (("prompts", prompts), ("models", models)):
        if isinstance(given, str):
            raise CallError(f"`{name}` must be a list of texts.")
    if prompt is not None and prompts:
        raise CallError("Give either `prompt` or `prompts`, not both.")
    if model and models:
        raise CallError("Give either `model` or `models`, not both.")
    if at_once is not None and (isinstance(at_once, bool) or at_once < 1):
        raise CallError("`at_once` must be 1 or more: that many are asked at once.")
    asked = [_entry(entry) for entry in prompts] if prompts else [(prompt, None)]
    keys = tuple(key for _, key in asked)
    if any(keys) and len(models or ()) > 1:
        raise CallError("An `idempotency_key` in `prompts` names one request: ask one `model` there.")
    named = [key for key in keys if key is not None]
    pairs = tuple(product([text for text, _ in asked], models or [model]))
    try:
        return Wanted(pairs, keys if named else (), at_once, parse_combine(combine))
    except ValueError as error:
        raise CallError(f"`combine` cannot be used: {error}.") from None


def _entry(entry: Any) -> tuple[str, str | None]:
    if isinstance(entry, str):
        return entry, None
    if isinstance(entry, Mapping) and {"prompt"} <= set(entry) <= {"prompt", "idempotency_key"}:  # pyright: ignore[reportUnknownArgumentType]  # its keys are compared alone
        text, key = entry["prompt"], entry.get("idempotency_key") or None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]  # checked next
        if isinstance(text, str) and (key is None or isinstance(key, str)):
            return text, key
    raise CallError('Each of `prompts` must be a text, or {"prompt": …, "idempotency_key": …}.')


def combining_call(calls: Sequence[Call], combine: Combine, model: str | None) -> Call:
    """Returns what makes one answer of those to `calls`; `model` chooses where `combine` names none.

    Raises:
        CallError: nobody is named who chooses, or nobody who can.
    """
    chooser = combine.model or model
    if combine.how == "best" and not chooser:
        raise CallError(
            'Name who chooses the best answer in `combine`, as in {"best": {"model": "anthropic/claude-sonnet-4-5"}}.'
        )
    prompts = list(dict.fromkeys(call.original_prompt or call.prompt for call in calls))
    asked = prompts[0] if len(prompts) == 1 else "\n".join(f"{n}. {text}" for n, text in enumerate(prompts, 1))
    call = Call(
        model=f"{COMBINE}{combine.how}",
        messages=(Message(role="user", content=f"{combine.how} of {len(calls)} answers"),),
        combine=combine.model_copy(update={"model": chooser if combine.how == "best" else None}),
        original_prompt=asked or None,
        caps=calls[0].caps,
        timeout_s=calls[0].timeout_s,
        on_interrupt=calls[0].on_interrupt,
    )
    demand_served(call)
    return call
