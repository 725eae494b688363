"""`longcall proxy`: longcall's models for whatever speaks OpenAI's chat completions."""

from typing import Annotated

import typer

from longcall_server.binding import Binding
from longcall_server.serve import at_the_door

PORT = 3010
PATH = "/v1"
_DEFAULT = Binding(port=PORT, path=PATH)


def proxy(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = _DEFAULT.host,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = PORT,
    require_token: Annotated[bool, typer.Option("--require-token", help="Ask for a token on loopback too.")] = False,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Another name of this proxy, as clients write it. Repeatable.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="Origin whose pages may use this proxy. Repeatable.")
    ] = None,
    max_request_mb: Annotated[
        int, typer.Option(min=1, max=1000, help="Largest request, in megabytes.")
    ] = _DEFAULT.max_request_mb,
) -> None:
    """Serves every model as OpenAI's chat completions, `max/…` first; each request is a durable task.

    Beyond loopback every client needs a token (`longcall token add NAME`, or LONGCALL_HTTP_TOKEN) as its API key, and
    sees only the tasks of its own.
    """
    wanted = Binding(host, port, PATH, allow_host or [], allow_origin or [], require_token, max_request_mb)
    with at_the_door(wanted) as (settings, binding, listener, credentials):
        from longcall_server.listener import Door, listen  # noqa: PLC0415  # heavy, and nothing is refused after it
        from longcall_server.proxy.app import build_proxy, how_to_use  # noqa: PLC0415  # as above

        app = build_proxy(settings, binding, credentials)
        listen(app, Door(binding, listener, credentials), how_to_use(binding, credentials))
