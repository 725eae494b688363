"""What LiteLLM raises, as our errors: one table, applied once.

LiteLLM's classes blur what the provider said (a 503 of Anthropic comes out as 500, a 403 of OpenAI as APIError) and
give a status to failures that had none (500 when the connection broke). So only the provider's own HTTP answer, found
in the chain of causes, counts as one; the class is looked at second.
"""

import ast
import difflib
import json
import os
import re
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any, cast

from longcall.clock import Clock
from longcall.errors import ProviderError
from longcall.text import clip

_BY_STATUS: dict[int, tuple[str, bool]] = {
    400: ("rejected", False),
    401: ("no_access", False),
    402: ("quota", False),
    403: ("no_access", False),
    404: ("unknown_model", False),
    408: ("timeout", True),
    409: ("conflict", True),
    413: ("too_large", False),
    422: ("rejected", False),
    429: ("rate_limit", True),
    504: ("timeout", True),
}
"""Status → our code, and whether asking again may help. Anything from 500 on is `unavailable`, and may."""
_BY_CLASS: dict[str, tuple[str, bool]] = {
    "ContextWindowExceededError": ("context_window", False),
    "ContentPolicyViolationError": ("content_policy", False),
    "UnsupportedParamsError": ("rejected", False),
}
_SENTENCES: dict[str, str] = {
    "no_access": "refused the key or the model",
    "conflict": "had a conflict",
    "context_window": "cannot take a prompt this long; shorten it or choose a model with a larger window",
    "content_policy": "refused on grounds of its content policy",
    "disconnected": "closed the connection without an answer; the request may have been billed",
    "failed": "could not be asked, for a reason that LiteLLM does not tell; the request may have been billed",
    "quota": "has no quota or credit left for this key",
    "rate_limit": "is rate limited",
    "rejected": "rejected the request",
    "timeout": "did not answer in time; the request may have been billed",
    "too_large": "found the request too large",
    "unavailable": "is unavailable",
    "unknown_model": "does not know this model",
    "unreachable": "could not be reached",
}
_MAY_BE_BILLED = frozenset({"timeout", "disconnected", "failed"})
_NEVER_CONNECTED = frozenset({
    "ConnectError", "ConnectTimeout", "ClientConnectorError", "ConnectionTimeoutError", "ConnectionRefusedError",
    "gaierror",
})  # fmt: skip
"""Any of these in the chain of causes proves that nothing was sent."""
_BROKE = frozenset({"TransportError", "ClientError", "OSError"})
"""What httpx, aiohttp and Python raise when a connection breaks, by base class."""
_TOO_LONG = re.compile(
    r"maximum context length|context[ _](?:window|length)|prompt is too long|input token count.*exceeds", re.IGNORECASE
)
_PREFIX = re.compile(r"(?:litellm\.\w+: |\w+(?:Error|Exception)(?: \w+)?(?: - |: )|Timeout Error: )+")
_SUFFIX = re.compile(r"\s*(?:Original exception: |Handle with `litellm|\nTraceback).*", re.DOTALL)
_SECRET = re.compile(r"\b(?:sk|pk|rk|key|AIza|gsk|ghp|hf|xai)[-_][-_*.\w]{6,}|\bAIza[-_\w]{10,}|Bearer\s+\S+")
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_HIDDEN: set[str] = set()
_OTHER_LOGINS = frozenset({"azure", "azure_ai", "bedrock", "sagemaker", "vertex_ai", "watsonx", "databricks", "oci"})
"""Providers that can log in by other means than one key in the environment."""
_OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "cohere": ("CO_API_KEY",),
    "cohere_chat": ("CO_API_KEY",),
    "huggingface": ("HF_TOKEN",),
    "nvidia_nim": ("NVIDIA_API_KEY",),
    "openrouter": ("OR_API_KEY",),
    "perplexity": ("PERPLEXITY_API_KEY",),
    "together_ai": ("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_AI_TOKEN"),
    "vercel_ai_gateway": ("VERCEL_OIDC_TOKEN",),
    "volcengine": ("ARK_API_KEY",),
}
"""Variables that LiteLLM takes a key from, but does not look at when it is asked what is missing."""
_NEED_A_KEY = frozenset({"anthropic", "gemini", "openai"})
"""Providers that LiteLLM does not ask without a key, wherever their base URL points."""


def refusal(litellm: Any, model: str, error: Exception) -> ProviderError:
    """Returns what it means that a request was answered by `error` instead of a stream."""
    error = _unwrapped(error)
    status = _status(error)
    said = told(error)
    code, retryable = _classify(litellm, error, status, said)
    message = f"{model} {_SENTENCES[code]}" + (f" (HTTP {status})" if status else "") + f": {said}"
    if code == "unknown_model":
        message += _suggestion(litellm, model)
    if code == "unreachable":
        message = f"{message.rstrip('.')}. Look at the network, and at the provider's address if you set one."
    refused = code not in _MAY_BE_BILLED
    return ProviderError(code, message, retryable=retryable, refused=refused, retry_after=_retry_after(error))


def line_refusal(model: str, status: int, said: str) -> ProviderError:
    """Returns what it means that one request of a batch was answered with an HTTP error status."""
    code, retryable = _of_status(status, said)
    refused = code not in _MAY_BE_BILLED
    return ProviderError(
        code, f"{model} {_SENTENCES[code]} (HTTP {status}): {said}", retryable=retryable, refused=refused
    )


def was_turned_away(error: Exception) -> bool:
    """Whether `error` proves that no answer ever began: an HTTP error status, or no connection at all."""
    error = _unwrapped(error)
    return _response(error) is not None or _has(error, _NEVER_CONNECTED)


def told(error: Exception) -> str:
    """Returns what a provider said, in its own words, short and without keys."""
    text = _SUFFIX.sub("", str(_unwrapped(error)))
    text = text[match.end() :] if (match := _PREFIX.match(text)) else text
    return redact(clip(_said_in_json(text) or _said_in_body(error) or text.strip() or type(error).__name__, 400))


def _unwrapped(error: Exception) -> Exception:
    """Returns what went wrong first, where LiteLLM wrapped it because the stream object was already there."""
    original = getattr(error, "original_exception", None)
    return original if isinstance(original, Exception) else error


def _classify(litellm: Any, error: Exception, status: int | None, said: str) -> tuple[str, bool]:
    by_class = _BY_CLASS.get(type(error).__name__)
    if by_class is not None:
        return by_class
    if status is None:
        return _classify_unanswered(litellm, error)
    if status == 429 and "insufficient_quota" in str(error):
        return "quota", False
    return _of_status(status, said)


def _of_status(status: int, said: str) -> tuple[str, bool]:
    if status in (400, 413) and _TOO_LONG.search(said):
        return _BY_CLASS["ContextWindowExceededError"]
    return _BY_STATUS.get(status) or (("unavailable", True) if status >= 500 else ("rejected", False))


def _classify_unanswered(litellm: Any, error: Exception) -> tuple[str, bool]:
    if _has(error, _NEVER_CONNECTED):
        return "unreachable", True
    if isinstance(error, litellm.Timeout):
        return "timeout", True
    return ("disconnected", True) if _has(error, _BROKE) else ("failed", False)


def _status(error: Exception) -> int | None:
    """Returns the HTTP status that was really received, or that LiteLLM gave a request it did not send.

    A connection that broke has none, though LiteLLM calls it 500, and its own time-out 408.
    """
    response = _response(error)
    if response is not None:
        return response.status_code
    status = getattr(error, "status_code", None)
    is_local = isinstance(status, int) and 400 <= status < 500 and status != 408
    return status if is_local and not _has(error, _BROKE) else None


def _response(error: BaseException) -> Any:
    """Returns the provider's HTTP answer that stands in the chain of causes, if any does."""
    for link in _chain(error):
        if "HTTPStatusError" in _names(link):
            return cast("Any", link).response
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(12):
        if link is None:
            return
        yield link
        link = link.__cause__ or link.__context__


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _has(error: BaseException, names: frozenset[str]) -> bool:
    return any(not names.isdisjoint(_names(link)) for link in _chain(error))


def _said_in_json(text: str) -> str | None:
    """Returns the `message` of the JSON body that `text` holds, plain or as the repr of bytes."""
    quoted = re.search(r"""b(['"]).*\1""", text, re.DOTALL)
    try:
        if quoted:
            text = ast.literal_eval(quoted[0]).decode()
        body: Any = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except (ValueError, SyntaxError, AttributeError):
        return None
    inner: Any = body.get("error", body)
    message: Any = cast("dict[str, Any]", inner).get("message") if isinstance(inner, dict) else inner
    return message if isinstance(message, str) else None


def _said_in_body(error: Exception) -> str | None:
    """Returns the `message` of the body that OpenAI's library has parsed, where LiteLLM lets its errors through."""
    body: Any = getattr(error, "body", None)
    message: Any = cast("dict[str, Any]", body).get("message") if isinstance(body, dict) else None
    return message if isinstance(message, str) else None


def _retry_after(error: Exception) -> float | None:
    """Returns the seconds that the provider asks us to wait; its header holds seconds or a date."""
    response = _response(error)
    wanted = response.headers.get("retry-after") if response is not None else None
    if not wanted:
        return None
    try:
        return max(0.0, float(wanted))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(wanted).timestamp() - Clock().wall() / 1000)
    except ValueError:
        return None


def hide(variables: Iterable[str]) -> None:
    """Has the values of variables taken for keys although their names do not say so."""
    _HIDDEN.update(variables)


def redact(text: str) -> str:
    """Returns `text` without anything that is, or looks like, a key."""
    secret = {name for name in os.environ if name in _HIDDEN or _SECRET_NAME.search(name)}
    values = {value for name in secret if len(value := os.environ[name]) >= 8}
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "[redacted]")
    return _SECRET.sub("[redacted]", text)


def unknown_model(litellm: Any, model: str, *, is_own: bool = False) -> ProviderError:
    """Returns the error for a name that no provider claims, with the nearest known names.

    `is_own` when the operator gave the provider an address, so that only whose API it speaks is not known.
    """
    if is_own:
        name = model.partition("/")[0]
        return ProviderError(
            "unknown_model",
            f"How to ask {model!r} is not known: [providers.{name}] in longcall.toml says no `kind`. Set it there, for"
            ' example kind = "openai" for a server that speaks OpenAI\'s API.',
        )
    return ProviderError(
        "unknown_model",
        f"No provider is known for the model {model!r}; names look like provider/model.{_suggestion(litellm, model)}",
    )


def _suggestion(litellm: Any, model: str) -> str:
    near: list[str] = difflib.get_close_matches(model, list(litellm.model_cost), n=3, cutoff=0.7)
    near = [name for name in near if name != model]
    return f" Did you mean {' or '.join(near)}?" if near else " list_models shows what is known here."


def missing_key(litellm: Any, model: str, provider: str) -> ProviderError | None:
    """Returns the error for a provider whose key is not in the environment, where that is certain."""
    if provider in _OTHER_LOGINS or any(os.environ.get(name) for name in _OTHER_NAMES.get(provider, ())):
        return None
    if provider not in _NEED_A_KEY and os.environ.get(f"{provider.upper()}_API_BASE"):
        return None  # a server of one's own may want none
    found = litellm.validate_environment(model=model)
    missing = [name for name in found["missing_keys"] if name.endswith(("_API_KEY", "_API_TOKEN"))]
    if found["keys_in_environment"] or not missing or len(missing) != len(found["missing_keys"]):
        return None
    return ProviderError(
        "no_key",
        f"There is no key for {provider}: set {' or '.join(missing)} in the `env` of longcall's entry in your MCP host"
        " (or in the shell, for the command line), then attach it again.",
    )
