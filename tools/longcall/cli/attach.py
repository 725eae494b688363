"""How to attach longcall to each host, from wherever it was installed."""

import json
import shlex
from collections.abc import Mapping

from longcall.catalog import KEYS
from longcall.clients.launcher import origin

_START_S = 120
"""Seconds that Codex should give the first start, in which uvx installs."""


def attaching(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns for each host how to attach longcall, ready to be copied."""
    source = origin()
    arguments = ["longcall"] if source is None else ["--from", source, "longcall"]
    keys = [name for names in KEYS.values() for name in names if name.endswith("_API_KEY") and environ.get(name)]
    keys = keys or ["ANTHROPIC_API_KEY"]
    uvx = f"uvx {shlex.join(arguments)}"
    return {
        "Claude Code, or claude-desktop, codex, cursor, vscode, gemini": f"{uvx} install claude-code",
        "Claude Code by hand": f"claude mcp add longcall -- {uvx}",
        "Claude Desktop by hand, in claude_desktop_config.json": _json(arguments, dict.fromkeys(keys, "<your key>")),
        "Codex by hand, in ~/.codex/config.toml": _toml(arguments, keys),
        "Any other host, in .mcp.json": _json(arguments, {name: f"${{{name}:-}}" for name in keys}),
    }


def _json(arguments: list[str], env: dict[str, str]) -> str:
    entry = f'  "command": "uvx",\n  "args": {json.dumps(arguments, ensure_ascii=False)},\n  "env": {json.dumps(env)}\n'
    return '{"mcpServers": {"longcall": {\n' + entry + "}}}"


def _toml(arguments: list[str], keys: list[str]) -> str:
    # A JSON array of strings is a TOML array of strings.
    return (
        f'[mcp_servers.longcall]\ncommand = "uvx"\nargs = {json.dumps(arguments, ensure_ascii=False)}\n'
        f"env_vars = {json.dumps(keys)}\nstartup_timeout_sec = {_START_S}"
    )
