"""What Claude's command line says went wrong, as our errors: one table, applied once.

It tells the HTTP status that Anthropic answered with, and a word of its own for the kind of failure. A status proves
that the request was turned away, as long as no answer had begun in that run; a connection that broke proves nothing.
"""

import re
from typing import Any

from longcall.clock import Clock
from longcall.errors import ProviderError
from longcall.providers.claude_stream import Heard
from longcall.providers.litellm_errors import redact
from longcall.text import clip, reason_of

_INSTALL = "Install it from https://claude.com/claude-code and log in once"
_LOGIN = (
    "Run `claude` and log in, or set CLAUDE_CODE_OAUTH_TOKEN (`claude setup-token` makes one). An ANTHROPIC_API_KEY is"
    " used only where LONGCALL_CLAUDE_API_KEY=1 says so."
)
_KINDS: dict[str, tuple[str, bool]] = {
    "refusal": ("content_policy", False),
    "usage_limit_reached": ("usage_limit", True),
    "budget_exhausted": ("budget", False),
    "prompt_too_long": ("context_window", False),
    "billing_error": ("quota", False),
    "model_not_found": ("unknown_model", False),
    "authentication_failed": ("no_access", False),
    "oauth_org_not_allowed": ("no_access", False),
    "rate_limit": ("rate_limit", True),
    "overloaded": ("unavailable", True),
    "server_error": ("unavailable", True),
    "invalid_request": ("rejected", False),
}
"""Its word → our code, and whether asking again may help. The first of its words that is here counts."""
_SENTENCES = {
    "budget": "spent what was left of the budget (`retry.budget.usd`) before its answer was complete",
    "content_policy": "had its answer stopped by Claude's safeguards; what came may have been billed",
    "context_window": "cannot take a prompt this long; shorten it",
    "disconnected": "lost its connection; the request may have been billed",
    "failed": "failed",
    "incomplete_stream": "broke off before the end of its answer; what came is kept, and may have been billed",
    "no_access": "was refused its login or this model",
    "quota": "has no credit left",
    "rate_limit": "is rate limited",
    "rejected": "had its request rejected",
    "unavailable": "found the service unavailable",
    "unknown_model": "does not know this model, or may not use it",
    "unreachable": "could not reach the service",
    "usage_limit": "has reached the usage limit of its subscription",
}
_NEVER_CONNECTED = re.compile(r"ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|Unable to connect")
_OLD_LIMIT = re.compile(r"usage limit reached\|(\d{9,11})")
"""How versions before 2.0 say when a limit ends."""


def not_installed(named: str | None) -> ProviderError:
    """Returns the error for a command line that is not there; `named` is where the operator said it was."""
    where = f"at {named}" if named else "on the PATH"
    return ProviderError(
        "not_installed",
        f"Claude's command line is not {where}. {_INSTALL}, or set LONGCALL_CLAUDE_CLI to its path; or name an API"
        " model instead, for example anthropic/claude-sonnet-4-5.",
    )


def cannot_keep(model: str) -> ProviderError:
    """Returns the error for a call that is to be kept by the provider, which nobody does for a command line."""
    return ProviderError(
        "rejected",
        f"{model} cannot work in the background: Claude's command line ends with the worker. Leave `background` out.",
    )


def cannot_start(error: OSError) -> ProviderError:
    """Returns the error for a command line that the system does not start."""
    return ProviderError(
        "not_installed",
        f"Claude's command line cannot be started: {reason_of(error)}. Set LONGCALL_CLAUDE_CLI to the path of one"
        " that can.",
        refused=True,
    )


def failure(model: str, heard: Heard) -> ProviderError:
    """Returns what a result means that is no answer."""
    result = heard.result or {}
    said = _said(result)
    code, retryable = _classify(heard, said)
    if code == "not_logged_in":
        message = f"Claude's command line is not logged in. {_LOGIN}"
        return ProviderError(code, message, refused=not heard.began)
    status = _status(heard)
    proven = (
        status is not None or code == "unreachable" or (not heard.initialised and not result.get("duration_api_ms"))
    )
    if heard.began and code in ("disconnected", "unavailable", "failed", "unreachable"):
        code, retryable = "incomplete_stream", True
    return ProviderError(
        code,
        f"Claude's command line, asked for {model}, {_SENTENCES[code]}: {said}",
        retryable=retryable,
        refused=proven and not heard.began,
        retry_after=_retry_after(heard, said) if retryable else None,
    )


def no_result(model: str, heard: Heard, exit_code: int | None, last_words: str) -> ProviderError:
    """Returns the error for a run that ended without a result."""
    ended = f"ended with exit code {exit_code}" if exit_code is not None else "closed its output"
    words = redact(clip(" ".join(last_words.split())[-400:], 400))
    said = f" Its last words: {words}" if words else ""
    if heard.began:
        return ProviderError(
            "incomplete_stream",
            f"Claude's command line, asked for {model}, {ended} before the end of its answer. What came is kept, and"
            f" may have been billed.{said}",
            retryable=True,
        )
    billed = " The request may have been billed." if heard.initialised else " Nothing was sent."
    return ProviderError(
        "crashed",
        f"Claude's command line, asked for {model}, {ended} without an answer.{billed}{said}",
        refused=not heard.initialised,
    )


def _said(result: dict[str, Any]) -> str:
    errors: Any = result.get("errors")
    told = (
        str(result.get("result") or "") or " ".join(map(str, errors or ())) or str(result.get("subtype") or "no reason")
    )
    return redact(clip(" ".join(told.split()), 400))


def _classify(heard: Heard, said: str) -> tuple[str, bool]:
    result, complaint = heard.result or {}, heard.complaint
    told = (result.get("stop_reason"), result.get("api_error"), result.get("terminal_reason"))
    words = (*told, complaint.get("error"))
    if "connection_failed" in words:
        return ("unreachable" if _NEVER_CONNECTED.search(said) else "disconnected"), True
    if _OLD_LIMIT.search(said):
        return "usage_limit", True
    status = _status(heard)
    if "authentication_failed" in words and status is None:
        return "not_logged_in", False
    for word in words:
        if word in _KINDS:
            return _KINDS[word]
    if status is None:
        return "failed", False
    return ("unavailable", True) if status >= 500 else ("rejected", False)


def _status(heard: Heard) -> int | None:
    status: Any = (heard.result or {}).get("api_error_status") or heard.complaint.get("api_error_status")
    return status if isinstance(status, int) else None


def _retry_after(heard: Heard, said: str) -> float | None:
    old = _OLD_LIMIT.search(said)
    ends = heard.resets_at if heard.resets_at is not None else float(old[1]) if old else None
    return None if ends is None else max(0.0, ends - Clock().wall() / 1000)
