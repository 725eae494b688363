"""The MCP servers that calls may name here, as far as they are known without starting any."""

from dataclasses import dataclass

from longcall.mcp_client.filesystem import NAME, READING
from longcall.servers import may_write, server_names
from longcall.settings import Settings


@dataclass(frozen=True, slots=True)
class ServerLine:
    """A server that calls may name."""

    name: str
    writes: bool
    """Whether models may use its writing tools too."""
    tools: tuple[str, ...] | None = None
    """The names of the tools that read; None where only the server knows them."""


def offered(settings: Settings) -> list[ServerLine]:
    """Returns the operator's servers and the one that is always there.

    Raises:
        CallError: the operator's file cannot be read.
    """
    names = server_names(settings.mcp_config)
    writable = settings.writable_servers
    lines = [ServerLine(name, may_write(name, settings.mcp_config, writable)) for name in names]
    if NAME not in names:
        lines.append(ServerLine(NAME, NAME in writable, tuple(sorted(READING))))
    return lines
