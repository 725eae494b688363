"""The server, started as a host starts it, in both eras of the protocol."""

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Literal

import anyio

from longcall.cli.doctor.finding import Finding
from longcall.clients.launcher import launch
from longcall.clock import Clock

Era = Literal["legacy", "auto"]
_PATIENCE_S = 60.0
_SLOW_S = 5.0
"""What Claude Code grants a server whose tools are always loaded; other hosts grant 10 s to 30 s."""
_CUT_BYTES = 2048
"""Claude Code cuts a server's instructions here."""
_BYTES_PER_TOKEN = 4
_SAID_CHARS = 300


@dataclass(frozen=True, slots=True)
class _Met:
    """A server that answered."""

    version: str
    seconds: float
    """From its start to its first answer."""
    tools: int
    tools_bytes: int
    instructions_bytes: int


async def look(environ: Mapping[str, str]) -> list[Finding]:
    """Starts the server twice, on an empty task store of its own, and tells what a host sees of it."""
    with tempfile.TemporaryDirectory(prefix="longcall-doctor-") as home:
        apart = {**environ, "LONGCALL_HOME": home}
        try:
            older, newer = await _meet(apart, "legacy"), await _meet(apart, "auto")
        except _SilentError as error:
            remedy = "Run `longcall` alone in a terminal: it should wait for input, and Ctrl-D ends it."
            return [Finding("server", works=False, told=str(error), remedy=remedy, is_needed=True)]
    is_slow = max(older.seconds, newer.seconds) > _SLOW_S
    told = (
        f"answered initialize ({older.version}) after {older.seconds:.1f} s"
        f" and server/discover ({newer.version}) after {newer.seconds:.1f} s"
    )
    slow = (
        "Some hosts give up on so slow a start. The first one after an upgrade is slow; otherwise look for a busy disk."
    )
    list_told = f"{newer.tools} in {newer.tools_bytes:,} bytes, about {newer.tools_bytes // _BYTES_PER_TOKEN:,} tokens"
    return [
        Finding("server", works=True, told=told, remedy=slow if is_slow else "", is_needed=True),
        Finding("tools", newer.tools > 0, f"{list_told} of a chat's context where a host loads them all"),
        Finding("instructions", newer.instructions_bytes <= _CUT_BYTES, f"{newer.instructions_bytes:,} bytes"),
    ]


class _SilentError(Exception):
    """The server did not answer; the message says what it said instead."""


async def _meet(environ: Mapping[str, str], era: Era) -> _Met:
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        try:
            with anyio.fail_after(_PATIENCE_S):
                return await _ask(environ, era, said)
        except Exception as error:  # noqa: BLE001  # whatever it does wrong, a doctor tells it and goes on
            said.seek(0)
            words = " ".join(said.read().split())[-_SAID_CHARS:]  # at its end a traceback says why
            why = f"within {_PATIENCE_S:g} s" if isinstance(error, TimeoutError) else "at its start"
            raise _SilentError(f"it did not answer {why}: {words or type(error).__name__}") from None


async def _ask(environ: Mapping[str, str], era: Era, said: IO[str]) -> _Met:
    from mcp import Client, StdioServerParameters  # noqa: PLC0415  # an MCP client's imports take a second
    from mcp.client.stdio import stdio_client  # noqa: PLC0415  # as above

    command, *args = _command(environ)
    transport = stdio_client(StdioServerParameters(command=command, args=args, env=dict(environ)), errlog=said)  # pyright: ignore[reportArgumentType]  # any text file with a descriptor
    clock = Clock()
    begun = clock.tick()
    async with Client(transport, mode=era) as client:
        seconds = (clock.tick() - begun) / 1000
        listed = await client.list_tools()
        size = len(listed.model_dump_json(by_alias=True, exclude_none=True).encode())
        instructions = (client.instructions or "").encode()
        return _Met(client.protocol_version, seconds, len(listed.tools), size, len(instructions))


def _command(environ: Mapping[str, str]) -> tuple[str, ...]:
    found = launch(environ)
    # What uvx would install anew runs already: this one.
    return (sys.executable, "-m", "longcall_server") if found.installs else (found.command, *found.args)
