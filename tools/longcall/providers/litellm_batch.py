"""Batches on the wire: OpenAI's files and batches, and what their lines say.

Source: developers.openai.com/docs/guides/batch; a file holds requests to one model. LiteLLM words the requests, and
OpenAI's own library, on which LiteLLM stands, carries them: LiteLLM would open a client for each look at a batch and
close none, and would read all answers once more to log them.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from operator import attrgetter
from typing import Any, cast

import anyio
import anyio.to_thread

from longcall.call import Call
from longcall.errors import ProviderError
from longcall.providers import Event
from longcall.providers.batch import Line, Seen, Target, expired
from longcall.providers.endpoints import Endpoint, Endpoints
from longcall.providers.litellm_completion import completion
from longcall.providers.litellm_errors import line_refusal, redact, refusal
from longcall.providers.thread import LoopThread
from longcall.routing import BATCHING
from longcall.text import clip

log = logging.getLogger(__name__)

_ENDPOINT = "/v1/chat/completions"
_RESPONSES_ONLY = "responses/"
"""LiteLLM's mark for a model that it asks by the Responses interface."""
_MARK = "longcall"
"""The name of our token in a batch's metadata."""
_UPLOAD_S = 900.0
_ASK_S = 60.0
_READ_S = 900.0
_PAGE = 100
_PAGES = 20
"""Pages of batches, newest first, in which one is looked for."""
_NO_REQUEST = ("stream", "stream_options", "extra_body", "max_retries")
"""What LiteLLM's options hold beside the request itself."""


def cannot_batch(call: Call, model: str, provider: str) -> ProviderError | None:
    """Returns the error for a model that nobody asks in batches."""
    if provider in BATCHING and not model.startswith(_RESPONSES_ONLY):
        return None
    return ProviderError(
        "rejected",
        f"{call.model} cannot be asked with `urgency` batch: only chat models of {' and '.join(BATCHING)} can. Leave"
        " `urgency` out, or name another model.",
    )


def body_of(litellm: Any, call: Call, endpoint: Endpoint, arguments: Mapping[str, Any]) -> tuple[Target, bytes]:
    """Returns who is asked, and the request as LiteLLM would send it now, as JSON."""
    model, provider, _, _ = litellm.get_llm_provider(model=endpoint.model)
    mapped: dict[str, Any] = litellm.utils.get_optional_params(
        model=model, custom_llm_provider=provider, drop_params=True, **arguments
    )
    options = {name: value for name, value in mapped.items() if name not in _NO_REQUEST}
    options |= _fields(mapped.get("extra_body"))
    messages = [message.model_dump() for message in call.messages]
    config = litellm.utils.ProviderConfigManager.get_provider_chat_config(model, litellm.LlmProviders(provider))
    body = config.transform_request(model, messages, options, {}, {})
    return Target(provider, call.model), json.dumps(body, ensure_ascii=False).encode()


class LiteLLMWire:
    """See `longcall.providers.batches.Wire`."""

    def __init__(self, thread: LoopThread, load: Callable[[], Awaitable[Any]], endpoints: Endpoints) -> None:
        self._thread = thread
        self._load = load
        self._endpoints = endpoints
        self._clients: dict[tuple[Any, Any], Any] = {}
        """By address and key."""

    async def aclose(self) -> None:
        """Closes the connections."""
        for client in self._clients.values():
            await self._thread.run(client.close)

    async def upload(self, target: Target, bodies: Mapping[int, bytes]) -> str:
        """Uploads the requests as one file.

        Raises:
            ProviderError: it was not taken. That costs nothing, so that it may be tried again.
        """
        content = await anyio.to_thread.run_sync(_file, bodies)
        file = ("longcall.jsonl", content, "application/jsonl")
        try:
            return (await self._ask("files.create", target, _UPLOAD_S, file=file, purpose="batch")).id
        except ProviderError as error:
            if error.failure.code == "unknown_model":
                raise _takes_none(target) from error
            raise error.anew(refused=True) from error

    async def create(self, target: Target, file: str, token: str) -> Seen:
        """Makes the batch; `metadata` holds the token."""
        try:
            batch = await self._ask(
                "batches.create",
                target,
                _ASK_S,
                completion_window="24h",
                endpoint=_ENDPOINT,
                input_file_id=file,
                metadata={_MARK: token},
            )
        except ProviderError as error:
            if error.failure.code == "unknown_model":
                raise _takes_none(target) from error
            raise
        return _seen(batch)

    async def find(self, target: Target, token: str) -> Seen | None:
        """Looks through the newest batches."""
        after: str | None = None
        for _ in range(_PAGES):
            since = {"after": after} if after else dict[str, str]()
            page = await self._ask("batches.list", target, _ASK_S, limit=_PAGE, **since)
            for batch in page.data:
                if _fields(batch.metadata).get(_MARK) == token:
                    return _seen(batch)
            if not page.data or not page.has_more:
                return None
            after = page.data[-1].id
        return None

    async def look(self, target: Target, batch: str) -> Seen:
        """Returns the batch as it is now.

        Raises:
            ProviderError: `lost` where the provider does not know it.
        """
        try:
            return _seen(await self._ask("batches.retrieve", target, _ASK_S, batch_id=batch))
        except ProviderError as error:
            if error.failure.code != "unknown_model":
                raise
            message = f"The provider does not know the batch {batch} any more (HTTP 404). It may have been billed."
            raise ProviderError("lost", message) from error

    async def read(self, target: Target, files: tuple[str, ...]) -> Mapping[str, Line]:
        """Reads the lines of the files."""
        lines: dict[str, Line] = {}
        for file in files:
            content = await self._ask("files.content", target, _READ_S, file_id=file)
            lines |= await anyio.to_thread.run_sync(_lines, content.content)
        return lines

    async def cancel(self, target: Target, batch: str) -> None:
        """Cancels the batch."""
        await self._ask("batches.cancel", target, _ASK_S, batch_id=batch)

    async def _ask(self, function: str, target: Target, seconds: float, **arguments: Any) -> Any:
        litellm = await self._load()

        async def ask() -> Any:
            client = self._at(self._endpoints.resolved(litellm, target.model))
            with anyio.fail_after(seconds):
                return await attrgetter(function)(client)(timeout=seconds, **arguments)

        try:
            return await self._thread.run(ask)
        except Exception as error:
            raise refusal(litellm, target.model, error) from error

    def _at(self, endpoint: Endpoint) -> Any:
        where = (endpoint.arguments.get("api_base"), endpoint.arguments.get("api_key"))
        if where not in self._clients:
            self._clients[where] = _client(endpoint)
        return self._clients[where]


def _client(endpoint: Endpoint) -> Any:
    # LiteLLM has imported it, and knows whose key it is to be, and where.
    own = {name: value for name, value in endpoint.arguments.items() if name in ("api_base", "api_key")}
    found = import_module("litellm.llms.openai.common_utils").get_openai_credentials(**own)
    return import_module("openai").AsyncOpenAI(
        api_key=found.api_key, base_url=found.api_base, organization=found.organization, max_retries=0
    )


def told(litellm: Any, call: Call, line: Line, warnings: list[str]) -> list[Event]:
    """Returns the text and the completion that a line of a batch holds.

    Raises:
        ProviderError: it holds an error, or cannot be read.
    """
    answered: Mapping[str, Any] = line.get("response") or {}
    body: Any = answered.get("body")
    if line.get("error") or answered.get("status_code") != 200:
        raise _failure(call, line.get("error"), answered.get("status_code"), body)
    try:
        choice = body["choices"][0]
        text = choice["message"].get("content") or choice["message"].get("refusal") or ""
        usage = litellm.Usage(**body["usage"]) if body.get("usage") else None
        model, reason = body.get("model") or call.model, choice.get("finish_reason") or "unknown"
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        message = f"What {call.model} answered in the batch cannot be read; it has been billed all the same."
        raise ProviderError("lost", message) from error
    ended = completion(litellm, call, model=model, reason=reason, usage=usage, has_text=bool(text), warnings=warnings)
    return [text, ended] if text else [ended]


def _failure(call: Call, error: Any, status: Any, body: Any) -> ProviderError:
    inner = _fields(error) or _fields(_fields(body).get("error"))
    if inner.get("code") == "batch_expired":
        return expired(call.model)
    said = redact(clip(str(inner.get("message") or inner.get("code") or "the provider does not say why"), 400))
    return line_refusal(call.model, status if isinstance(status, int) else 400, said)


def _fields(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _seen(batch: Any) -> Seen:
    files = tuple(file for file in (batch.output_file_id, batch.error_file_id) if file)
    counts = batch.request_counts
    done = counts.completed + counts.failed if counts else 0
    told = "; ".join(str(error.message) for error in (batch.errors.data or ())) if batch.errors else ""
    # Between its end and the coming of its files a batch is not to be had yet.
    state = "finalizing" if batch.status == "completed" and done and not files else batch.status
    words = f", {done} of {counts.total} done" if counts and counts.total else ""
    return Seen(batch.id, state, files, words, redact(clip(told, 400)))


def _file(bodies: Mapping[int, bytes]) -> bytes:
    line = b'{"custom_id": "%d", "method": "POST", "url": "%s", "body": %s}\n'
    return b"".join(line % (number, _ENDPOINT.encode(), body) for number, body in bodies.items())


def _lines(content: bytes) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for raw in content.splitlines():
        try:
            line = _fields(json.loads(raw))
            lines[str(line["custom_id"])] = line
        except (ValueError, KeyError):
            log.warning("a line of a batch's answers cannot be read")
    return lines


def _takes_none(target: Target) -> ProviderError:
    return ProviderError(
        "rejected",
        f"The server at which {target.model} is asked takes no batches (HTTP 404). Leave `urgency` out.",
        refused=True,
    )
