"""What stands before every app over HTTP: the requests under way, browsers' questions, the gate; in this order."""

from collections.abc import Sequence

from mcp.server.transport_security import TransportSecuritySettings
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from longcall_server.binding import Binding
from longcall_server.connection import Connections
from longcall_server.credentials import Credentials
from longcall_server.gate import Gate
from longcall_server.refusal import Refuse


def security_of(binding: Binding) -> TransportSecuritySettings:
    """Returns the names and origins that a binding knows, as the SDK takes them."""
    return TransportSecuritySettings(allowed_hosts=binding.hosts(), allowed_origins=binding.origins())


def guarded(
    app: ASGIApp,
    binding: Binding,
    credentials: Credentials,
    refuse: Refuse,
    *,
    methods: Sequence[str],
    shown_headers: Sequence[str],
    takes_any_token: bool = False,
) -> Connections:
    """Returns `app` as whoever may come in reaches it.

    `methods` and `shown_headers` are for the pages of the origins that the operator allows. See Gate for the rest.
    """
    door: ASGIApp = Gate(app, security_of(binding), credentials, refuse, takes_any_token=takes_any_token)
    if binding.allow_origins:
        # Browsers ask beforehand, without the token, and show a page only what it is allowed to read.
        door = CORSMiddleware(
            door,
            allow_origins=binding.allow_origins,
            allow_methods=methods,
            allow_headers=["*"],
            expose_headers=[*shown_headers, "WWW-Authenticate"],
        )
    return Connections(door, refuse)
