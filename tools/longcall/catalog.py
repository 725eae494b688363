"""What is known of models without asking anybody: LiteLLM's bundled price list, and which keys are here.

The list is read from LiteLLM's folder without importing LiteLLM, which would cost seconds and 170 MB.
"""

import difflib
import importlib.util
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from longcall.providers.claude_names import LABELS, find_cli
from longcall.providers.claude_names import NAMES as CLAUDE_NAMES
from longcall.providers.scripted import NAMES as DEMO_NAMES
from longcall.routing import MAX, Route, route
from longcall.settings import PriceSettings

KEYS: Mapping[str, tuple[str, ...]] = {
    "anthropic": ("ANTHROPIC_API_KEY",),
    "azure": ("AZURE_API_KEY",),
    "bedrock": ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "cohere_chat": ("COHERE_API_KEY", "CO_API_KEY"),
    "dashscope": ("DASHSCOPE_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks_ai": ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "moonshot": ("MOONSHOT_API_KEY",),
    "ollama": ("OLLAMA_API_BASE",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "perplexity": ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_TOKEN"),
    "vertex_ai": ("GOOGLE_APPLICATION_CREDENTIALS", "VERTEXAI_PROJECT"),
    "xai": ("XAI_API_KEY",),
}
"""Provider → the variables any of which makes it callable. Providers beyond these work too; only this list is short."""
CLAUDE = "claude-cli"
"""The provider of the models that Claude's command line answers for."""
_TALKING = ("chat", "responses")
OwnPrices = Mapping[str, PriceSettings]
"""Model → what the operator says that it costs."""
_NO_PRICES: OwnPrices = {}


@dataclass(frozen=True, slots=True)
class Model:
    """A model as the price list knows it; None where the list is silent."""

    name: str
    provider: str
    callable: bool
    """Whether a key for its provider is here, or its program; says nothing on whether the provider accepts it."""
    context_window: int | None = None
    max_output_tokens: int | None = None
    usd_per_1m_input: float | None = None
    usd_per_1m_output: float | None = None
    takes_images: bool | None = None
    takes_pdfs: bool | None = None
    takes_tools: bool | None = None
    reasons: bool | None = None
    served: bool | None = None
    """Whether its provider lists it for the key here; None where nobody asked it."""


def providers_with_keys(environ: Mapping[str, str]) -> list[str]:
    """Returns the providers for which a key is in the environment."""
    return [name for name, variables in KEYS.items() if any(environ.get(variable) for variable in variables)]


def find_models(
    query: str, environ: Mapping[str, str], own: OwnPrices = _NO_PRICES, *, everything: bool = False
) -> list[Model]:
    """Returns the models whose name holds every word of `query`, callable ones first, then by name.

    `own` are the operator's prices, over those of the list.

    Without `everything`, only models of providers with a key here, and the demo's; a query that finds none of these is
    answered from the whole list, and then from the nearest names.
    """
    with_keys = set(providers_with_keys(environ))
    listed = {model.name: model for model in _listed_models(with_keys)}
    priced = {name: _priced(name, price, listed.get(name), with_keys) for name, price in own.items()}
    models = [*_demo_models(), *_claude_models(environ), *(listed | priced).values()]
    words = query.lower().split()
    matching = [model for model in models if all(word in model.name.lower() for word in words)]
    found = [model for model in matching if everything or model.callable] or matching
    if not found:
        near = set(difflib.get_close_matches(query, [model.name for model in models], n=8, cutoff=0.5))
        found = [model for model in models if model.name in near]
    return sorted(found, key=lambda model: (not model.callable, model.name))


def find_model(name: str, environ: Mapping[str, str], own: OwnPrices = _NO_PRICES) -> Model | None:
    """Returns what is known of the model of this very name, as calls name it; None where nothing is."""
    match route(name):
        case Route.SCRIPTED:
            return replace(next(iter(_demo_models())), name=name, takes_images=False, takes_pdfs=False)
        case Route.CLAUDE:
            return Model(name, CLAUDE, callable=_has_claude(environ), takes_images=True, takes_pdfs=False)
        case Route.GIVEN | Route.CHECK | Route.COMBINE:
            return None
        case Route.LITELLM:
            entry, with_keys = entry_of(name, price_list()), set(providers_with_keys(environ))
            model = None if entry is None else _model(name, entry, with_keys)
            return _priced(name, own[name], model, with_keys) if name in own else model


def batch_prices(name: str) -> tuple[float | None, float | None]:
    """Returns what a million tokens of input and of output cost in a batch, in US dollars; None where nobody knows."""
    entry = entry_of(name, price_list()) or {}
    prices = (_per_million(entry.get(f"{kind}_cost_per_token_batches")) for kind in ("input", "output"))
    return next(prices), next(prices)


def entry_of(name: str, prices: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Returns what LiteLLM's list says of the model of this very name, as calls name it."""
    # Listed with the provider before the name, or without.
    key = name if name in prices else name.partition("/")[2]
    entry = prices.get(key)
    family = name.partition("/")[0]
    if entry is None or (key != name and not str(entry.get("litellm_provider", "")).startswith(family)):
        return None
    return entry


def proxied_models(environ: Mapping[str, str], own: OwnPrices = _NO_PRICES) -> list[Model]:
    """Returns the models that can be asked here, Claude's own command line first, with the labels that it goes by."""
    found = find_models("", environ, own)
    ours = [model for model in found if model.provider == CLAUDE]
    labels = [Model(MAX + label, CLAUDE, callable=True) for label in LABELS] if ours else []
    return [*ours, *labels, *(model for model in found if model.provider != CLAUDE)]


def _demo_models() -> Iterable[Model]:
    return (Model(name, "demo", callable=True, usd_per_1m_input=0.0, usd_per_1m_output=0.0) for name in DEMO_NAMES)


def _claude_models(environ: Mapping[str, str]) -> Iterable[Model]:
    """Names behind `max/`, with no price: a subscription has none for a call."""
    return (Model(name, CLAUDE, callable=_has_claude(environ)) for name in CLAUDE_NAMES)


def _has_claude(environ: Mapping[str, str]) -> bool:
    return bool(environ.get("LONGCALL_CLAUDE_PROXY_URL")) or find_cli(environ) is not None


def _listed_models(with_keys: set[str]) -> Iterable[Model]:
    for name, entry in price_list().items():
        if entry.get("mode") not in _TALKING or name == "sample_spec":
            continue
        family = _family(entry)
        yield _model(name if "/" in name else f"{family}/{name}", entry, with_keys)


def _family(entry: Mapping[str, Any]) -> str:
    return str(entry.get("litellm_provider", "")).split("-", maxsplit=1)[0]


def _model(name: str, entry: Mapping[str, Any], with_keys: set[str]) -> Model:
    return Model(
        name,
        _family(entry),
        _family(entry) in with_keys,
        entry.get("max_input_tokens") or entry.get("max_tokens"),
        entry.get("max_output_tokens"),
        _per_million(entry.get("input_cost_per_token")),
        _per_million(entry.get("output_cost_per_token")),
        # What is not named among a listed model's abilities, it lacks.
        bool(entry.get("supports_vision")),
        bool(entry.get("supports_pdf_input")),
        bool(entry.get("supports_function_calling")),
        bool(entry.get("supports_reasoning")),
    )


def _priced(name: str, price: PriceSettings, listed: Model | None, with_keys: set[str]) -> Model:
    """Returns a model with the operator's own price; a name of the operator's own counts as callable."""
    family = name.partition("/")[0]
    model = listed or Model(name, family, family in with_keys or family not in KEYS)
    window = price.context_window or model.context_window
    return replace(
        model,
        context_window=window,
        usd_per_1m_input=price.input_usd_per_1m,
        usd_per_1m_output=price.output_usd_per_1m,
    )


def _per_million(per_token: Any) -> float | None:
    return round(per_token * 1_000_000, 6) if isinstance(per_token, int | float) else None


def price_list() -> dict[str, dict[str, Any]]:
    """Returns LiteLLM's list as it came with it; empty where it cannot be read."""
    spec = importlib.util.find_spec("litellm")
    if spec is None or spec.origin is None:
        return {}
    path = Path(spec.origin).with_name("model_prices_and_context_window_backup.json")
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
