"""Who asks: the session, the host and the abilities behind one request."""

from typing import TYPE_CHECKING, Any

from mcp.server.context import ServerRequestContext
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from longcall_server.opening import Opening
from longcall_server.principal import principal_of

if TYPE_CHECKING:
    from longcall.session import Session

Request = ServerRequestContext[Opening, Any]
TASKS = "io.modelcontextprotocol/tasks"
"""The extension by which a host takes a task in place of a result (SEP-2663)."""


async def session_of(request: Request) -> "Session":
    """Returns the open session, as far as whoever asks may see it.

    Raises:
        StoreError: the store cannot be used now; the next request tries again.
    """
    return (await request.lifespan_context.session()).as_principal(principal_of(request))


def host_of(request: Request) -> str | None:
    """Returns the name that the host gives itself; None when it gives none."""
    params = request.session.client_params
    return params.client_info.name if params else None


def takes_tasks(request: Request) -> bool:
    """Whether this request may be answered with an MCP task: its sender says so, in the protocol that has them."""
    capabilities = request.session.client_capabilities
    declared = (capabilities and capabilities.extensions) or {}
    return request.protocol_version in MODERN_PROTOCOL_VERSIONS and TASKS in declared


def takes_forms(request: Request) -> bool:
    """Whether the host can ask its user by a form (elicitation)."""
    capabilities = request.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    # No mode named means forms, as before there were others.
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)
