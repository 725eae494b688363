"""Which providers have a key here, by the names of the variables alone, and whether the providers can be reached."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio

from longcall.catalog import KEYS
from longcall.cli.doctor.finding import Finding

if TYPE_CHECKING:
    import httpx

_PATIENCE_S = 5.0
_REFUSED = (401, 403)


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """Where a provider lists its models, which costs nothing."""

    base: str
    path: str = "/models"
    header: str = "Authorization"
    moved_by: tuple[str, ...] = ()
    """Variables that name another base, besides PROVIDER_API_BASE."""


_ENDPOINTS: Mapping[str, _Endpoint] = {
    "anthropic": _Endpoint("https://api.anthropic.com", "/v1/models", "x-api-key", ("ANTHROPIC_BASE_URL",)),
    "cerebras": _Endpoint("https://api.cerebras.ai/v1"),
    "deepseek": _Endpoint("https://api.deepseek.com"),
    "fireworks_ai": _Endpoint("https://api.fireworks.ai/inference/v1"),
    "gemini": _Endpoint("https://generativelanguage.googleapis.com", "/v1beta/models", "x-goog-api-key"),
    "groq": _Endpoint("https://api.groq.com/openai/v1"),
    "mistral": _Endpoint("https://api.mistral.ai/v1"),
    "moonshot": _Endpoint("https://api.moonshot.ai/v1"),
    "ollama": _Endpoint("http://127.0.0.1:11434", "/api/tags", ""),
    "openai": _Endpoint("https://api.openai.com/v1", moved_by=("OPENAI_BASE_URL",)),
    "openrouter": _Endpoint("https://openrouter.ai/api/v1"),
    "together_ai": _Endpoint("https://api.together.xyz/v1"),
    "xai": _Endpoint("https://api.x.ai/v1"),
}


def look(environ: Mapping[str, str]) -> list[Finding]:
    """Tells which variables are set, never what they hold."""
    named = {provider: _variable(provider, environ) for provider in KEYS}
    told = ", ".join(f"{provider} ({variable})" for provider, variable in sorted(named.items()) if variable)
    if told:
        return [Finding("keys of providers", works=True, told=told)]
    remedy = "Set OPENAI_API_KEY, ANTHROPIC_API_KEY or another; demo/… and max/… need none."
    return [Finding("keys of providers", works=False, told="none", remedy=remedy)]


async def look_online(environ: Mapping[str, str]) -> list[Finding]:
    """Asks every provider with a key for its list of models, all at once."""
    import httpx  # noqa: PLC0415  # only who asks

    found: dict[str, Finding] = {}
    async with httpx.AsyncClient(timeout=_PATIENCE_S) as client, anyio.create_task_group() as tasks:

        async def ask(provider: str, variable: str) -> None:
            found[provider] = await _asked(client, provider, variable, environ)

        for provider in KEYS:
            if variable := _variable(provider, environ):
                tasks.start_soon(ask, provider, variable)
    return [found[provider] for provider in sorted(found)]


def _variable(provider: str, environ: Mapping[str, str]) -> str | None:
    return next((name for name in KEYS[provider] if environ.get(name)), None)


async def _asked(client: "httpx.AsyncClient", provider: str, variable: str, environ: Mapping[str, str]) -> Finding:
    import httpx  # noqa: PLC0415  # as above

    what, endpoint = f"online {provider}", _ENDPOINTS.get(provider)
    if endpoint is None:
        return Finding(what, works=True, told="not asked: it lists no models for a key alone")
    url = _base(provider, endpoint, environ) + endpoint.path
    host = urlsplit(url).hostname  # the URL itself might hold a password
    try:
        answer = await client.get(url, headers=_headers(endpoint, environ[variable]))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        remedy = "Look at the network, the proxy variables, and the variable that names another base."
        return Finding(what, works=False, told=f"{host} cannot be reached ({type(error).__name__})", remedy=remedy)
    if answer.status_code in _REFUSED:
        remedy = f"Look at what {variable} holds; make a new key where it is out of date."
        return Finding(what, works=False, told=f"{host} refuses the key (HTTP {answer.status_code})", remedy=remedy)
    if not answer.is_success:
        remedy = "It was reached, but lists no models; a call may work all the same."
        return Finding(what, works=False, told=f"{host} answers HTTP {answer.status_code}", remedy=remedy)
    return Finding(what, works=True, told=f"{host} answers")


def _base(provider: str, endpoint: _Endpoint, environ: Mapping[str, str]) -> str:
    names = (f"{provider.upper()}_API_BASE", *endpoint.moved_by)
    return next((environ[name] for name in names if environ.get(name)), endpoint.base).rstrip("/")


def _headers(endpoint: _Endpoint, key: str) -> dict[str, str]:
    if not endpoint.header:
        return {}
    bearer = f"Bearer {key}" if endpoint.header == "Authorization" else key
    return {endpoint.header: bearer, **({"anthropic-version": "2023-06-01"} if endpoint.header == "x-api-key" else {})}
