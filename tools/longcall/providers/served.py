"""What providers say that they serve: their lists of models, asked for with the keys here, and kept for an hour."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.to_thread

from longcall.clock import Clock
from longcall.settings import Settings, key_variable
from longcall.text import clip

FRESH_S = 3600.0
"""Seconds for which a list is kept."""
FAILED_S = 60.0
"""The same for a provider that could not be asked."""
_PATIENCE_S = 4.0
_MOST_MODELS = 2_000
_MOST_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model as its provider lists it; None where it says nothing."""

    name: str
    """As calls name it."""
    context_window: int | None = None
    usd_per_1m_input: float | None = None
    usd_per_1m_output: float | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """What a provider said."""

    provider: str
    asked_at: int
    """Milliseconds since the epoch."""
    models: tuple[ServedModel, ...] = ()
    trouble: str | None = None
    """Why it could not be asked."""

    def age_s(self) -> float:
        """Returns how long ago it said so."""
        return max(0, Clock().wall() - self.asked_at) / 1000

    @property
    def is_fresh(self) -> bool:
        """Whether it need not be asked again."""
        return self.age_s() < (FRESH_S if self.trouble is None else FAILED_S)


@dataclass(frozen=True, slots=True)
class _Site:
    """Where and how a provider's list is asked for."""

    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Form:
    """How a provider lists its models."""

    base: str
    path: str = "/models"
    header: str = "Authorization"
    value: str = "Bearer {key}"
    extra: tuple[tuple[str, str], ...] = ()


# Where each provider's reference has its list of models; those that speak OpenAI's API differ in the address alone.
_FORMS: Mapping[str, _Form] = {
    "anthropic": _Form(
        "https://api.anthropic.com",
        "/v1/models?limit=1000",
        "x-api-key",
        "{key}",
        (("anthropic-version", "2023-06-01"),),
    ),
    "cerebras": _Form("https://api.cerebras.ai/v1"),
    "deepseek": _Form("https://api.deepseek.com"),
    "fireworks_ai": _Form("https://api.fireworks.ai/inference/v1"),
    "gemini": _Form(
        "https://generativelanguage.googleapis.com", "/v1beta/models?pageSize=1000", "x-goog-api-key", "{key}"
    ),
    "groq": _Form("https://api.groq.com/openai/v1"),
    "mistral": _Form("https://api.mistral.ai/v1"),
    "moonshot": _Form("https://api.moonshot.ai/v1"),
    "ollama": _Form("http://127.0.0.1:11434", "/api/tags"),
    "openai": _Form("https://api.openai.com/v1"),
    "openrouter": _Form("https://openrouter.ai/api/v1"),
    "together_ai": _Form("https://api.together.xyz/v1"),
    "xai": _Form("https://api.x.ai/v1"),
}
_OPENAI_LIKE = _Form("")
"""LM Studio, vLLM, a LiteLLM proxy and most others list their models so."""


async def served(
    providers: Mapping[str, Sequence[str]], settings: Settings, environ: Mapping[str, str], salt: bytes
) -> list[Served]:
    """Returns what each provider says that it serves, from what is kept where that is fresh.

    Args:
        providers: provider → the variables that may hold its key.
        settings: the operator's, with addresses of their own.
        environ: the environment with the keys.
        salt: the store's secret, by which the lists that different keys were given are told apart.
    """
    sites = {name: _site(name, variables, settings, environ) for name, variables in providers.items()}
    found: dict[str, Served] = {}

    async def ask(name: str, site: _Site) -> None:
        path = settings.home / "models" / f"{name}-{_fingerprint(site, salt)}.json"
        kept = await anyio.to_thread.run_sync(_kept, path)
        if kept is None or not kept.is_fresh:
            kept = await _asked(name, site)
            await anyio.to_thread.run_sync(_keep, path, kept)
        found[name] = kept

    async with anyio.create_task_group() as tasks:
        for name, site in sites.items():
            if site is not None:
                tasks.start_soon(ask, name, site)
    return [found[name] for name in sorted(found)]


def _site(name: str, variables: Sequence[str], settings: Settings, environ: Mapping[str, str]) -> _Site | None:
    own = settings.providers.get(name)
    kind = own.kind if own is not None and own.kind else name
    form = _FORMS.get(kind, _OPENAI_LIKE)
    upper = name.upper().replace("-", "_")
    base = (own and own.api_base) or environ.get(f"{upper}_API_BASE") or environ.get(f"{upper}_BASE_URL") or ""
    if own is not None and own.kind:
        form_base = ""  # an address of one's own, or none: its key is nobody else's
        variables = (own.api_key_env or key_variable(name),)
    else:
        form_base = form.base
        variables = (own.api_key_env,) if own is not None and own.api_key_env else variables
    if not (base or form_base):
        return None
    key = next((environ[variable] for variable in variables if environ.get(variable)), "")
    headers = {form.header: form.value.format(key=key), **dict(form.extra)} if key else dict(form.extra)
    return _Site(_joined(base or form_base, form.path), headers)


def _joined(base: str, path: str) -> str:
    version = path.split("/")[1]
    return base.rstrip("/").removesuffix(f"/{version}") + path if version.startswith("v1") else base.rstrip("/") + path


def _fingerprint(site: _Site, salt: bytes) -> str:
    said = json.dumps([site.url, dict(site.headers)], sort_keys=True)
    return hmac.new(salt, said.encode(errors="surrogateescape"), hashlib.sha256).hexdigest()[:16]


async def _asked(name: str, site: _Site) -> Served:
    import httpx  # noqa: PLC0415  # few fronts ever ask

    now = Clock().wall()
    try:
        return Served(name, now, _models(name, json.loads(await _fetched(site))))
    except TimeoutError:
        trouble = f"it took longer than {_PATIENCE_S:g} s"
    except httpx.HTTPStatusError as error:
        trouble = f"it answered with HTTP {error.response.status_code}"
    except httpx.HTTPError as error:
        trouble = f"it could not be reached ({type(error).__name__})"
    except (httpx.InvalidURL, OverflowError, ExceptionGroup):  # the last for a port that is none
        trouble = "its address cannot be used"
    except (ValueError, TypeError, KeyError, AttributeError):
        trouble = "it answered with something that is no list of models"
    return Served(name, now, trouble=trouble)


async def _fetched(site: _Site) -> bytes:
    """Returns the list as it came, as much of it as is read.

    Raises:
        TimeoutError: it took too long.
        httpx.HTTPError: it could not be had.
    """
    import httpx  # noqa: PLC0415  # as above

    content = bytearray()
    with anyio.fail_after(_PATIENCE_S):
        async with (
            httpx.AsyncClient(timeout=_PATIENCE_S) as client,
            client.stream("GET", site.url, headers=site.headers) as answer,
        ):
            answer.raise_for_status()
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) > _MOST_BYTES:
                    break
    return bytes(content)


def _models(provider: str, told: Any) -> tuple[ServedModel, ...]:
    listed: list[Any] = cast("list[Any]", told) if isinstance(told, list) else told.get("data") or told["models"]
    found = (_model(provider, one) for one in listed[:_MOST_MODELS])
    return tuple(sorted({model.name: model for model in found}.values(), key=lambda model: model.name))


def _model(provider: str, one: Mapping[str, Any]) -> ServedModel:
    name = clip(str(one.get("id") or one["name"]).removeprefix("models/"), 200)
    prices: Mapping[str, Any] = one.get("pricing") or {}
    windows = ("context_length", "context_window", "max_context_length", "max_model_len", "inputTokenLimit")
    window = next((one[key] for key in windows if isinstance(one.get(key), int)), None)
    return ServedModel(
        f"{provider}/{name}", window, _per_million(prices.get("prompt")), _per_million(prices.get("completion"))
    )


def _per_million(per_token: Any) -> float | None:
    try:
        price = float(per_token) * 1_000_000
    except (TypeError, ValueError):
        return None
    return round(price, 6) if price >= 0 else None  # OpenRouter says -1 for what varies


def _kept(path: Path) -> Served | None:
    try:
        told = json.loads(path.read_text("utf-8"))
        models = tuple(ServedModel(**model) for model in told.pop("models"))
        return Served(**told, models=models)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _keep(path: Path, found: Served) -> None:
    draft = path.with_suffix(".new")
    with suppress(OSError):  # then it is asked again
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft.write_text(json.dumps(asdict(found)), "utf-8")
        draft.replace(path)
