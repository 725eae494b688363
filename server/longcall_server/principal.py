"""On whose behalf a request comes."""

from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.context import ServerRequestContext
from starlette.types import Scope

LOCAL = ""
"""The user of this machine: over stdio, and over loopback without a token."""


def principal_of(request: ServerRequestContext[Any, Any]) -> str:
    """Returns the name of the token that came with the HTTP request; LOCAL when it needed none, and for stdio.

    It is read from the request itself: context variables may be those of the request that opened the session.
    """
    return owner_of(getattr(request.request, "scope", {}))


def owner_of(scope: Scope) -> str:
    """Returns the name of the token that came with an HTTP request; LOCAL when it needed none."""
    user = scope.get("user")
    return user.access_token.client_id if isinstance(user, AuthenticatedUser) else LOCAL
