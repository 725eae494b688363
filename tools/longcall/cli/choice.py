"""Which model the demo asks: the best that is at hand, and free of charge when nothing is configured."""

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from longcall.catalog import find_models, providers_with_keys
from longcall.routing import DEMO
from longcall.settings import Settings

SCRIPTED = "demo/slow"
SMALL_MODELS: Mapping[str, str] = {
    "anthropic": "anthropic/claude-haiku-4-5",
    "openai": "openai/gpt-5-mini",
    "gemini": "gemini/gemini-2.5-flash",
    "mistral": "mistral/mistral-small-latest",
    "deepseek": "deepseek/deepseek-chat",
    "xai": "xai/grok-4-fast-non-reasoning",
    "groq": "groq/llama-3.3-70b-versatile",
    "openrouter": "openrouter/openai/gpt-5-mini",
}
"""Provider → a small model of today, in the order of preference."""
PROMPT = (
    "In about 300 words, tell the story of a letter that reached its reader although every messenger who carried it"
    " was lost on the way."
)
MAX_TOKENS = 2000
_OLLAMA = "http://127.0.0.1:11434"
_OLLAMA_S = 0.5
_FREE = (DEMO, "ollama/", "ollama_chat/")


@dataclass(frozen=True, slots=True)
class Choice:
    """A model to ask, and why this one."""

    model: str
    why: str
    prompt: str = PROMPT
    price: str = ""
    """What it may cost, as a sentence."""

    @property
    def is_scripted(self) -> bool:
        """Whether it is one that ships with longcall."""
        return self.model.startswith(DEMO)

    @property
    def is_paid(self) -> bool:
        """Whether a provider may charge for it."""
        return not self.model.startswith(_FREE)


def choose(named: str | None, settings: Settings, environ: Mapping[str, str]) -> Choice:
    """Returns the model to ask: the one named, the default one, one with a key here, a local one, or a scripted one."""
    if named:
        return _priced(named, "as you said", environ)
    if settings.model:
        return _priced(settings.model, "your default, from LONGCALL_MODEL", environ)
    keyed = set(providers_with_keys(environ))
    for provider, model in SMALL_MODELS.items():
        if provider in keyed:
            return _priced(model, f"a small one of {provider}, for which a key is here", environ)
    local = _ollama_model(environ)
    if local is not None:
        return Choice(local, "it runs in the Ollama of this machine")
    return scripted("no provider has a key here, so a scripted model answers, slowly")


def scripted(why: str) -> Choice:
    """Returns the scripted model, which is there always."""
    return Choice(SCRIPTED, why)


def _priced(model: str, why: str, environ: Mapping[str, str]) -> Choice:
    usd = next((found.usd_per_1m_output for found in find_models(model, environ) if found.name == model), None)
    most = f"{MAX_TOKENS:,} tokens"
    price = f"It may take up to {most}" + (
        ", at a price not known here." if usd is None else f": ${usd * MAX_TOKENS / 1e6:.4f}."
    )
    return Choice(model, why, price=price)


def _ollama_model(environ: Mapping[str, str]) -> str | None:
    base = environ.get("OLLAMA_API_BASE") or _OLLAMA
    if not base.startswith(("http://", "https://")):
        return None
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{base.rstrip('/')}/api/tags", timeout=_OLLAMA_S) as answer:
            return f"ollama_chat/{json.load(answer)['models'][0]['name']}"
    except (OSError, ValueError, LookupError, TypeError):
        return None
