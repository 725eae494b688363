"""Lets a request over HTTP in, or says why not.

The SDK's own hooks for tokens are made for OAuth: they want the URL of an authorization server, and take a request with
a wrong token for one without. So the decision is made here; what is decided is handed on in the SDK's own form, which
also ties its sessions to the token that opened them.
"""

import logging
from collections.abc import Mapping

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from longcall.tokens import TokenFileError
from longcall_server.binding import HEALTH, WELL_KNOWN
from longcall_server.credentials import Credentials
from longcall_server.refusal import Refuse

log = logging.getLogger(__name__)
_STRANGE = {
    421: "This server is not known here by the name in the Host header; its operator adds names with --allow-host.",
    403: "Pages of this origin may not use this server; its operator allows origins with --allow-origin.",
}
_CHALLENGE = 'Bearer realm="longcall"'


class _RefusedError(Exception):
    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = headers


class Gate:
    """ASGI middleware: checks the Host and Origin headers and the token, in this order."""

    def __init__(
        self,
        app: ASGIApp,
        security: TransportSecuritySettings,
        credentials: Credentials,
        refuse: Refuse,
        *,
        takes_any_token: bool = False,
    ) -> None:
        self._app = app
        self._refuse = refuse
        self._takes_any_token = takes_any_token and not credentials.required
        """Whether a token that is not ours counts as none, for clients that cannot send none."""
        self._security = TransportSecurityMiddleware(security)
        self._credentials = credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands a request on, with its `user` if it came with a token, or refuses it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            await self._check_names(request)
            if not _is_open(scope["path"]):
                self._admit(request)
        except _RefusedError as refused:
            await self._refuse(refused.status, str(refused), refused.headers)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _check_names(self, request: Request) -> None:
        refused = await self._security.validate_request(request)
        if refused is not None:
            raise _RefusedError(refused.status_code, _STRANGE[refused.status_code])

    def _admit(self, request: Request) -> None:
        presented = self._presented(request)
        if presented is None:
            if self._credentials.required:
                raise _unauthorized("A token is needed here: send the header `Authorization: Bearer TOKEN`.")
            return
        try:
            owner = self._credentials.owner(presented)
        except TokenFileError as error:
            log.warning("%s", error)
            raise _RefusedError(503, "Tokens cannot be checked now; the server's log says why.") from error
        if owner is None and self._takes_any_token:
            return
        if owner is None:
            raise _unauthorized("The token is not known here; ask the operator for one.", "invalid_token")
        # The token itself goes no further.
        request.scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=owner, scopes=[]))

    def _presented(self, request: Request) -> str | None:
        try:
            return _presented(request)
        except _RefusedError:
            if self._takes_any_token:
                return None
            raise


def _is_open(path: str) -> bool:
    return path == HEALTH or path.startswith(WELL_KNOWN)


def _presented(request: Request) -> str | None:
    given = request.headers.getlist("authorization")
    if not given:
        return None
    scheme, _, token = given[0].strip().partition(" ")
    token = token.strip()
    if len(given) > 1 or scheme.lower() != "bearer" or not token or " " in token:
        raise _unauthorized("The Authorization header must be `Bearer` and one token.", "invalid_request")
    return token


def _unauthorized(sentence: str, error: str | None = None) -> _RefusedError:
    challenge = _CHALLENGE if error is None else f'{_CHALLENGE}, error="{error}"'
    return _RefusedError(401, sentence, {"WWW-Authenticate": challenge})
