"""Answers that the provider works on by itself and keeps: OpenAI's Responses with `background`, through LiteLLM.

The request returns a handle at once. Whoever holds it fetches the answer later, also after a crash, and pays no more.
Source: developers.openai.com/docs/guides/background; `store` is set, since a background response is otherwise kept for
about ten minutes only.
"""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

import anyio
import anyio.lowlevel

from longcall.beside import beside
from longcall.call import Call
from longcall.errors import ProviderError
from longcall.message import ContentPart, Message
from longcall.providers import Event, Handle
from longcall.providers.litellm_completion import completion
from longcall.providers.litellm_errors import redact, refusal
from longcall.text import clip

log = logging.getLogger(__name__)

KEEPING = ("openai",)
"""LiteLLM's names of the providers that keep answers."""
_CHAT_ONLY = "chat_completions/"
"""LiteLLM's mark for a model that it must not ask by the Responses interface."""
_WORKING = frozenset({"queued", "in_progress"})
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 5.0
_LOOK_S = 30.0
"""Seconds that one look may take; LiteLLM sets no limit of its own to it."""
_CANCEL_S = 4.0
"""Seconds that a cancel waits for the handle of a request that is on its way, and for the provider to confirm."""
_FEWEST_TOKENS = 16
"""Least `max_output_tokens` that the Responses interface takes."""
_REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}
_FAILURES = {"server_error": ("unavailable", True), "rate_limit_exceeded": ("rate_limit", True)}
"""Code of a response that failed → our code, and whether asking again may help. Any other was `rejected`."""


def cannot_keep(call: Call, model: str, provider: str) -> ProviderError | None:
    """Returns the error for a model whose answers nobody keeps."""
    if provider in KEEPING and not model.startswith(_CHAT_ONLY):
        return None
    return ProviderError(
        "rejected",
        f"{call.model} cannot work in the background: only models of {' and '.join(KEEPING)} can. Leave `background`"
        " out.",
    )


def is_taken(litellm: Any, model: str, options: dict[str, Any]) -> bool:
    """Whether LiteLLM lets a model have these options by the Responses interface."""
    configured = litellm.utils.ProviderConfigManager.get_provider_responses_api_config(
        model=model, provider=litellm.LlmProviders(KEEPING[0])
    )
    try:
        configured.map_openai_params(
            response_api_optional_params=_in_responses(options, []), model=model, drop_params=False
        )
    except litellm.UnsupportedParamsError:
        return False
    return True


@dataclass(slots=True)
class _Kept:
    """An answer at the provider, as far as it is known here."""

    name: str | None = None
    response: Any = None
    where: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The address and the key, where they are the operator's own."""


async def request(
    litellm: Any,
    call: Call,
    arguments: dict[str, Any],
    warnings: list[str],
    where: Mapping[str, Any] = MappingProxyType({}),
) -> AsyncGenerator[Event]:
    """Sends the request, `where` the operator has it, yields its handle, and then as fetch() does.

    Raises:
        ProviderError: it was refused, or failed there.
    """
    kept = _Kept(where=where)
    async with _cancelled_when_left(litellm, kept):
        await _send(litellm, call, _in_responses(arguments, warnings), kept)
        assert kept.name is not None
        yield Handle(kept.name)
        async for sign in _signs_of_life(litellm, call, kept):
            yield sign
    for event in _told(litellm, call, kept.response, warnings):
        yield event


async def fetch(
    litellm: Any, call: Call, handle: Handle, where: Mapping[str, Any] = MappingProxyType({})
) -> AsyncGenerator[Event]:
    """Yields the text of a kept answer when it is there, then its Completion; cancels it there when closed before.

    Raises:
        ProviderError: it failed there, or is not kept any more.
    """
    kept = _Kept(handle.name, where=where)
    async with _cancelled_when_left(litellm, kept):
        async for sign in _signs_of_life(litellm, call, kept):
            yield sign
    for event in _told(litellm, call, kept.response, []):
        yield event


async def _send(litellm: Any, call: Call, options: dict[str, Any], kept: _Kept) -> None:
    """Sends the request. A cancel waits a little for its handle: without it, the provider would work and bill on."""
    await anyio.lowlevel.checkpoint_if_cancelled()
    patience = anyio.CancelScope(shield=True)

    async def lose_patience() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            patience.deadline = anyio.current_time() + _CANCEL_S

    try:
        async with beside(lose_patience):
            with patience:
                kept.response = await litellm.aresponses(
                    model=call.model,
                    input=[_turn(message) for message in call.messages],
                    background=True,
                    store=True,
                    num_retries=0,
                    max_retries=0,
                    timeout=call.timeout_s,
                    drop_params=True,
                    **options,
                    **kept.where,
                )
                kept.name = kept.response.id
    except Exception as error:
        raise refusal(litellm, call.model, error) from error
    if kept.name is None:
        await anyio.lowlevel.checkpoint()  # cancelled while it was on its way, and patience is lost: ends here


@asynccontextmanager
async def _cancelled_when_left(litellm: Any, kept: _Kept) -> AsyncGenerator[None]:
    """Has the provider cancel its work when the block is left by a cancel. A process that dies cancels nothing."""
    try:
        yield
    except (anyio.get_cancelled_exc_class(), GeneratorExit):
        if kept.name is not None:
            await cancel(litellm, Handle(kept.name), kept.where)
        raise


async def cancel(litellm: Any, handle: Handle, where: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Has the provider cancel its work, as well as it can be reached now."""
    try:
        with anyio.CancelScope(shield=True), anyio.move_on_after(_CANCEL_S):
            await litellm.acancel_responses(
                response_id=handle.name, custom_llm_provider=KEEPING[0], timeout=_CANCEL_S, **where
            )
    except Exception as error:  # noqa: BLE001  # nothing more can be done about work that will not be fetched
        log.warning("%s could not be cancelled at its provider: %s", handle.name, redact(str(error)))


async def _signs_of_life(litellm: Any, call: Call, kept: _Kept) -> AsyncGenerator[str]:
    """Looks at the answer until it has ended; each look that finds work at it is a sign of life."""
    pause = _FIRST_PAUSE_S
    if kept.response is None:
        kept.response = await _look(litellm, call, kept)
    while kept.response is None or kept.response.status in _WORKING:
        if kept.response is not None and call.is_watched:
            yield ""
        await anyio.sleep(pause)
        pause = min(_LONGEST_PAUSE_S, pause * 1.5)
        kept.response = await _look(litellm, call, kept)


async def _look(litellm: Any, call: Call, kept: _Kept) -> Any:
    """Returns the response as it is now; None when the provider could not tell this time."""
    try:
        with anyio.fail_after(_LOOK_S):
            return await litellm.aget_responses(response_id=kept.name, custom_llm_provider=KEEPING[0], **kept.where)
    except TimeoutError:
        return None
    except Exception as error:
        failed = refusal(litellm, call.model, error)
        if failed.failure.code == "unknown_model":
            raise _lost(call) from error
        # A look costs nothing, and the answer is paid for: only what surely stays so ends the looking.
        if failed.failure.retryable or failed.failure.code == "failed":
            log.info("the answer %s could not be looked at: %s", kept.name, failed)
            return None
        raise failed.anew(refused=False) from error  # it works on there, and bills


def _lost(call: Call) -> ProviderError:
    return ProviderError(
        "lost",
        f"{call.model} does not keep the answer any more (HTTP 404). It may have been billed, so it was not asked"
        " again; call again to pay for a new answer.",
    )


def _turn(message: Message) -> dict[str, Any]:
    content = message.content
    if not isinstance(content, str):
        content = [_part(part, "output_text" if message.role == "assistant" else "input_text") for part in content]
    return {"role": message.role, "content": content}


def _part(part: ContentPart, text: str) -> ContentPart:
    """Returns a part of a chat message in the words of the Responses interface; what it does not know stays as is."""
    match part:
        case {"type": "text"}:
            return {**part, "type": text}
        case {"type": "image_url", "image_url": {"url": url, **more}}:
            return {"type": "input_image", "image_url": url, "detail": "auto", **cast("ContentPart", more)}
        case {"type": "image_url"}:
            return {**part, "type": "input_image", "detail": "auto"}
        case {"type": "file", "file": {**file}}:
            return {"type": "input_file", **cast("ContentPart", file)}
        case _:
            return dict(part)


def _in_responses(arguments: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    """Returns the options under the names that the Responses interface has for them."""
    named = dict(arguments)
    if "max_tokens" in named:
        asked = named.pop("max_tokens")
        named["max_output_tokens"] = max(asked, _FEWEST_TOKENS)
        if asked < _FEWEST_TOKENS:
            warnings.append(f"`max_tokens` {asked} was raised to {_FEWEST_TOKENS}, the least in the background.")
    if "reasoning_effort" in named:
        named["reasoning"] = {"effort": named.pop("reasoning_effort")}
    return named


def _told(litellm: Any, call: Call, response: Any, warnings: list[str]) -> list[Event]:
    """Returns the text and the completion of a response that ended."""
    if response.status not in ("completed", "incomplete"):
        raise _failure(call, response)
    text = _text(response)
    reason = "stop"
    if response.status == "incomplete":
        why = _field(response.incomplete_details, "reason")
        reason = _REASONS.get(why, str(why))
    ended = completion(
        litellm,
        call,
        model=response.model or call.model,
        reason=reason,
        usage=_chat_usage(litellm, response.usage),
        has_text=bool(text),
        warnings=warnings,
    )
    return [text, ended] if text else [ended]


def _failure(call: Call, response: Any) -> ProviderError:
    if response.status == "cancelled":
        return ProviderError("cancelled", f"The work of {call.model} was cancelled at the provider, not here.")
    code, retryable = _FAILURES.get(_field(response.error, "code"), ("rejected", False))
    said = redact(clip(str(_field(response.error, "message") or response.status), 400))
    return ProviderError(code, f"{call.model} failed at its work in the background: {said}", retryable=retryable)


def _text(response: Any) -> str:
    messages = (item for item in response.output if _field(item, "type") == "message")
    parts = (part for message in messages for part in _field(message, "content") or ())
    return "".join(_field(part, "text") or _field(part, "refusal") or "" for part in parts)


def _chat_usage(litellm: Any, usage: Any) -> Any:
    """Returns the tokens as LiteLLM counts those of a chat, which is how it prices them."""
    if usage is None:
        return None
    return litellm.Usage(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
        prompt_tokens_details={"cached_tokens": _field(usage.input_tokens_details, "cached_tokens")},
        completion_tokens_details={"reasoning_tokens": _field(usage.output_tokens_details, "reasoning_tokens")},
    )


def _field(thing: Any, name: str) -> Any:
    """Returns a field of what LiteLLM leaves a dict or makes an object of, by its content."""
    return cast("ContentPart", thing).get(name) if isinstance(thing, dict) else getattr(thing, name, None)
