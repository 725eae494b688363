"""How a server is reached: its process over pipes, which cannot outlive this one, or its URL."""

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio.to_thread

_WATCHED = """
exec 3<"$0"
(trap '' TERM; read -r _ <&3; rm -rf -- "${0%/*}"; kill -s TERM 0; sleep 2; kill -s KILL 0) \\
    </dev/null >/dev/null 2>&1 &
exec 3<&-
exec "$@"
"""
"""A shell stands watch in the server's process group: it reads from a pipe that ends with this process, even killed."""


@asynccontextmanager
async def transport(server: Mapping[str, Any]) -> AsyncGenerator[Any]:
    """Yields the SDK's transport for a server, as a .mcp.json describes it; at the end its process is gone."""
    if url := server.get("url"):
        from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415  # only who calls servers
        from mcp.shared._httpx_utils import create_mcp_http_client  # noqa: PLC0415  # as above

        async with create_mcp_http_client(headers=server.get("headers") or {}) as http:
            yield streamable_http_client(str(url), http_client=http)
        return
    from mcp import StdioServerParameters  # noqa: PLC0415  # as above
    from mcp.client.stdio import stdio_client  # noqa: PLC0415  # as above

    command = [str(server.get("command") or ""), *(str(word) for word in server.get("args") or ())]
    # Its variables are those of its entry, beside the few harmless ones that the SDK passes on: never our keys.
    own: dict[str, Any] = server.get("env") or {}
    environ = {name: str(value) for name, value in own.items()}
    if shutil.which(command[0], path=environ.get("PATH")) is None:  # the shell would start, and say nothing to us
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
    async with _lifeline() as pipe:
        first, *rest = command if pipe is None else ["/bin/sh", "-c", _WATCHED, str(pipe), *command]
        yield stdio_client(StdioServerParameters(command=first, args=rest, env=environ), errlog=sys.stderr)


@asynccontextmanager
async def _lifeline() -> AsyncGenerator[Path | None]:
    """Yields a named pipe that ends when this process does or the block is left; None where there are none."""
    if sys.platform == "win32":
        yield None  # there the SDK's job object ends what it holds
        return
    folder = Path(await anyio.to_thread.run_sync(lambda: tempfile.mkdtemp(prefix="longcall-mcp-")))
    os.mkfifo(folder / "alive", 0o600)
    held = os.open(folder / "alive", os.O_RDWR | os.O_CLOEXEC)
    try:
        yield folder / "alive"
    finally:
        os.close(held)
        with suppress(OSError):  # the watch removes it too
            os.unlink(folder / "alive")  # noqa: PTH108  # an instant
            os.rmdir(folder)  # noqa: PTH106  # as above
