"""The server `filesystem`, which calls may name without any configuration, confined to a task's roots.

It is the official one where Node is; otherwise, or when that one does not start, a stand-in of ours with the same
tools. Either is asked through the same client, and for neither a path to a file of secrets is passed on.
"""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longcall.files.roots import Roots
from longcall.files.secrets import secret_part

NAME = "filesystem"
PACKAGE = "@modelcontextprotocol/server-filesystem"
VERSION = "2026.8.31"
PROGRAM = "mcp-server-filesystem"
"""The command of the npm package, where it is installed."""
STAND_IN = "longcall_server.filesystem"
READING = frozenset({
    "read_file", "read_text_file", "read_media_file", "read_multiple_files", "list_directory",
    "list_directory_with_sizes", "directory_tree", "search_files", "get_file_info", "list_allowed_directories",
})  # fmt: skip
_PATHS = ("path", "paths", "source", "destination")


def commands(roots: Sequence[str], environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Returns how to start it, best first; the last one needs nothing that may be missing."""
    found: list[dict[str, Any]] = []
    path = environ.get("PATH")
    if program := shutil.which(PROGRAM, path=path):
        found.append({"command": program, "args": list(roots)})
    elif npx := shutil.which("npx", path=path):
        found.append({"command": npx, "args": ["-y", f"{PACKAGE}@{VERSION}", *roots]})
    return [*found, stand_in(roots)]


def stand_in(roots: Sequence[str]) -> dict[str, Any]:
    """Returns how to start the stand-in."""
    return {"command": sys.executable, "args": ["-m", STAND_IN, *roots], "env": {"PYTHONSAFEPATH": "1"}}


def is_stand_in(server: Mapping[str, Any]) -> bool:
    """Whether a server, as `commands` describes it, is the stand-in."""
    return STAND_IN in server["args"]


def is_filesystem(server: Mapping[str, Any]) -> bool:
    """Whether a server, as a .mcp.json describes it, is the official filesystem server or ours."""
    words = [str(word) for word in (server.get("command"), *(server.get("args") or ()))]
    return any(sign in word for word in words for sign in ("server-filesystem", STAND_IN))


def refusal(arguments: Mapping[str, Any], roots: Roots) -> str | None:
    """Returns why a call of one of its tools is not passed on: a path in it is that of a file with secrets."""
    for name in _PATHS:
        value = arguments.get(name)
        for path in value if isinstance(value, list) else [value]:  # pyright: ignore[reportUnknownVariableType]  # a model's
            if not isinstance(path, str) or "\0" in path:
                continue
            for tried in (Path(path), Path(os.path.realpath(Path(path).expanduser()))):
                if part := secret_part(roots.relative(tried)):
                    return f"{path!r} is refused for its name ({part}): such files hold secrets."
    return None
