"""Claude through a proxy elsewhere: another longcall's, or the predecessor's, that LONGCALL_CLAUDE_PROXY_URL names.

It speaks OpenAI's chat completions over HTTP, streamed where the proxy streams. Not LiteLLM, which takes an answer that
comes whole, as the predecessor's do, for a stream that was cut off, and drops what a longcall tells beside the answer.
"""

import json
import logging
import ssl
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.to_thread

from longcall.call import Call
from longcall.errors import ProviderError
from longcall.models import Completion, Usage
from longcall.providers import Event, Provider, Sending
from longcall.providers.claude_errors import cannot_keep
from longcall.providers.litellm_errors import redact
from longcall.providers.litellm_schema import in_words
from longcall.text import clip

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)
TOKEN = "LONGCALL_CLAUDE_PROXY_TOKEN"  # noqa: S105  # the variable's name
_PATH = "/v1/chat/completions"
_CONNECT_S = 10.0
_CANCEL_S = 5.0
_TASK = "x-longcall-task-id"
_STATUSES: Mapping[int, tuple[str, bool]] = {
    400: ("rejected", False),
    401: ("no_access", False),
    403: ("no_access", False),
    404: ("unknown_model", False),
    408: ("timeout", True),
    413: ("too_large", False),
    422: ("rejected", False),
    429: ("rate_limit", True),
    503: ("unavailable", True),
    504: ("timeout", True),
}
"""The proxy's status → our code, and whether asking again may help."""
_TURNED_AWAY = frozenset({400, 401, 403, 404, 413, 429, 503})
"""Statuses that prove that Claude was not asked. Of others nobody knows: the predecessor has 500 for every failure."""
_KEPT = frozenset({
    "content_policy", "context_window", "crashed", "disconnected", "incomplete_stream", "interrupted", "not_installed",
    "not_logged_in", "quota", "unreachable", "usage_limit",
})  # fmt: skip
"""Codes of another longcall's that say more than its status."""


class ClaudeProxyProvider(Provider):
    """Answers `max/…` models by asking a proxy; see `longcall.providers.Provider`."""

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        self._url = url
        token = environ.get(TOKEN)
        # What another longcall is told by Via: to name its task at once, and not to pass the call on in a circle.
        self._headers = {"Via": "1.1 longcall", **({"Authorization": f"Bearer {token}"} if token else {})}
        self._tls: ssl.SSLContext | None = None

    async def stream(self, call: Call, sending: Sending) -> AsyncGenerator[Event]:
        """Sends one request to the proxy; closing the generator cancels the work there, if it is a longcall's.

        Raises:
            ProviderError: there is no complete answer; the code says why.
        """
        if call.background:
            raise cannot_keep(call.model)
        client = await anyio.to_thread.run_sync(self._client)
        heard = _Heard(call.model)
        try:
            async with client:
                await sending()
                async with client.stream("POST", self._url + _PATH, json=_body(call), headers=self._headers) as answer:
                    heard.task = answer.headers.get(_TASK)
                    async for text in _texts(answer, heard, is_watched=call.is_watched):
                        yield text
        except (anyio.get_cancelled_exc_class(), GeneratorExit):
            await self._cancel(heard.task)
            raise
        except Exception as error:
            if _is_transport(error):
                raise _unreached(self._url, heard, error) from error
            raise
        yield heard.completion()

    def _client(self) -> "httpx.AsyncClient":
        import httpx  # noqa: PLC0415  # only workers that ask a proxy pay for it

        if self._tls is None:
            self._tls = httpx.create_ssl_context()
        # No connection is used twice: one that the proxy was just closing would lose a request that may be paid for.
        limits = httpx.Limits(max_keepalive_connections=0)
        timeout = httpx.Timeout(None, connect=_CONNECT_S)
        return httpx.AsyncClient(verify=self._tls, limits=limits, timeout=timeout)

    async def _cancel(self, task: str | None) -> None:
        """Stops the work at another longcall, which goes on when its client hangs up."""
        if task is None:
            return
        with anyio.CancelScope(shield=True), anyio.move_on_after(_CANCEL_S):
            try:
                async with self._client() as client:
                    await client.post(f"{self._url}/v1/polling/cancel/{task}", headers=self._headers)
            except Exception as error:  # noqa: BLE001  # the task here is cancelled all the same
                log.warning("the work at %s could not be cancelled: %s", self._url, type(error).__name__)


def _body(call: Call) -> dict[str, Any]:
    asked = call if call.response_schema is None else in_words(call)
    body: dict[str, Any] = {
        "model": call.model,
        "messages": [message.model_dump() for message in asked.messages],
        "temperature": call.temperature,
        "max_tokens": call.max_tokens,
        "reasoning_effort": call.reasoning_effort,
        "stream": True,
        "stream_options": {"include_usage": True},
        "mcp_config": call.mcp_config,
    }
    if call.servers:
        body["mcp_config"] = {"mcpServers": {name: {} for name in call.servers}}
    if call.response_schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": call.response_schema},
        }
        body["retry"] = {"max_attempts": 1, "on_exhausted": "return_last"}  # it is checked, and asked again, here
    if (usd := call.policy.budget.usd) is not None:
        body["retry"] = {**body.get("retry", {}), "budget": {"usd": usd}}
    return {name: value for name, value in body.items() if value is not None}


class _Heard:
    """What an answer has told so far."""

    def __init__(self, model: str) -> None:
        self._asked = model
        self._told: dict[str, Any] = {}
        self.task: str | None = None
        self.began = False
        """Whether any of the answer came."""
        self.reason: str | None = None

    def take(self, part: dict[str, Any]) -> str:
        """Notes what a completion, or a part of one, tells, and returns its text."""
        self._told |= {name: part[name] for name in ("model", "usage", "longcall") if part.get(name)}
        choices: list[Any] = part.get("choices") or [None]
        choice = _object(choices[0])
        self.reason = choice.get("finish_reason") or self.reason
        said = _object(choice.get("delta") or choice.get("message"))
        text = str(said.get("content") or "")
        self.began = self.began or bool(text)
        return text

    def completion(self) -> Completion:
        """Returns how the answer ended.

        Raises:
            ProviderError: it did not.
        """
        if self.reason is None:
            raise _cut_off(self._asked)
        more = _object(self._told.get("longcall"))
        usage = _usage(_object(self._told.get("usage")))
        warnings = [] if usage else ["No tokens were counted; usage and cost are unknown."]
        told = [str(warning) for warning in more.get("warnings") or () if str(warning) not in warnings]
        model = str(self._told.get("model") or self._asked)
        return Completion(model, self.reason, usage, more.get("cost_usd"), (*told, *warnings))


async def _texts(answer: "httpx.Response", heard: _Heard, *, is_watched: bool) -> AsyncGenerator[str]:
    is_stream = answer.headers.get("content-type", "").startswith("text/event-stream")
    if answer.status_code >= 400 or not is_stream:
        body = _object(_parsed(await answer.aread()))
        if answer.status_code >= 400 or not body.get("choices"):
            raise _refusal(heard, answer.status_code, body, answer.headers.get("retry-after"))
        yield heard.take(body)
        return
    async for line in answer.aiter_lines():
        if not line.startswith("data:") or line.strip() == "data: [DONE]":
            continue
        part = _object(_parsed(line.removeprefix("data:")))
        if part.get("error"):
            raise _refusal(heard, int(part.get("status") or 500), part, part.get("retry_after"))
        if (text := heard.take(part)) or is_watched:
            yield text


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _usage(told: dict[str, Any]) -> Usage | None:
    """Returns the tokens; None when nobody counted: the predecessor says 0 then."""
    asked, answered = int(told.get("prompt_tokens") or 0), int(told.get("completion_tokens") or 0)
    if not asked and not answered:
        return None
    cached = _object(told.get("prompt_tokens_details")).get("cached_tokens")
    reasoning = _object(told.get("completion_tokens_details")).get("reasoning_tokens")
    return Usage(asked, answered, cached, reasoning)


def _refusal(heard: _Heard, status: int, body: dict[str, Any], retry_after: Any) -> ProviderError:
    error = _object(body.get("error"))
    code, retryable = _STATUSES.get(status, ("failed", False))
    said = error.get("message") or body.get("message") or body.get("detail") or body.get("error") or "no reason"
    if error.get("code") in _KEPT:
        code = str(error["code"])
    if heard.began:
        code, retryable = "incomplete_stream", True
    return ProviderError(
        code,
        f"The proxy for Claude answered with HTTP {status}: {redact(clip(' '.join(str(said).split()), 400))}",
        retryable=retryable,
        refused=status in _TURNED_AWAY and not heard.began,
        retry_after=float(retry_after) if str(retry_after or "").isdecimal() else None,
    )


def _is_transport(error: Exception) -> bool:
    import httpx  # noqa: PLC0415  # it has been imported by now

    return isinstance(error, httpx.HTTPError | httpx.StreamError)


def _unreached(url: str, heard: _Heard, error: Exception) -> ProviderError:
    import httpx  # noqa: PLC0415  # as above

    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        message = (
            f"The proxy for Claude at {url} cannot be reached. Start it there, or correct LONGCALL_CLAUDE_PROXY_URL."
        )
        return ProviderError("unreachable", message, retryable=True, refused=True)
    if heard.began:
        return _cut_off(url)
    message = f"The connection to the proxy for Claude at {url} was lost; the request may have been billed."
    return ProviderError("disconnected", message, retryable=True)


def _cut_off(who: str) -> ProviderError:
    message = f"The answer of {who} broke off before its end. What came is kept, and may have been billed."
    return ProviderError("incomplete_stream", message, retryable=True)
