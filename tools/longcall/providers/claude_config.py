"""How Claude's command line is started for a call: with as little of its user's world as it needs to log in.

It gets no tool but those of the servers that the call names; no settings, hooks, memories or commands of the user's; an
empty folder to work in; and an environment without the keys of others.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longcall.call import Call
from longcall.environment import decides_claude, matters
from longcall.errors import CallError
from longcall.providers.claude_process import Folder
from longcall.providers.claude_turns import GO_ON, Turns
from longcall.servers import Servers

_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}
_SCHEMA_BYTES = 100_000
"""Longest schema on the command line: Linux takes 128 KiB for one argument."""
_BY_SCHEMA = "Answer with JSON alone, without a code fence, that fits this JSON Schema:\n"
_FILESYSTEM = "server-filesystem"
_KEYS = frozenset({"ANTHROPIC_API_KEY"})
_CLOUDS = ("AWS_", "AZURE_", "GOOGLE_", "VERTEX", "CLOUD_ML_")
_KEPT = ("ANTHROPIC_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_OURS = {
    # An @path in a prompt would otherwise be read and sent, whatever the tools; the second name is the older one.
    "CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1",
    "CLAUDE_CODE_DISABLE_ATTACHMENTS": "1",
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    # It would ask once more, and pay once more, when a stream breaks.
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",
    "DISABLE_AUTOUPDATER": "1",
}


def claude_environ(
    environ: Mapping[str, str], folder: Folder, *, api_key: bool, servers: Mapping[str, object]
) -> dict[str, str]:
    """Returns the variables that the command line runs with.

    ANTHROPIC_API_KEY, which it would bill instead of the subscription it is logged in to, is passed on with `api_key`
    alone. Without servers a call is one request, and what was turned away is asked again by longcall; with them it is
    many, and one that is turned away is asked again by the command line, so that those before it are not lost.
    """
    cloud = any(environ.get(name) for name in environ if name.startswith("CLAUDE_CODE_USE_"))
    ours = {name: value for name, value in environ.items() if _is_passed(name, api_key=api_key, cloud=cloud)}
    ours |= {**_OURS, "CLAUDE_CODE_TMPDIR": str(folder.path)}
    return ours if servers else {**ours, "CLAUDE_CODE_MAX_RETRIES": "0"}


def _is_passed(name: str, *, api_key: bool, cloud: bool) -> bool:
    upper = name.upper()
    if upper in _KEYS:
        return api_key
    if upper.startswith(_KEPT) or decides_claude(name):
        return not upper.startswith("LONGCALL_")
    if upper.startswith(_CLOUDS):
        return cloud
    if upper.startswith(("CLAUDE", "LONGCALL_")) or upper == "PYTHONSAFEPATH":
        return False  # marks of a session around us, in which another one would refuse to run, or behave otherwise
    return not matters(name) and not _SECRET.search(name)


def claude_command(
    cli: Path,
    call: Call,
    turns: Turns,
    folder: Folder,
    *,
    model: str | None,
    servers: Servers,
    allowed: Sequence[str],
    skip_permissions: bool,
    bills: bool,
) -> tuple[list[str], Path]:
    """Writes what is asked into `folder`; returns the command line, which holds none of it, and the file for stdin."""
    system, by_option = turns.system, _fits_option(call)
    if call.response_schema is not None and not by_option:
        system = f"{system}\n\n{_BY_SCHEMA}{json.dumps(call.response_schema)}".strip()
    command = [
        str(cli), "-p", "--input-format=stream-json", "--output-format=stream-json", "--include-partial-messages",
        "--verbose", "--tools=", "--setting-sources=", "--disable-slash-commands", "--no-session-persistence",
        f"--system-prompt-file={folder.write('system', system)}", "--strict-mcp-config",
    ]  # fmt: skip
    if model is not None:
        command.append(f"--model={model}")
    if turns.earlier:
        command.append(f"--resume={folder.write('earlier.jsonl', turns.earlier)}")
    if servers:
        command += _with_servers(call, servers, allowed, folder, bills=bills)
    if by_option:
        command.append(f"--json-schema={json.dumps(call.response_schema)}")
    if call.reasoning_effort in _EFFORTS:
        command.append(f"--effort={_EFFORTS[call.reasoning_effort]}")
    if skip_permissions:
        command.append("--dangerously-skip-permissions")
    return command, folder.write("asked.jsonl", turns.last)


def _budget(call: Call, *, bills: bool) -> float | None:
    """Returns the US dollars that a run may cost: of the budget, and of the cap of a call where a key is billed."""
    caps = call.caps.call_usd if bills and call.caps is not None else None
    limits = [usd for usd in (call.policy.budget.usd, caps) if usd is not None]
    return min(limits, default=None)


def _with_servers(
    call: Call, servers: Servers, allowed: Sequence[str], folder: Folder, *, bills: bool
) -> Sequence[str]:
    config = folder.write("servers.json", json.dumps({"mcpServers": servers}))
    options = [f"--mcp-config={config}", f"--allowedTools={','.join(allowed)}"]
    options += [f"--add-dir={folder}" for folder in _roots(servers)]
    if (usd := _budget(call, bills=bills)) is not None:
        # With tools a run is many requests, and it stops between two; of a single one it would throw away the answer.
        options.append(f"--max-budget-usd={usd:.6f}")
    return options


def gathers(call: Call, servers: Servers) -> bool:
    """Whether the answer is known at the end of the run alone."""
    return bool(servers) or _fits_option(call)


def _fits_option(call: Call) -> bool:
    """Whether the schema can be given as an option, where it becomes a tool's: those are for objects alone."""
    schema = call.response_schema
    return schema is not None and schema.get("type") == "object" and len(json.dumps(schema)) <= _SCHEMA_BYTES


def allowed_tools(servers: Servers, wanted: Sequence[str], only: Mapping[str, frozenset[str]]) -> list[str]:
    """Returns the tools that may be used, as the command line names them: a server's name stands for all of its tools.

    Args:
        servers: the servers of the call.
        wanted: the tools that the caller names, alone, after `server/`, or as the command line does; none means all.
        only: for some servers, the tools that may be used at all.
    """
    allowed: list[str] = []
    for server in servers:
        prefix = f"mcp__{re.sub(r'[^a-zA-Z0-9_-]', '_', server)}"
        names = [name.removeprefix(f"{server}/").removeprefix(f"{prefix}__") for name in wanted]
        known = only.get(server)
        if known is not None:
            names = [name for name in names or sorted(known) if name in known]
        elif not wanted:
            allowed.append(prefix)
        allowed += [f"{prefix}__{name}" for name in names]
    return allowed


def _roots(servers: Servers) -> Sequence[str]:
    """Returns the folders of the filesystem server.

    That server takes the folders that its client names in place of those in its arguments, and Claude's command line
    names those it works in. Two such servers would get the folders of both.

    Raises:
        CallError: two of them have different folders.
    """
    roots = {name: found for name, server in servers.items() if (found := _folders(server))}
    if len(set(roots.values())) > 1:
        raise CallError(
            f"The filesystem servers {' and '.join(sorted(roots))} cannot be used in one call: Claude's command line"
            " would open the folders of each to the other. Name one of them, or configure one with all the folders."
        )
    return next(iter(roots.values()), ())


def _folders(server: Mapping[str, Any]) -> tuple[str, ...]:
    words = [str(word) for word in (server.get("command"), *(server.get("args") or ())) if word]
    at = next((number for number, word in enumerate(words) if _FILESYSTEM in word), len(words))
    return tuple(word for word in words[at + 1 :] if Path(word).is_absolute() and Path(word).is_dir())


def left_out(call: Call, turns: Turns) -> list[str]:
    """Returns, in words, what of the call the command line does not take."""
    notes = [
        f"Claude's command line does not take `{name}` {value}; it was not sent."
        for name, value in (("max_tokens", call.max_tokens), ("temperature", call.temperature))
        if value is not None
    ]
    effort = call.reasoning_effort
    if effort not in (None, "low", "medium", "high"):
        taken = _EFFORTS.get(effort, "its default")
        notes.append(f"Claude's command line does not take `reasoning_effort` {effort}; it was asked with {taken}.")
    if call.response_schema is not None and not _fits_option(call):
        notes.append(
            "The schema was given to Claude in words: its command line takes one for objects of moderate size."
        )
    if turns.goes_on:
        notes.append(f"The last turn is Claude's own, so it was asked: {GO_ON}")
    return notes
