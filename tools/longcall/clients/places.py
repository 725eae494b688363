"""Where each client keeps its config file, on each system."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class User:
    """Whose files they are: the home folder, the variables that move some of them, and the system."""

    home: Path
    environ: Mapping[str, str]
    system: str = sys.platform
    """As in `sys.platform`."""

    def named(self, variable: str) -> Path | None:
        """Returns the folder that the variable names, if it does."""
        text = self.environ.get(variable, "").strip()
        return Path(text).expanduser() if text else None

    @property
    def apps(self) -> Path:
        """The folder in which desktop programs keep their settings."""
        if self.system == "darwin":
            return self.home / "Library" / "Application Support"
        if self.system == "win32":
            return self.named("APPDATA") or self.home / "AppData" / "Roaming"
        return self.named("XDG_CONFIG_HOME") or self.home / ".config"


Place = Callable[[User], Path]


def claude_code(user: User) -> Path:
    """`~/.claude.json`, or in the folder CLAUDE_CONFIG_DIR (code.claude.com/docs/en/mcp; seen with 2.1.330)."""
    return (user.named("CLAUDE_CONFIG_DIR") or user.home) / ".claude.json"


def claude_desktop(user: User) -> Path:
    """`Claude/claude_desktop_config.json` (modelcontextprotocol.io/docs/develop/connect-local-servers).

    The Windows package (MSIX, since February 2026) sees another folder under that name: anthropics/claude-code#26073.
    """
    folder = user.apps / "Claude"
    if user.system == "win32":
        local = user.named("LOCALAPPDATA") or user.home / "AppData" / "Local"
        packaged = sorted((local / "Packages").glob("Claude_*/LocalCache/Roaming/Claude"))
        folder = packaged[0] if packaged else folder
    return folder / "claude_desktop_config.json"


def codex(user: User) -> Path:
    """`~/.codex/config.toml`, or in CODEX_HOME (openai/codex, codex-rs/config; developers.openai.com/codex/mcp)."""
    return (user.named("CODEX_HOME") or user.home / ".codex") / "config.toml"


def cursor(user: User) -> Path:
    """`~/.cursor/mcp.json` on every system (cursor.com/docs/mcp)."""
    return user.home / ".cursor" / "mcp.json"


def vscode(user: User) -> Path:
    """`mcp.json` of the default profile (code.visualstudio.com/docs/copilot/reference/mcp-configuration)."""
    return user.apps / "Code" / "User" / "mcp.json"


def gemini(user: User) -> Path:
    """`~/.gemini/settings.json` (google-gemini/gemini-cli, docs/tools/mcp-server.md)."""
    return user.home / ".gemini" / "settings.json"
