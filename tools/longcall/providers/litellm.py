"""Any model that LiteLLM reaches. The only file that knows LiteLLM.

Right on 1.106.2 and 1.109.1, which differ: up to 1.108.11 LiteLLM calls a stream that was cut off complete and invents
its finish reason (BerriAI/litellm#40260, #42085), so the reason that was really received is checked here.
"""

import gc
import logging
import os
import sys
from collections.abc import AsyncGenerator
from functools import partial
from types import ModuleType
from typing import Any

import anyio
import anyio.to_thread

from longcall.errors import ProviderError
from longcall.models import Call, Completion, Usage
from longcall.providers import Sending
from longcall.providers.litellm_errors import missing_key, refusal, unknown_model
from longcall.providers.thread import LoopThread

_BEFORE_IMPORT = {
    # Three spellings of "no network at import or first use"; which one is heard depends on the version.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_OFFLINE_MODE": "true",
    # Otherwise a .env file found near the program is loaded, which can redirect keys to a stranger's host.
    "LITELLM_MODE": "PRODUCTION",
    # Its defaults hold back the 501st connection to a host; 0 would mean 100.
    "AIOHTTP_CONNECTOR_LIMIT": "20000",
    "AIOHTTP_CONNECTOR_LIMIT_PER_HOST": "20000",
    # Silent minutes die behind address translation otherwise.
    "AIOHTTP_SO_KEEPALIVE": "True",
}
_OPTIONS = ("temperature", "max_tokens", "reasoning_effort")


def load_litellm() -> ModuleType:
    """Imports LiteLLM, quiet and offline. Takes seconds; call it in a thread."""
    os.environ.update(_BEFORE_IMPORT)
    gc.disable()  # thousands of classes are built, none is garbage: a fifth of the import time
    try:
        import litellm  # noqa: PLC0415  # it must find the settings above, and only workers pay for it
    finally:
        gc.enable()
    gc.freeze()
    litellm.suppress_debug_info = True
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.StreamHandler(sys.stderr)]  # its own handler writes to stdout
        logger.setLevel(logging.WARNING)
    return litellm


class LiteLLMProvider:
    """Answers through LiteLLM, on a loop of its own; see `longcall.providers.Provider`."""

    def __init__(self, thread: LoopThread) -> None:
        self._thread = thread
        self._loading = anyio.Lock()
        self._litellm: Any = None

    async def load(self) -> Any:
        """Returns LiteLLM, imported in the background by whoever needs it first."""
        async with self._loading:
            if self._litellm is None:
                self._litellm = await anyio.to_thread.run_sync(load_litellm)
        return self._litellm

    async def stream(self, call: Call, sending: Sending) -> AsyncGenerator[str | Completion]:
        """Sends one request through LiteLLM, without LiteLLM's own retries.

        Raises:
            ProviderError: with the code that `litellm_errors` gives the provider's answer.
        """
        litellm = await self.load()
        arguments, warnings = _arguments(litellm, call)
        stream = self._thread.relay(partial(_request, litellm, call, arguments, warnings), sending)
        try:
            async for event in stream:
                yield event
        finally:
            await stream.aclose()

    async def aclose(self) -> None:
        """Closes LiteLLM's connections."""
        if self._litellm is not None:
            await self._thread.run(_close_clients)


async def _close_clients() -> None:
    from litellm.llms.custom_httpx.async_client_cleanup import (  # noqa: PLC0415  # only after load_litellm
        close_litellm_async_clients,
    )

    await close_litellm_async_clients()


def _arguments(litellm: Any, call: Call) -> tuple[dict[str, Any], list[str]]:
    """Returns what goes to LiteLLM, and what had to be left out, in words."""
    try:
        model, provider, _, _ = litellm.get_llm_provider(model=call.model)
    except Exception as error:
        raise unknown_model(litellm, call.model) from error
    if complaint := missing_key(litellm, call.model, provider):
        raise complaint
    supported = litellm.get_supported_openai_params(model=model, custom_llm_provider=provider)
    given = {name: value for name in _OPTIONS if (value := getattr(call, name)) is not None}
    dropped = [name for name in given if supported is not None and not _takes(supported, name)]
    arguments = {name: value for name, value in given.items() if name not in dropped}
    return arguments, [f"{call.model} does not take `{name}`; it was not sent." for name in dropped]


def _takes(supported: list[str], name: str) -> bool:
    return name in supported or (name == "max_tokens" and "max_completion_tokens" in supported)


async def _request(
    litellm: Any, call: Call, arguments: dict[str, Any], warnings: list[str]
) -> AsyncGenerator[str | Completion]:
    try:
        response = await litellm.acompletion(
            model=call.model,
            messages=[message.model_dump() for message in call.messages],
            stream=True,
            stream_options={"include_usage": True},
            max_retries=0,
            timeout=call.timeout_s,
            drop_params=True,
            **arguments,
        )
    except Exception as error:
        raise refusal(litellm, call.model, error) from error
    heard = False
    usage: Any = None
    model = call.model
    try:
        async for chunk in response:
            model = chunk.model or model
            usage = getattr(chunk, "usage", None) or usage
            text = chunk.choices[0].delta.content if chunk.choices else None
            if text:
                heard = True
                yield text
    except Exception as error:
        raise _cut_off(litellm, call.model, error, heard=heard) from error
    finally:
        await response.aclose()
    if response.received_finish_reason is None:
        raise _cut_off(litellm, call.model, None, heard=heard)
    yield _completion(litellm, call, model, response, usage, warnings)


def _cut_off(litellm: Any, model: str, error: Exception | None, *, heard: bool) -> ProviderError:
    said = f" ({refusal(litellm, model, error).failure.message})" if error is not None else ""
    kept = "The text so far is kept. " if heard else ""
    return ProviderError(
        "incomplete_stream",
        f"The answer of {model} broke off before its end{said}. {kept}It may have been billed, so it was not asked"
        " again; call again to pay for a new answer.",
        retryable=True,
    )


def _completion(
    litellm: Any, call: Call, model: str, response: Any, usage: Any, warnings: list[str]
) -> Completion:
    counted = None if usage is None else _usage(usage)
    notes = list(warnings)
    if counted is not None and all(getattr(chunk, "usage", None) is None for chunk in response.chunks):
        notes.append("The provider counted no tokens; usage and cost are LiteLLM's estimate.")
    reason = str(response.received_finish_reason)
    if reason == "length":
        notes.append("The answer was cut at its token limit (finish_reason `length`).")
    return Completion(model, reason, counted, _cost(litellm, call.model, usage), tuple(notes))


def _usage(usage: Any) -> Usage:
    asked = getattr(usage, "prompt_tokens_details", None)
    answered = getattr(usage, "completion_tokens_details", None)
    return Usage(
        input_tokens=usage.prompt_tokens or 0,
        output_tokens=usage.completion_tokens or 0,
        cached_input_tokens=getattr(asked, "cached_tokens", None),
        reasoning_tokens=getattr(answered, "reasoning_tokens", None),
    )


def _cost(litellm: Any, model: str, usage: Any) -> float | None:
    if usage is None:
        return None
    try:
        return sum(litellm.cost_per_token(model=model, usage_object=usage))
    except Exception:  # noqa: BLE001  # LiteLLM raises a plain Exception for a model whose price it does not know
        return None
