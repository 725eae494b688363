"""Putting longcall's entry into a client's config file, and taking it out again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from longcall.clients.config_file import ConfigFile, read
from longcall.clients.entry import NAME, is_ours
from longcall.clients.formats import ConfigError, SyntaxFault, Tree
from longcall.clients.registry import Client

_ENV = "env"


@dataclass(frozen=True, slots=True)
class Edit:
    """A file, and the text that it is to have."""

    file: ConfigFile
    text: str
    was_there: bool
    """Whether there was an entry of that name."""

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return self.text != self.file.text


def registered(client: Client, path: Path) -> Mapping[str, Any] | None:
    """Returns the entry of longcall's name in a config file, whoever made it; None when there is none.

    Raises:
        ConfigError: the file cannot be read; the sentence says where it is broken.
    """
    found = _servers(client, path, _tree(client, read(path))).get(NAME)
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else None


def install(client: Client, path: Path, entry: Mapping[str, Any], *, force: bool = False) -> Edit:
    """Returns the edit after which the entry is in the file.

    What else its user wrote into an entry of ours stays, variables included.

    Raises:
        ConfigError: the file is broken, or has a foreign entry of that name and `force` is not given.
    """
    file = read(path)
    tree = _tree(client, file)
    servers = _servers(client, path, tree)
    there: Any = servers.get(NAME)
    if there is not None and not is_ours(there):
        _refuse_foreign(client, path, force=force)
        there = None
    text, wanted = file.text, dict(entry)
    if there is None:
        text = client.format.put(text, (client.servers, NAME), wanted)
    else:
        wanted = _merged(client, there, entry)
        for keys, value in _differences(there, wanted):
            text = client.format.put(text, (client.servers, NAME, *keys), value)
        for name in _emptied(client, there, entry):
            text = client.format.drop(text, (client.servers, NAME, _ENV, name))
    return _checked(client, file, text, tree | {client.servers: servers | {NAME: wanted}}, was_there=NAME in servers)


def uninstall(client: Client, path: Path, *, force: bool = False) -> Edit:
    """Returns the edit after which no entry of longcall's is in the file.

    Raises:
        ConfigError: the file is broken, or has a foreign entry of that name and `force` is not given.
    """
    file = read(path)
    tree = _tree(client, file)
    servers = _servers(client, path, tree)
    if NAME not in servers:
        return Edit(file, file.text, was_there=False)
    if not is_ours(servers[NAME]):
        _refuse_foreign(client, path, force=force)
    text = client.format.drop(file.text, (client.servers, NAME))
    kept = {name: server for name, server in servers.items() if name != NAME}
    return _checked(client, file, text, tree | {client.servers: kept}, was_there=True)


def _refuse_foreign(client: Client, path: Path, *, force: bool) -> None:
    if not force:
        raise ConfigError(
            f"{path} has an entry {NAME!r} already that does not start this program. It was left as it is; look at it,"
            f" and add --force to have {client.title}'s entry replaced or removed all the same."
        )


def _tree(client: Client, file: ConfigFile) -> Tree:
    try:
        return client.format.read(file.text)
    except SyntaxFault as fault:
        raise ConfigError(
            f"{file.path} is broken or not as {client.title} reads it ({fault}). It was left as it is. Mend it and run"
            f" this again; `longcall install {client.name} --print` shows what to add by hand."
        ) from None


def _servers(client: Client, path: Path, tree: Tree) -> dict[str, Any]:
    found: Any = tree.get(client.servers, {})
    if not isinstance(found, dict):
        raise ConfigError(
            f"`{client.servers}` in {path} must be a table of servers by their names, and is none. It was left as it"
            " is; mend it first."
        )
    return cast("dict[str, Any]", found)


def _merged(client: Client, there: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an entry that is there, with what it is to say now."""
    merged = {**there, **entry}
    emptied = _emptied(client, there, entry)
    env = {name: value for name, value in _env(there).items() if name not in emptied} | _env(entry)
    if _ENV in there or env:
        merged[_ENV] = env
    listing = client.names_variables
    if listing is not None and listing in there:
        known: list[Any] = [*there[listing]]
        merged[listing] = [*known, *(name for name in entry.get(listing, ()) if name not in known)]
    return merged


def _env(entry: Mapping[str, Any]) -> dict[str, Any]:
    found: Any = entry.get(_ENV)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _emptied(client: Client, there: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    """Returns the variables whose values must go, so that the client's own are taken."""
    named = entry.get(client.names_variables, ()) if client.names_variables is not None else ()
    return [name for name in named if name in _env(there)]


def _differences(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yields what must be put where, variable by variable, so that comments between them stay."""
    for name, value in wanted.items():
        if name == _ENV and isinstance(there.get(name), dict):
            yield from (((name, one), text) for one, text in value.items() if there[name].get(one) != text)
        elif there.get(name) != value:
            yield (name,), value


def _filled(client: Client, tree: Tree) -> Tree:
    """Returns a tree without the member that holds the servers where it holds none: TOML may then lack it."""
    return {name: value for name, value in tree.items() if name != client.servers or value}


def _checked(client: Client, file: ConfigFile, text: str, wanted: Tree, *, was_there: bool) -> Edit:
    """Reads the new text as the client will, and takes it only if it says what it is to say."""
    try:
        holds = client.format.read(text)
    except SyntaxFault:
        holds = None
    if holds is None or _filled(client, holds) != _filled(client, wanted):
        raise ConfigError(
            f"{file.path} is written in a way that longcall cannot edit safely. It was left as it is;"
            f" `longcall install {client.name} --print` shows what to add by hand."
        )
    return Edit(file, text, was_there)
