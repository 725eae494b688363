"""`longcall models`: what can be called here."""

import json
import os
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from longcall.catalog import Model, providers_with_keys
from longcall.cli.exits import Exit, run
from longcall.cli.terminal import complain, remark, say, table
from longcall.listing import list_models
from longcall.settings import here, with_keys


def models(
    query: Annotated[list[str] | None, typer.Argument(help="Words that the name must hold.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also models of providers that have no key here.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no provider what it serves.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Lists models with context window and price; any other LiteLLM name provider/model can be called too."""
    settings = here()
    listing = run(
        lambda: list_models(" ".join(query or []), settings, os.environ, everything=everything, ask=not offline)
    )
    found = listing.models
    if as_json:
        say(json.dumps([asdict(model) for model in found], indent=2) + "\n")
    else:
        table(("model", ">window", ">$/M in", ">$/M out", "key"), [_row(model, settings.model) for model in found])
    for one in listing.providers:
        if one.trouble is not None:
            remark(f"{one.provider}: {one.trouble}.", "yellow")
    if not found:
        complain("No known model has a name like that. Any LiteLLM name provider/model can still be called.")
        raise typer.Exit(Exit.FAILED)
    if not providers_with_keys(with_keys(settings, os.environ)):
        remark("No provider has a key here. Set OPENAI_API_KEY, ANTHROPIC_API_KEY or another; --all lists more.", "dim")


def _row(model: Model, default: str | None) -> tuple[str | Text, ...]:
    name = Text(model.name, style="" if model.callable else "dim")
    if model.name == default:
        name.append(" (default)", style="green")
    window = "?" if model.context_window is None else f"{model.context_window:,}"
    key = "no" if not model.callable else "unlisted" if model.served is False else "yes"
    return name, window, _price(model.usd_per_1m_input), _price(model.usd_per_1m_output), key


def _price(usd: float | None) -> str:
    return "?" if usd is None else f"{usd:g}"
