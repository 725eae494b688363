"""The clients that longcall can be registered with, and how each wants an entry to be written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from longcall.clients import places
from longcall.clients.formats import ConfigError, Format
from longcall.clients.json_file import Json
from longcall.clients.places import Place, User
from longcall.clients.toml_file import Toml


@dataclass(frozen=True, slots=True)
class Client:
    """A program that starts MCP servers."""

    name: str
    title: str
    place: Place
    """Where its user's config file is."""
    in_project: str | None
    """Its config file below a project's folder; None: it has none."""
    servers: str
    """The member of the file that holds the servers."""
    format: Format
    reference: str | None = None
    """How an entry refers to a variable of the client's environment, with `{}` for its name."""
    names_variables: str | None = None
    """The member of an entry that lists variables to pass on, where it is done so."""
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else an entry must say."""
    slow_start: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What an entry should say whose first start installs."""
    inherits_keys: bool = True
    """Whether its servers are known to get the keys of its own environment unasked."""
    then: str = ""
    """What its user has to do to have a change seen."""

    @property
    def can_refer(self) -> bool:
        """Whether an entry can name a variable instead of holding its value."""
        return self.reference is not None or self.names_variables is not None

    def path(self, user: User, project: Path | None) -> Path:
        """Returns its config file: the user's, or that of a project's folder.

        Raises:
            ConfigError: it has none for projects.
        """
        if project is None:
            return self.place(user)
        if self.in_project is None:
            raise ConfigError(f"{self.title} has no config file for a project; leave `--scope project` away.")
        return project / self.in_project


_STDIO = {"type": "stdio"}
_LENIENT = Json(comments=True, trailing_commas=True)
CLIENTS: Mapping[str, Client] = {
    client.name: client
    for client in (
        Client(
            "claude-code", "Claude Code", places.claude_code, ".mcp.json", "mcpServers", Json(),
            # With a default: where the variable is not set, the reference itself would be passed on as its value.
            reference="${{{}:-}}", extra=_STDIO, then="Start Claude Code anew; /mcp shows the server.",
        ),
        Client(
            "claude-desktop", "Claude Desktop", places.claude_desktop, None, "mcpServers", Json(), inherits_keys=False,
            then="Quit Claude Desktop and start it again; closing its window is not enough.",
        ),
        Client(
            "codex", "Codex", places.codex, ".codex/config.toml", "mcp_servers", Toml(),
            # Codex passes few variables on by itself; `env_vars` names more (openai/codex, config/src/mcp_types.rs).
            names_variables="env_vars", slow_start={"startup_timeout_sec": 120}, inherits_keys=False,
            then="Start Codex anew; /mcp shows the server.",
        ),
        Client(
            "cursor", "Cursor", places.cursor, ".cursor/mcp.json", "mcpServers", _LENIENT,
            reference="${{env:{}}}", extra=_STDIO, inherits_keys=False,
            then="Switch the server on in Cursor's settings, Tools & MCP.",
        ),
        Client(
            "vscode", "VS Code", places.vscode, ".vscode/mcp.json", "servers", _LENIENT,
            reference="${{env:{}}}", extra=_STDIO, then="Run `MCP: List Servers` in VS Code and start the server.",
        ),
        Client(
            "gemini", "Gemini CLI", places.gemini, ".gemini/settings.json", "mcpServers", Json(comments=True),
            reference="${{{}}}", inherits_keys=False, then="Start Gemini CLI anew; /mcp shows the server.",
        ),
    )
}  # fmt: skip
"""Name → client."""
