"""The clients that longcall is registered with."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from longcall.cli.doctor.finding import Finding
from longcall.clients.entry import NAME, is_ours
from longcall.clients.formats import ConfigError
from longcall.clients.places import User
from longcall.clients.registering import registered
from longcall.clients.registry import CLIENTS, Client


def look(user: User, project: Path) -> list[Finding]:
    """Tells of every client's entry, the user's and that of the project in this folder."""
    found = [finding for client in CLIENTS.values() for finding in _entries(client, user, project)]
    if found:
        return found
    remedy = f"`longcall install CLIENT` does so: {', '.join(CLIENTS)}."
    return [Finding("clients", works=False, told="longcall is registered with none", remedy=remedy)]


def _entries(client: Client, user: User, project: Path) -> Iterator[Finding]:
    for folder in (None,) if client.in_project is None else (None, project):
        finding = _entry(client, folder, user)
        if finding is not None:
            yield finding


def _entry(client: Client, project: Path | None, user: User) -> Finding | None:
    what = client.title if project is None else f"{client.title} (project)"
    command_line = f"longcall install {client.name}" + ("" if project is None else " --scope project")
    path = client.path(user, project)
    try:
        entry = registered(client, path)
    except ConfigError as error:
        return Finding(what, works=False, told=str(error))
    if entry is None:
        return None
    if "url" in entry and "command" not in entry:
        return Finding(what, works=True, told=f"registered by a URL in {path}")
    if not is_ours(entry):
        remedy = f"Look at it; `{command_line} --force` puts ours in its place."
        return Finding(what, works=False, told=f"the entry {NAME!r} in {path} starts something else", remedy=remedy)
    command = str(entry.get("command"))
    if shutil.which(command, path=user.environ.get("PATH")) is None:
        told = f"{path} names {command}, which is not there"
        return Finding(what, works=False, told=told, remedy=f"`{command_line}` mends it.")
    return Finding(what, works=True, told=f"registered in {path}")
