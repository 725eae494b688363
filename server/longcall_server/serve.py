"""`longcall serve`: MCP over stdio, or over HTTP for many clients."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from longcall.errors import CallError
from longcall.settings import Settings, here
from longcall.tokens import VARIABLE, TokenFile
from longcall_server.binding import Binding
from longcall_server.credentials import Credentials, operator_digest

_DEFAULT = Binding()


def serve(
    http: Annotated[bool, typer.Option("--http", help="Serve Streamable HTTP instead of stdio.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = _DEFAULT.host,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = _DEFAULT.port,
    path: Annotated[str, typer.Option(help="Path of the MCP endpoint.")] = _DEFAULT.path,
    require_token: Annotated[bool, typer.Option("--require-token", help="Ask for a token on loopback too.")] = False,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Another name of this server, as clients write it. Repeatable.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="Origin whose pages may use this server. Repeatable.")
    ] = None,
    max_request_mb: Annotated[
        int, typer.Option(min=1, max=1000, help="Largest request, in megabytes.")
    ] = _DEFAULT.max_request_mb,
) -> None:
    """Serves MCP to hosts: over stdio, or with --http to many clients at once.

    Beyond loopback every client needs a token (`longcall token add NAME`, or LONGCALL_HTTP_TOKEN), and sees only the
    tasks of its own.
    """
    wanted = Binding(host, port, path, allow_host or [], allow_origin or [], require_token, max_request_mb)
    if http:
        _serve_http(wanted)
    elif wanted != _DEFAULT:
        raise CallError("These options are for HTTP; add --http, or leave them out to serve stdio.")
    else:
        from longcall_server.app import serve_stdio  # noqa: PLC0415  # a command's help needs no server

        serve_stdio()


def _serve_http(wanted: Binding) -> None:
    with at_the_door(wanted) as (settings, binding, listener, credentials):
        from longcall_server.listener import Door, listen  # noqa: PLC0415  # heavy, and nothing is refused after it
        from longcall_server.web import build_app, how_to_attach  # noqa: PLC0415  # as above

        app = build_app(settings, binding, credentials)
        listen(app, Door(binding, listener, credentials), how_to_attach(binding, credentials))


@contextmanager
def at_the_door(wanted: Binding) -> Generator[tuple[Settings, Binding, socket.socket, Credentials]]:
    """Reads the settings and the operator's token, which it takes out of the environment, and takes the port.

    Raises:
        SettingsError: a LONGCALL_… variable cannot be used.
        CallError: the port cannot be had.
    """
    settings = here()
    credentials = Credentials(TokenFile(settings.home), operator_digest(os.environ), wanted.needs_token)
    os.environ.pop(VARIABLE, None)  # workers and what they start inherit the rest
    binding, listener = wanted.bind()
    with listener:
        yield settings, binding, listener, credentials
