"""What LiteLLM raises, as our errors: one table, applied once.

LiteLLM's classes blur what the provider said (a 503 of Anthropic comes out as 500, a 403 of OpenAI as APIError), so the
status of the original answer is looked at first and the class second.
"""

import difflib
import os
import re
from typing import Any

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
    "quota": "has no quota or credit left for this key",
    "rate_limit": "is rate limited",
    "rejected": "rejected the request",
    "timeout": "did not answer in time",
    "too_large": "found the request too large",
    "unavailable": "is unavailable",
    "unknown_model": "does not know this model",
    "disconnected": "closed the connection without an answer; the request may have been billed",
    "unreachable": "could not be reached",
}
_NEVER_CONNECTED = frozenset({
    "ConnectError", "ConnectTimeout", "ClientConnectorError", "ClientConnectorDNSError", "ConnectionRefusedError",
    "gaierror",
})  # fmt: skip
"""Any of these in the chain of causes proves that nothing was sent."""
_SECRET = re.compile(r"\b(?:sk|pk|rk|key|AIza|gsk|ghp|hf|xai)[-_][-_*.\w]{6,}|\bAIza[-_\w]{10,}|Bearer\s+\S+")
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
_OTHER_LOGINS = frozenset({"azure", "azure_ai", "bedrock", "sagemaker", "vertex_ai", "watsonx", "databricks", "oci"})
"""Providers that can log in by other means than one key in the environment."""


def refusal(litellm: Any, model: str, error: Exception) -> ProviderError:
    """Returns what it means that a request was answered by `error` instead of a stream."""
    status = _upstream_status(litellm, error)
    code, retryable = _classify(litellm, error, status)
    said = redact(clip(_core_text(error), 400))
    message = f"{model} {_SENTENCES[code]}" + (f" (HTTP {status})" if status else "") + f": {said}"
    if code == "unknown_model":
        message += _suggestion(litellm, model)
    refused = code not in ("timeout", "disconnected")
    return ProviderError(code, message, retryable=retryable, refused=refused, retry_after=_retry_after(error))


def _classify(litellm: Any, error: Exception, status: int | None) -> tuple[str, bool]:
    by_class = _BY_CLASS.get(type(error).__name__)
    if by_class is not None:
        return by_class
    if status is None:
        if not _NEVER_CONNECTED.isdisjoint(_chain(error)):
            return "unreachable", True
        return ("timeout", True) if isinstance(error, litellm.Timeout) else ("disconnected", True)
    if status == 429 and "insufficient_quota" in str(error):
        return "quota", False
    return _BY_STATUS.get(status) or (("unavailable", True) if status >= 500 else ("rejected", False))


def _upstream_status(litellm: Any, error: Exception) -> int | None:
    """Returns the HTTP status that was really received; None when no answer came.

    LiteLLM gives a refused connection status 500, and its own time-out 408, although nobody answered.
    """
    upstream = _status(error.__cause__ or error.__context__)
    if upstream is not None:
        return upstream
    silent = any("Connect" in name or "Timeout" in name for name in _chain(error))
    return None if silent or isinstance(error, litellm.Timeout) else _status(error)


def _status(error: BaseException | None) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _chain(error: BaseException) -> set[str]:
    names: set[str] = set()
    link: BaseException | None = error
    while link is not None and len(names) < 12:
        names.add(type(link).__name__)
        link = link.__cause__ or link.__context__
    return names


def _core_text(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text.removeprefix("litellm.").split("\nTraceback", 1)[0]


def _retry_after(error: Exception) -> float | None:
    headers = getattr(error, "litellm_response_headers", None) or {}
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, TypeError, ValueError):
        return None


def redact(text: str) -> str:
    """Returns `text` without anything that is, or looks like, a key."""
    for name, value in os.environ.items():
        if len(value) >= 8 and _SECRET_NAME.search(name):
            text = text.replace(value, "[redacted]")
    return _SECRET.sub("[redacted]", text)


def unknown_model(litellm: Any, model: str) -> ProviderError:
    """Returns the error for a name that no provider claims, with the nearest known names."""
    return ProviderError(
        "unknown_model",
        f"No provider is known for the model {model!r}; names look like provider/model.{_suggestion(litellm, model)}",
    )


def _suggestion(litellm: Any, model: str) -> str:
    near = difflib.get_close_matches(model, litellm.model_cost, n=3, cutoff=0.7)
    near = [name for name in near if name != model]
    return f" Did you mean {' or '.join(near)}?" if near else " list_models shows what is known here."


def missing_key(litellm: Any, model: str, provider: str) -> ProviderError | None:
    """Returns the error for a provider whose key is not in the environment, where that is certain."""
    if provider in _OTHER_LOGINS:
        return None
    found = litellm.validate_environment(model=model)
    missing = [name for name in found["missing_keys"] if name.endswith(("_API_KEY", "_API_TOKEN"))]
    if found["keys_in_environment"] or not missing or len(missing) != len(found["missing_keys"]):
        return None
    return ProviderError(
        "no_key",
        f"There is no key for {provider}: set {' or '.join(missing)} in the `env` of longcall's entry in your MCP host (or"
        " in the shell, for the command line), then attach it again.",
    )
