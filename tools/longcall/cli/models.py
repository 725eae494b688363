"""`longcall models`: what can be called here."""

import json
import os
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from longcall.catalog import Model, find_models, providers_with_keys
from longcall.cli.exits import Exit
from longcall.cli.terminal import complain, remark, say, table
from longcall.settings import here, with_keys


def models(
    query: Annotated[list[str] | None, typer.Argument(help="Words that the name must hold.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also models of providers that have no key here.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Lists models with context window and price; any other LiteLLM name provider/model can be called too."""
    settings = here()
    environ = with_keys(settings, os.environ)
    found = find_models(" ".join(query or []), environ, everything=everything)
    if as_json:
        say(json.dumps([asdict(model) for model in found], indent=2) + "\n")
    else:
        table(("model", ">window", ">$/M in", ">$/M out", "key"), [_row(model, settings.model) for model in found])
    if not found:
        complain("No known model has a name like that. Any LiteLLM name provider/model can still be called.")
        raise typer.Exit(Exit.FAILED)
    if not providers_with_keys(environ):
        remark("No provider has a key here. Set OPENAI_API_KEY, ANTHROPIC_API_KEY or another; --all lists more.", "dim")


def _row(model: Model, default: str | None) -> tuple[str | Text, ...]:
    name = Text(model.name, style="" if model.callable else "dim")
    if model.name == default:
        name.append(" (default)", style="green")
    window = "?" if model.context_window is None else f"{model.context_window:,}"
    key = "yes" if model.callable else "no"
    return name, window, _price(model.usd_per_1m_input), _price(model.usd_per_1m_output), key


def _price(usd: float | None) -> str:
    return "?" if usd is None else f"{usd:g}"
