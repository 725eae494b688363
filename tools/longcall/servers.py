"""MCP servers for calls: names that a caller may choose, from the operator's own file, and what they stand for.

The file has the form of .mcp.json. `${NAME}` and `${NAME:-default}` in it are filled in from the environment, so that
it need not hold secrets; a worker fills in those of the front that started it. Nothing that a tool's argument says ever
becomes a command: it chooses among these names.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from longcall.errors import CallError

Servers = dict[str, dict[str, Any]]
"""MCP servers by name, each as .mcp.json describes it: `command`, `args`, `env`, or `url`, `headers`."""
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_VARIABLE_SETTING = "LONGCALL_MCP_CONFIG"


def chosen_servers(names: Sequence[str], config: Path | None, environ: Mapping[str, str]) -> Servers:
    """Returns the operator's servers of these names, with their variables filled in.

    Raises:
        CallError: a name is not in the file, the file cannot be read, or a variable is not set; the sentence says
            which, and which names there are. None of a variable's value is in it.
    """
    if not names:
        return {}
    if config is None:
        raise CallError(
            f"No MCP servers are configured, so {_listed(names)} cannot be used. Set {_VARIABLE_SETTING} to the path of"
            " a .mcp.json with the servers that calls may name."
        )
    servers = _read(config)
    unknown = [name for name in names if name not in servers]
    if unknown:
        raise CallError(
            f"There is no MCP server {_listed(unknown)} in {config}. There are: {_listed(sorted(servers))}."
        )
    return {name: _filled(name, servers[name], environ) for name in names}


def server_names(config: Path | None) -> list[str]:
    """Returns the names of the operator's servers; none when no file is configured.

    Raises:
        CallError: the file cannot be read.
    """
    return sorted(_read(config)) if config is not None else []


def own_servers(config: Path | None, writable: Collection[str]) -> dict[str, bool]:
    """Returns the operator's servers by name, each with whether models may use its writing tools.

    They may where a setting says so, or `"writable": true` in its entry.

    Raises:
        CallError: the file cannot be read.
    """
    servers = _read(config) if config is not None else {}
    return {name: name in writable or servers[name].get("writable") is True for name in sorted(servers)}


def given_servers(mcp_config: Mapping[str, Any] | None) -> Servers:
    """Returns the servers of a caller's own `{"mcpServers": {…}}`, as they are.

    Raises:
        CallError: it has another form.
    """
    if mcp_config is None:
        return {}
    return _servers(mcp_config, "`mcp_config`")


def _read(config: Path) -> Servers:
    try:
        found: Any = json.loads(config.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds no valid JSON"
        raise CallError(f"The MCP servers of {_VARIABLE_SETTING} cannot be read from {config}: {reason}.") from None
    return _servers(found, str(config))


def _servers(found: Any, where: str) -> Servers:
    servers = cast("dict[str, Any]", found).get("mcpServers") if isinstance(found, Mapping) else None
    if not isinstance(servers, dict):
        raise CallError(f'{where} must be of the form {{"mcpServers": {{"name": {{"command": …}}}}}}.')
    named = cast("dict[str, Any]", servers)
    for name, server in named.items():
        if not isinstance(server, dict):
            raise CallError(f"The MCP server {name!r} in {where} must be a JSON object with `command` or `url`.")
    return named


def _filled(name: str, value: Any, environ: Mapping[str, str]) -> Any:
    """Returns `value` with every variable in its texts filled in; what is filled in is never looked at again."""

    def fill(found: re.Match[str]) -> str:
        variable, default = found[1], found[2]
        text = environ.get(variable) or default
        if text is None:
            raise CallError(f"The MCP server {name!r} needs the variable {variable}, which is not set.")
        return text

    match value:
        case str():
            return _VARIABLE.sub(fill, value)
        case dict():
            return {key: _filled(name, part, environ) for key, part in cast("dict[str, Any]", value).items()}
        case list():
            return [_filled(name, part, environ) for part in cast("list[Any]", value)]
        case _:
            return value


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none"
