"""Any model that LiteLLM reaches. The only file that knows LiteLLM.

Right on 1.106.2 and 1.109.1, which differ: up to 1.108.11 LiteLLM calls a stream that was cut off complete and invents
its finish reason (BerriAI/litellm#40260, #42085), so the reason that was really received is checked here.
"""

import gc
import logging
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from types import ModuleType
from typing import Any

import anyio
import anyio.to_thread

from longcall.call import Call
from longcall.errors import ProviderError
from longcall.models import Completion
from longcall.providers import Event, Handle, Provider, Sending, Talk, litellm_background
from longcall.providers.batch import Line
from longcall.providers.batch_handle import place_of
from longcall.providers.batches import Batches
from longcall.providers.endpoints import Endpoint, Endpoints
from longcall.providers.litellm_batch import LiteLLMWire, body_of, cannot_batch, told
from longcall.providers.litellm_chat import request
from longcall.providers.litellm_completion import own_cost
from longcall.providers.litellm_errors import missing_key, unknown_model
from longcall.providers.litellm_schema import constraint, in_words
from longcall.providers.thread import LoopThread
from longcall.settings import PriceSettings, ProviderSettings

log = logging.getLogger(__name__)

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
_GEMINI = frozenset({"gemini", "vertex_ai", "vertex_ai_beta"})
_OPTIONS = ("reasoning_effort", "max_tokens", "temperature")
"""In the order in which they are tried: some models take a temperature only beside certain efforts."""


def load_litellm() -> ModuleType:
    """Imports LiteLLM, quiet and offline. Takes seconds; call it in a thread."""
    os.environ.update(_BEFORE_IMPORT)
    gc.disable()  # thousands of classes are built, none is garbage: a fifth of the import time
    try:
        import litellm  # noqa: PLC0415  # it must find the settings above, and only workers pay for it
    finally:
        gc.enable()
    gc.freeze()
    _mend_resets()
    litellm.suppress_debug_info = True
    litellm.disable_token_counter = True  # what the provider did not count stays unknown; the tokeniser takes 36 MiB
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.StreamHandler(sys.stderr)]  # its own handler writes to stdout
        logger.setLevel(logging.WARNING)
    return litellm


def _mend_resets() -> None:
    """Keeps LiteLLM from sending a request again whose connection was reset: it may have been received, and paid.

    Up to 1.106.2 LiteLLM takes any reset for a connection that never came about; from 1.109.1 on it does as here.
    """
    try:
        mapped = import_module("litellm.llms.custom_httpx.aiohttp_transport").AIOHTTP_EXC_MAP
        mapped[import_module("aiohttp").ClientOSError] = import_module("httpx").ReadError
    except (ImportError, AttributeError, TypeError) as error:
        log.warning("a request may be sent twice by this LiteLLM when its connection is reset: %s", error)


@cache
def _mend_gemini() -> None:
    """Makes Gemini streams tell their end: LiteLLM invents the reason `stop` for every piece that has none."""
    try:
        module = import_module("litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini")
        parse = module.ModelResponseIterator.chunk_parser
    except (ImportError, AttributeError) as error:
        log.warning("a Gemini stream that is cut off may be taken for complete with this LiteLLM: %s", error)
        return

    def chunk_parser(self: Any, chunk: dict[str, Any]) -> Any:
        parsed = parse(self, chunk)
        if parsed is not None and not any(candidate.get("finishReason") for candidate in chunk.get("candidates") or ()):
            for choice in parsed.choices:
                if choice.finish_reason == "stop":
                    choice.finish_reason = None
        return parsed

    module.ModelResponseIterator.chunk_parser = chunk_parser


class LiteLLMProvider(Provider):
    """Answers through LiteLLM, on a loop of its own; see `longcall.providers.Provider`."""

    def __init__(
        self,
        thread: LoopThread,
        providers: Mapping[str, ProviderSettings] | None = None,
        prices: Mapping[str, PriceSettings] | None = None,
        *,
        batch_poll_s: float = 60.0,
    ) -> None:
        self._thread = thread
        self._endpoints = Endpoints(providers or {}, os.environ)
        self._prices = prices or {}
        """The operator's own."""
        self._loading = anyio.Lock()
        self._litellm: Any = None
        self._wire = LiteLLMWire(thread, self.load, self._endpoints)
        self._batches = Batches(self._wire, batch_poll_s)
        self.run_batches = self._batches.run
        """Sees to batches until cancelled; calls that are asked in batches wait for it."""

    async def load(self) -> Any:
        """Returns LiteLLM, imported in the background by whoever needs it first."""
        async with self._loading:
            if self._litellm is None:
                self._litellm = await anyio.to_thread.run_sync(load_litellm)
        return self._litellm

    def stream(self, call: Call, sending: Sending) -> AsyncGenerator[Event]:
        """Sends one request through LiteLLM, without LiteLLM's own retries.

        Raises:
            ProviderError: with the code that `litellm_errors` gives the provider's answer.
        """
        return self._ask(call, None, sending)

    def turn(self, call: Call, talk: Talk, sending: Sending) -> AsyncGenerator[Event]:
        """Sends one request with tools; see `longcall.providers.ToolUser`.

        Raises:
            ProviderError: as `stream`; `rejected` for a model that takes no tools.
        """
        return self._ask(call, talk, sending)

    async def _ask(self, call: Call, talk: Talk | None, sending: Sending) -> AsyncGenerator[Event]:
        litellm = await self.load()
        endpoint = self._endpoints.of(call, litellm)
        arguments, warnings = await anyio.to_thread.run_sync(_arguments, litellm, call, endpoint, talk)
        if call.response_schema is not None and "response_format" not in arguments:
            call = in_words(call)
        if call.urgency == "batch":
            target, body = await anyio.to_thread.run_sync(body_of, litellm, call, endpoint, arguments)
            async with aclosing(_heard(litellm, call, self._batches.ask(target, body, sending), warnings)) as events:
                async for event in events:
                    yield event
            return
        turns = talk.turns if talk is not None else ()
        chat = partial(request, turns=turns, endpoint=endpoint.arguments)
        ask = partial(litellm_background.request, where=endpoint.where) if call.background else chat
        stream = self._thread.relay(partial(ask, litellm, call, arguments, warnings), sending)
        async with aclosing(stream) as events:
            async for event in events:
                yield self._priced(call, event)

    async def resume(self, call: Call, handle: Handle) -> AsyncGenerator[Event]:
        """Fetches an answer that the provider keeps; closing the generator cancels the work there.

        Raises:
            ProviderError: it failed there, or is not kept any more.
        """
        if (place := place_of(handle)) is not None:
            answer = self._batches.fetch(place, call.model)
            async with aclosing(_heard(await self.load(), call, answer, [])) as events:
                async for event in events:
                    yield event
            return
        begun = False

        async def begin() -> None:
            nonlocal begun
            begun = True

        try:
            litellm = await self.load()
            where = self._endpoints.of(call, litellm).where
            stream = self._thread.relay(partial(litellm_background.fetch, litellm, call, handle, where), begin)
            async with aclosing(stream) as events:
                async for event in events:
                    yield self._priced(call, event)
        except (anyio.get_cancelled_exc_class(), GeneratorExit):
            if not begun:  # nobody over there knows of it yet, and the provider would work and bill on
                with anyio.CancelScope(shield=True):
                    litellm = await self.load()
                    where = self._endpoints.of(call, litellm).where
                    await self._thread.run(partial(litellm_background.cancel, litellm, handle, where))
            raise

    def listed(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns the prices that LiteLLM knows; none before it was loaded."""
        return {} if self._litellm is None else self._litellm.model_cost

    def _priced(self, call: Call, event: Event) -> Event:
        """Returns a completion with its cost at the operator's own price, where there is one."""
        price = self._prices.get(call.model)
        if price is None or not isinstance(event, Completion) or event.usage is None:
            return event
        return replace(event, cost_usd=own_cost(price, event.usage))

    async def aclose(self) -> None:
        """Closes LiteLLM's connections."""
        await self._wire.aclose()
        if self._litellm is not None:
            await self._thread.run(_close_clients)


async def _heard(
    litellm: Any, call: Call, answer: AsyncGenerator[Handle | Line], warnings: list[str]
) -> AsyncGenerator[Event]:
    """Yields what comes of a request in a batch, its answer in our words."""
    async with aclosing(answer) as events:
        async for event in events:
            for said in [event] if isinstance(event, Handle) else told(litellm, call, event, warnings):
                yield said


async def _close_clients() -> None:
    # Only after load_litellm; by name, since LiteLLM types no part of this module.
    await import_module("litellm.llms.custom_httpx.async_client_cleanup").close_litellm_async_clients()


def _arguments(litellm: Any, call: Call, endpoint: Endpoint, talk: Talk | None) -> tuple[dict[str, Any], list[str]]:
    """Returns what goes to LiteLLM, and what had to be left out, in words."""
    try:
        model, provider, _, _ = litellm.get_llm_provider(model=endpoint.model)
    except Exception as error:
        raise unknown_model(litellm, call.model, is_own="api_base" in endpoint.arguments) from error
    if complaint := _complaint(litellm, call, endpoint, model, provider):
        raise complaint
    if provider in _GEMINI:
        _mend_gemini()
    arguments = constraint(litellm, call, model, provider)
    if talk is not None:
        arguments |= _tools(litellm, call, talk, model, provider)
    warnings: list[str] = []
    for name in _OPTIONS:
        value = getattr(call, name)
        if value is None:
            continue
        options = arguments | {name: value}
        taken = _is_taken(litellm, model, provider, options)
        if taken and (not call.background or litellm_background.is_taken(litellm, model, options)):
            arguments = options
        else:
            warnings.append(f"{call.model} does not take `{name}` {value}; it was not sent.")
    return arguments, warnings


def _tools(litellm: Any, call: Call, talk: Talk, model: str, provider: str) -> dict[str, Any]:
    tools: dict[str, Any] = {"tools": list(talk.tools)}
    if not _is_taken(litellm, model, provider, tools):
        raise ProviderError("rejected", f"{call.model} takes no tools; name another model, or no `servers`.")
    last = tools | {"tool_choice": "none"}
    return last if talk.must_answer and _is_taken(litellm, model, provider, last) else tools


def _complaint(litellm: Any, call: Call, endpoint: Endpoint, model: str, provider: str) -> ProviderError | None:
    if "api_key" not in endpoint.arguments and (complaint := missing_key(litellm, endpoint.model, provider)):
        return complaint
    if call.background and (call.servers or call.mcp_config):
        return ProviderError("rejected", "A call in the `background` can be handed no tools; leave either out.")
    if call.urgency == "batch":
        return cannot_batch(call, model, provider)
    if not call.background:
        return None
    if "/" in call.model and endpoint.model != call.model:
        return ProviderError(
            "rejected", f"{call.model} is at a server of your own, which keeps no answers in the background."
        )
    return litellm_background.cannot_keep(call, model, provider)


def _is_taken(litellm: Any, model: str, provider: str, options: dict[str, Any]) -> bool:
    try:
        litellm.utils.get_optional_params(model=model, custom_llm_provider=provider, drop_params=False, **options)
    except litellm.UnsupportedParamsError:
        return False
    except Exception:  # noqa: BLE001  # whatever else it finds wrong, the request itself will tell
        return True
    return True
