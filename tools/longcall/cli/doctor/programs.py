"""Programs of others that longcall uses where they are: Claude's command line, Node, the filesystem server."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longcall.cli.doctor.finding import Finding
from longcall.mcp_client import filesystem
from longcall.providers.claude_config import claude_environ
from longcall.providers.claude_names import find_cli
from longcall.providers.claude_process import make_folder
from longcall.settings import Settings

_PATIENCE_S = 30.0
_CLAUDE = "Claude's command line"
_LOGIN = "Claude's login"


def look(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Tells where each is, and whether Claude's command line is logged in."""
    return [*_claude(settings, environ), _node(environ), _filesystem(environ)]


def _claude(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    if settings.claude_proxy_url is not None:
        return [Finding(_CLAUDE, works=True, told="not needed: LONGCALL_CLAUDE_PROXY_URL names a proxy for max/…")]
    path = find_cli(environ)
    if path is None:
        remedy = "Install it from https://claude.com/claude-code, or set LONGCALL_CLAUDE_CLI; only max/… needs it."
        return [Finding(_CLAUDE, works=False, told="not found", remedy=remedy)]
    return [Finding(_CLAUDE, works=True, told=str(path)), _login(path, settings, environ)]


def _login(path: Path, settings: Settings, environ: Mapping[str, str]) -> Finding:
    """Asks it, with the variables that a call gives it; it looks at its own files alone."""
    status = _status(path, settings, environ)
    if status is None:
        remedy = "Bring it up to date; `claude` itself tells in its first lines."
        return Finding(_LOGIN, works=False, told="it cannot tell whether it is logged in", remedy=remedy)
    if status.get("loggedIn") is not True:
        remedy = "Run `claude auth login`, or set CLAUDE_CODE_OAUTH_TOKEN to what `claude setup-token` prints."
        return Finding(_LOGIN, works=False, told="not logged in", remedy=remedy)
    return Finding(_LOGIN, works=True, told=f"logged in ({status.get('authMethod')})")


def _status(path: Path, settings: Settings, environ: Mapping[str, str]) -> dict[str, Any] | None:
    folder = make_folder()
    try:
        ended = subprocess.run(  # noqa: S603  # the operator's program
            [path, "auth", "status"],
            env=claude_environ(environ, folder, api_key=settings.claude_api_key, servers={}),
            cwd=folder.work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        found: Any = json.loads(ended.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    finally:
        folder.remove()
    return found if isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType]  # another program's


def _node(environ: Mapping[str, str]) -> Finding:
    path = shutil.which("node", path=environ.get("PATH"))
    if path is not None:
        return Finding("node", works=True, told=path)
    remedy = "Install it from https://nodejs.org where MCP servers that npx starts are wanted."
    return Finding("node", works=False, told="not on the PATH", remedy=remedy)


def _filesystem(environ: Mapping[str, str]) -> Finding:
    first, *_ = filesystem.commands((), environ)
    if not first["args"]:
        return Finding("filesystem server", works=True, told=str(first["command"]))
    if filesystem.is_stand_in(first):
        remedy = f"Node, or `npm install -g {filesystem.PACKAGE}`, brings the official one."
        return Finding("filesystem server", works=True, told="longcall's own stand-in", remedy=remedy)
    told = f"npx fetches {filesystem.PACKAGE}@{filesystem.VERSION} when it is first needed"
    return Finding("filesystem server", works=True, told=f"{told}; a stand-in of longcall's own is there too")
