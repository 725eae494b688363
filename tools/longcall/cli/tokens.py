"""`longcall token`: who may use a server over HTTP."""

import json
from typing import Annotated

import typer

from longcall.cli.terminal import remark, say, table
from longcall.settings import here
from longcall.tokens import TokenFile

app = typer.Typer(help="Manages the tokens of `longcall serve --http`.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Who is to have it; a token sees its own tasks alone.")]


@app.command()
def add(name: Name) -> None:
    """Makes a token and writes it to stdout, this once: only its hash is kept."""
    token = _file().add(name)
    remark(f"The token {name}, shown this once; it goes into the header `Authorization: Bearer …`:", "dim")
    say(f"{token}\n")


@app.command("list")
def list_tokens(as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False) -> None:
    """Lists the tokens by name."""
    tokens = _file().tokens()
    if as_json:
        say(json.dumps([{"name": token.name, "created": token.created} for token in tokens], indent=2) + "\n")
        return
    table(("name", "created"), [(token.name, token.created) for token in tokens])
    if not tokens:
        remark("There is no token yet; `longcall token add NAME` makes one.", "dim")


@app.command()
def remove(name: Name) -> None:
    """Takes a token away; running servers turn it away from now on."""
    _file().remove(name)
    remark(f"The token {name} is gone. Its tasks stay, and a new token of that name sees them.")


def _file() -> TokenFile:
    return TokenFile(here().home)
