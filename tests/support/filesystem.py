"""The real filesystem server, installed as npm installs it: a program on the PATH."""

import os
from pathlib import Path

from support.claude import FILESYSTEM
from support.node import NODE_PARTS, missing, node


def installed(folder: Path) -> str:
    """Puts `mcp-server-filesystem` into a folder; returns a PATH that begins with it."""
    script = NODE_PARTS / FILESYSTEM
    if not script.exists():
        missing("the filesystem MCP server")
    folder.mkdir(exist_ok=True)
    program = folder / "mcp-server-filesystem"
    program.write_text(f'#!/bin/sh\nexec {node()} {script} "$@"\n')
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
