"""`longcall doctor`: what works here, and what to do about what does not."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from longcall.cli.doctor import keys, programs, registrations, sandboxes, server, store, workers
from longcall.cli.doctor.finding import Finding
from longcall.cli.exits import Exit, run
from longcall.cli.terminal import is_terminal, printable, say, table
from longcall.clients.places import User
from longcall.settings import Settings, SettingsError, here, with_keys

_STYLES = {True: "green", False: "yellow"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    online: Annotated[
        bool,
        typer.Option("--online", help="Also ask each provider with a key here for its list of models, free of charge."),
    ] = False,
) -> None:
    """Starts the server as a host does, and looks at all that longcall needs here.

    That is the task store, the worker, keys, programs, sandboxes for code, and the clients it is registered with. No
    key is shown and no token is spent. Exit codes: 0 all that is needed works, 3 it does not.
    """
    settings, environ, missing = _keyed(here())
    found = [
        *run(partial(server.look, os.environ)),
        *store.look(settings, environ),
        *workers.look(settings, environ),
        *missing,
        *keys.look(environ),
        *(run(partial(keys.look_online, settings, environ)) if online else ()),
        *programs.look(settings, environ),
        *sandboxes.look(),
        *registrations.look(User(Path.home(), os.environ), Path.cwd()),
    ]
    if as_json:
        say(json.dumps([asdict(one) for one in found], indent=2) + "\n")
    else:
        _show(found)
    if any(one.is_needed and not one.works for one in found):
        raise typer.Exit(Exit.TROUBLE)


def _keyed(settings: Settings) -> tuple[Settings, Mapping[str, str], list[Finding]]:
    """Returns the settings, and the environment with the keys of the user's file, or without where one is missing."""
    try:
        return settings, with_keys(settings, os.environ), []
    except SettingsError as error:
        found = Finding("keys of longcall.toml", works=False, told=str(error), is_needed=True)
        return settings.model_copy(update={"keys": {}}), os.environ, [found]


def _show(found: Sequence[Finding]) -> None:
    rows = [(one.what, Text("yes" if one.works else "no", style=_STYLES[one.works]), one) for one in found]
    if is_terminal(sys.stdout):
        table(("what", "works", "told"), [(what, works, _told(one)) for what, works, one in rows], folds=True)
    else:
        table(("what", "works", "told", "remedy"), [(what, works, one.told, one.remedy) for what, works, one in rows])


def _told(one: Finding) -> Text:
    remedy = (f"\n{printable(one.remedy)}", "yellow") if one.remedy else ""
    return Text.assemble(printable(one.told), remedy)
