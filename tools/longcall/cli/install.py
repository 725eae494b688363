"""`longcall install` and `longcall uninstall`: longcall in the config files of MCP clients."""

import os
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast

import typer

from longcall.catalog import KEYS
from longcall.cli.terminal import remark, say, tell
from longcall.clients.entry import NAME, Variables, written
from longcall.clients.launcher import launch
from longcall.clients.places import User
from longcall.clients.registering import Edit, registered
from longcall.clients.registering import install as installed
from longcall.clients.registering import uninstall as uninstalled
from longcall.clients.registry import CLIENTS, Client
from longcall.errors import CallError
from longcall.settings import read_settings

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Scope(StrEnum):
    """For whom it is registered."""

    USER = "user"
    PROJECT = "project"


Target = StrEnum("Target", list(CLIENTS))
"""The clients by their names."""
TargetArgument = Annotated[Target, typer.Argument(metavar="CLIENT", help=f"One of {', '.join(CLIENTS)}.")]
ScopeOption = Annotated[
    Scope, typer.Option(help="The user's own config file, or that of the project in this folder, which others share.")
]
ForceOption = Annotated[bool, typer.Option("--force", help=f"Also where an entry {NAME!r} starts something else.")]
PrintOption = Annotated[bool, typer.Option("--print", help="Write nothing; print what would be written.")]


def install(
    client: TargetArgument,
    scope: ScopeOption = Scope.USER,
    env: Annotated[
        list[str] | None,
        typer.Option(
            "--env", "-e", metavar="NAME[=VALUE]", help="A variable that the server is to get; may be repeated."
        ),
    ] = None,
    copy_keys: Annotated[
        bool,
        typer.Option("--copy-keys", help="Write values into the file: of those in --env, or of every key found here."),
    ] = False,
    model: Annotated[str | None, typer.Option("--model", "-m", help="The model asked when a call names none.")] = None,
    home: Annotated[Path | None, typer.Option(help="The folder of the task store.")] = None,
    force: ForceOption = False,
    only_print: PrintOption = False,
) -> None:
    """Registers longcall with an MCP client, in the client's own config file.

    All else in the file stays, a copy of it is kept beside it, and a second run changes nothing. A variable of --env is
    written as a reference that the client fills in; keys themselves are written only on --copy-keys or NAME=VALUE.
    """
    chosen, project = CLIENTS[client.value], _project(scope)
    variables = _variables(env or [], os.environ, copies=copy_keys, shared=project is not None)
    variables = _with_settings(variables, model, home)
    launched = launch(os.environ, shared=project is not None)
    path = chosen.path(_user(), project)
    entry = written(chosen, launched, variables)
    if only_print:
        remark(f"To go into {path}:", "dim")
        masked = written(chosen, launched, variables.masked())
        say(chosen.format.show({chosen.servers: {NAME: masked}}))
        return
    edit = installed(chosen, path, entry, force=force)
    _write(chosen, edit, "changed in" if edit.was_there else "added to", private=project is None)
    if project is not None and launched.is_local:
        remark(f"The entry names {launched.command}, which is on this machine alone: do not share the file.")
    _tell_of_keys(chosen, path, variables)


def uninstall(
    client: TargetArgument,
    scope: ScopeOption = Scope.USER,
    force: ForceOption = False,
    only_print: PrintOption = False,
) -> None:
    """Takes longcall's entry out of an MCP client's config file. All else stays, and a copy is kept beside it."""
    chosen, project = CLIENTS[client.value], _project(scope)
    path = chosen.path(_user(), project)
    edit = uninstalled(chosen, path, force=force)
    if only_print:
        say(f"{path}: {'the entry would be removed' if edit.changes else 'there is no entry'}.\n")
        return
    _write(chosen, edit, "removed from", private=project is None)


def _project(scope: Scope) -> Path | None:
    return Path.cwd() if scope is Scope.PROJECT else None


def _user() -> User:
    return User(Path.home(), os.environ)


def _write(client: Client, edit: Edit, done: str, *, private: bool) -> None:
    path = edit.file.path
    if not edit.changes:
        told = "there is no entry" if done == "removed from" else "the entry is there already"
        tell(f"{client.title}: {told} in {path}; nothing was changed.")
        return
    backup = edit.file.replace(edit.text, private=private)
    tell(f"{client.title}: {NAME} {done} {path}.", "green")
    if backup is not None:
        tell(f"What was there before is in {backup}.")
    tell(client.then)


def _variables(named: Sequence[str], environ: Mapping[str, str], *, copies: bool, shared: bool) -> Variables:
    pairs = [one.partition("=") for one in named]
    if not all(_VARIABLE.fullmatch(name) for name, _, _ in pairs):
        # What was given instead is not repeated: it may be a key.
        raise CallError("--env takes NAME or NAME=VALUE, and what was given is no name of a variable.")
    values = {name: value for name, given, value in pairs if given}
    references = [name for name, given, _ in pairs if not given and name not in values]
    if not copies:
        return Variables(values, tuple(dict.fromkeys(references)))
    if shared:
        raise CallError("Keys are not written into a project's file, which others may read. Leave --copy-keys away.")
    copied = references or [name for names in KEYS.values() for name in names if environ.get(name)]
    if missing := [name for name in copied if not environ.get(name)]:
        raise CallError(
            f"{', '.join(missing)} cannot be copied: not set here. Set it first, or leave --copy-keys away."
        )
    if not copied and not values:
        raise CallError("--copy-keys found no key here: set OPENAI_API_KEY or another first, or name one with --env.")
    return Variables({**{name: environ[name] for name in copied}, **values})


def _with_settings(variables: Variables, model: str | None, home: Path | None) -> Variables:
    settings = {"LONGCALL_MODEL": model} if model else {}
    if home is not None:
        settings["LONGCALL_HOME"] = str(home.expanduser().absolute())
    read_settings(settings)  # what cannot be used is better told now than by a server that does not start
    return Variables({**variables.values, **settings}, variables.references)


def _tell_of_keys(client: Client, path: Path, variables: Variables) -> None:
    for name in variables.references:
        if not os.environ.get(name):
            remark(f"{name} is not set here; {client.title} must have it when it starts.")
    if client.inherits_keys or read_settings(os.environ).keys:  # the server reads the user's file too
        return
    there = registered(client, path) or {}
    known = {name for names in KEYS.values() for name in names}
    env = cast("Mapping[str, object]", there.get("env") or {})
    names = {*env, *cast("Sequence[str]", there.get(client.names_variables or "", ()))}
    if not known & names:
        how = "--env NAME" if client.can_refer else "--copy-keys"
        remark(f"{client.title} is not sure to hand its servers the keys of its environment: name yours with {how}.")
