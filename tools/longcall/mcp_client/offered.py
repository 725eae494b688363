"""The MCP servers that calls may name here, as far as they are known without starting any."""

from dataclasses import dataclass

from longcall.mcp_client.filesystem import NAME, READING
from longcall.servers import own_servers
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
    writable = settings.writable_servers
    own = own_servers(settings.mcp_config, writable)
    lines = [ServerLine(name, writes) for name, writes in own.items()]
    if NAME not in own:
        lines.append(ServerLine(NAME, NAME in writable, tuple(sorted(READING))))
    return lines
