"""Answers that the provider works on by itself and keeps: OpenAI's Responses with `background`, through LiteLLM.

The request returns a handle at once. Whoever holds it fetches the answer later, also after a crash, and pays no more.
Source: developers.openai.com/docs/guides/background; responses are stored, since background ones are kept for some
minutes only otherwise.
"""

from collections.abc import AsyncGenerator
from typing import Any

import anyio

from longcall.errors import ProviderError
from longcall.models import Call, Completion, Usage
from longcall.providers import Event, Handle
from longcall.providers.litellm_errors import refusal

KEEPING = ("openai",)
"""LiteLLM's names of the providers that keep answers."""
_FIRST_LOOK_S = 0.5
_SLOWEST_LOOK_S = 5.0
_WORKING = frozenset({"queued", "in_progress"})
_CANCEL_S = 5.0


def cannot_keep(call: Call, provider: str) -> ProviderError | None:
    """Returns the error for a provider that keeps no answers."""
    if provider in KEEPING:
        return None
    return ProviderError(
        "rejected",
        f"{call.model} cannot work in the background: only models of {' and '.join(KEEPING)} can. Leave it out.",
    )


async def request(litellm: Any, call: Call, arguments: dict[str, Any], warnings: list[str]) -> AsyncGenerator[Event]:
    """Sends the request, yields its handle, and then as fetch() does."""
    try:
        response = await litellm.aresponses(
            model=call.model,
            input=[message.model_dump() for message in call.messages],
            background=True,
            store=True,
            max_retries=0,
            timeout=call.timeout_s,
            **_in_responses(arguments),
        )
    except Exception as error:
        raise refusal(litellm, call.model, error) from error
    yield Handle(response.id)
    async for event in _fetch(litellm, call, response.id, response, warnings):
        yield event


async def fetch(litellm: Any, call: Call, handle: Handle) -> AsyncGenerator[Event]:
    """Yields the text of a kept answer when it is there, then its Completion; cancels it there when closed before.

    Raises:
        ProviderError: it failed there, or is not kept any more.
    """
    async for event in _fetch(litellm, call, handle.name, None, []):
        yield event


async def _fetch(litellm: Any, call: Call, name: str, response: Any, warnings: list[str]) -> AsyncGenerator[Event]:
    pause = _FIRST_LOOK_S
    try:
        while response is None or response.status in _WORKING:
            await anyio.sleep(pause)
            pause = min(_SLOWEST_LOOK_S, pause * 1.5)
            response = await _look(litellm, call, name)
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True), anyio.move_on_after(_CANCEL_S):
            await litellm.acancel_responses(response_id=name, custom_llm_provider=KEEPING[0])
        raise
    if response.status not in ("completed", "incomplete"):
        raise ProviderError("unavailable", f"{call.model} ended its work in the background with {response.status!r}.")
    yield _text(response)
    yield _completion(litellm, call, response, warnings)


async def _look(litellm: Any, call: Call, name: str) -> Any:
    """Returns the response as it is now; None when the provider could not be asked this time."""
    try:
        return await litellm.aget_responses(response_id=name, custom_llm_provider=KEEPING[0])
    except Exception as error:
        failed = refusal(litellm, call.model, error)
        if failed.failure.retryable:
            return None
        raise failed from error


def _in_responses(arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns the options under the names that the Responses interface has for them."""
    named = dict(arguments)
    if "max_tokens" in named:
        named["max_output_tokens"] = named.pop("max_tokens")
    if "reasoning_effort" in named:
        named["reasoning"] = {"effort": named.pop("reasoning_effort")}
    return named


def _text(response: Any) -> str:
    parts = (part for item in response.output if item.type == "message" for part in item.content)
    return "".join(part.text for part in parts if part.type == "output_text")


def _completion(litellm: Any, call: Call, response: Any, warnings: list[str]) -> Completion:
    usage = response.usage
    counted = None if usage is None else Usage(usage.input_tokens, usage.output_tokens)
    cost: float | None = None
    if counted is not None:
        try:
            cost = sum(litellm.cost_per_token(call.model, counted.input_tokens, counted.output_tokens))
        except Exception:  # noqa: BLE001  # LiteLLM raises a plain Exception for a model whose price it does not know
            cost = None
    notes = list(warnings)
    if response.status == "incomplete":
        notes.append("The answer was cut at its token limit (finish_reason `length`).")
    reason = "stop" if response.status == "completed" else "length"
    return Completion(str(response.model), reason, counted, cost, tuple(notes))
