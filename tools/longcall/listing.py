"""The models that can be asked here and now: configured, served by their providers, and known by LiteLLM's list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import anyio.to_thread

from longcall.catalog import KEYS, Model, find_models, providers_with_keys
from longcall.environment import read_salt
from longcall.providers.served import Served, served
from longcall.settings import Settings, with_keys


@dataclass(frozen=True, slots=True)
class Listing:
    """What list_models tells."""

    models: list[Model]
    default: str | None
    """The model that is asked when a call names none, or an alias of it."""
    aliases: Mapping[str, str]
    providers: list[Served]
    """What the providers said that could be asked."""


async def list_models(
    query: str, settings: Settings, environ: Mapping[str, str], *, everything: bool = False, ask: bool = True
) -> Listing:
    """Finds models by the words of a query.

    Args:
        query: words that a name must hold; empty finds what can be called here.
        settings: the operator's.
        environ: the environment with the keys; those of the user's file are added.
        everything: also models of providers without a key here.
        ask: whether providers are asked what they serve, at most once an hour each.
    """
    keyed = await anyio.to_thread.run_sync(with_keys, settings, environ)
    said = await _said(settings, keyed) if ask else []
    known = await anyio.to_thread.run_sync(lambda: find_models(query, keyed, settings.prices, everything=everything))
    models = _merged(known, said, query.lower().split())
    own = {name for name, provider in settings.providers.items() if provider.kind}
    models.sort(key=lambda model: (not model.callable, model.served is False, model.provider not in own, model.name))
    return Listing(models, settings.model, settings.aliases, said)


async def _said(settings: Settings, environ: Mapping[str, str]) -> list[Served]:
    names = {*providers_with_keys(environ), *settings.providers}
    asked = {name: KEYS.get(name, ()) for name in sorted(names)}
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        salt = await anyio.to_thread.run_sync(read_salt, settings.home)
    except OSError:  # there is nowhere to keep what they say
        return []
    return await served(asked, settings, environ, salt)


def _merged(known: Sequence[Model], said: Sequence[Served], words: Sequence[str]) -> list[Model]:
    """Returns the known models with what their providers say of them, and those that only their providers know."""
    told = {one.provider: {model.name: model for model in one.models} for one in said if one.trouble is None}
    merged: dict[str, Model] = {}
    for model in known:
        listed = told.get(model.provider)
        merged[model.name] = model if listed is None else replace(model, served=model.name in listed)
    matching = {name: one for models in told.values() for name, one in models.items() if _matches(name, words)}
    for name, one in matching.items():
        if name not in merged:
            merged[name] = Model(name, name.partition("/")[0], callable=True, served=True)
        merged[name] = _filled(merged[name], one.context_window, one.usd_per_1m_input, one.usd_per_1m_output)
    return list(merged.values())


def _matches(name: str, words: Sequence[str]) -> bool:
    return all(word in name.lower() for word in words)


def _filled(model: Model, window: int | None, usd_in: float | None, usd_out: float | None) -> Model:
    """Returns the model with what its provider says where the list is silent."""
    return replace(
        model,
        context_window=model.context_window if model.context_window is not None else window,
        usd_per_1m_input=model.usd_per_1m_input if model.usd_per_1m_input is not None else usd_in,
        usd_per_1m_output=model.usd_per_1m_output if model.usd_per_1m_output is not None else usd_out,
    )
