"""`longcall doctor`: what works here, and what to do about what does not."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.text import Text

from longcall.catalog import providers_with_keys
from longcall.cli.exits import Exit, run
from longcall.cli.terminal import say, table
from longcall.providers.claude_names import find_cli
from longcall.session import open_session
from longcall.settings import Settings, here, keyed

_STYLES = {True: "green", False: "yellow"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    works: bool
    told: str
    is_needed: bool = False
    """Whether nothing can be asked without it."""


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False) -> None:
    """Looks at what longcall needs here: the task store, keys, Claude's command line, Node, and sandboxes for code.

    Exit codes: 0 all that is needed works, 3 it does not.
    """
    settings = here()
    found = [_store(settings), _keys(), _claude(), _program("node", "filesystem and other MCP servers"), *_sandboxes()]
    if as_json:
        say(json.dumps([asdict(one) for one in found], indent=2) + "\n")
    else:
        table(("what", "works", "told"), [_row(one) for one in found])
    if any(one.is_needed and not one.works for one in found):
        raise typer.Exit(Exit.TROUBLE)


def _row(one: Finding) -> Sequence[str | Text]:
    return one.what, Text("yes" if one.works else "no", style=_STYLES[one.works]), one.told


def _store(settings: Settings) -> Finding:
    async def look() -> int:
        async with open_session(settings, os.environ) as session:
            return len(await session.client.store.recent(None, 1000))

    return _tried("task store", lambda: f"{settings.store_path}: {run(look)} tasks, SQLite {sqlite3.sqlite_version}")


def _tried(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, works=True, told=look(), is_needed=True)
    except Exception as error:  # noqa: BLE001  # a doctor tells of every trouble and goes on
        return Finding(what, works=False, told=str(error), is_needed=True)


def _keys() -> Finding:
    found = sorted(providers_with_keys(keyed()))
    told = ", ".join(found) if found else "none; set OPENAI_API_KEY, ANTHROPIC_API_KEY or another (demo/… needs none)"
    return Finding("keys of providers", bool(found), told)


def _claude() -> Finding:
    path = find_cli(os.environ)
    told = (
        str(path) if path else "not found; install it from https://claude.com/claude-code, or set LONGCALL_CLAUDE_CLI"
    )
    return Finding("Claude's command line", path is not None, told)


def _program(name: str, purpose: str) -> Finding:
    path = shutil.which(name)
    return Finding(name, path is not None, path or f"not on the PATH; {purpose} want it (there is a stand-in)")


def _sandboxes() -> list[Finding]:
    from longcall.validation.sandbox.choice import proofs  # noqa: PLC0415  # only a doctor and workers look at them

    return [Finding(f"sandbox {proof.backend}", proof.trusted, proof.detail) for proof in run(proofs)]
