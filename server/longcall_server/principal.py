"""On whose behalf a request comes."""

from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.context import ServerRequestContext

LOCAL = ""
"""The user of this machine: over stdio, and over loopback without a token."""


def principal_of(request: ServerRequestContext[Any, Any]) -> str:
    """Returns the name of the token that came with the HTTP request; LOCAL when it needed none, and for stdio.

    It is read from the request itself: context variables may be those of the request that opened the session.
    """
    scope = getattr(request.request, "scope", None)
    user = scope.get("user") if scope is not None else None
    return user.access_token.client_id if isinstance(user, AuthenticatedUser) else LOCAL
