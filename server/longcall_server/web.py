"""The server as an ASGI app: MCP on one path, its health on another, the gate before both."""

import logging
import shlex
from importlib.metadata import version

import anyio
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse

from longcall import LongcallError
from longcall.settings import Settings
from longcall_server.app import build_server
from longcall_server.binding import HEALTH, Binding
from longcall_server.connection import Connections
from longcall_server.credentials import Credentials
from longcall_server.guard import guarded, security_of
from longcall_server.opening import Opening
from longcall_server.refusal import refusal

log = logging.getLogger(__name__)
_HEALTH_S = 2.0
_MOST_SESSIONS = 1_000
"""Sessions of the protocols before 2026-07-28 at once: each takes 0.2 MB, and half an hour of silence ends it."""


class Health:
    """Answers GET /health: whether the task store can be used. It needs no token and tells no secrets."""

    def __init__(self) -> None:
        self._opening: Opening | None = None
        self._version = version("longcall")

    def watch(self, opening: Opening) -> None:
        """Tells of this opening from now on."""
        self._opening = opening

    async def answer(self, _: Request) -> JSONResponse:
        """Returns 200 when the store answers within 2 s, else 503."""
        facts = {"status": "ok", "version": self._version}
        if await self._store_answers():
            return JSONResponse(facts)
        trouble = "The task store cannot be used now; the server's log says why."
        return JSONResponse({**facts, "status": "trouble", "error": trouble}, 503)

    async def _store_answers(self) -> bool:
        if self._opening is None:
            return False
        with anyio.move_on_after(_HEALTH_S):
            try:
                await (await self._opening.session()).client.store.changes()
            except LongcallError as error:
                log.warning("%s", error)
                return False
            return True
        log.warning("The task store did not answer within %g s.", _HEALTH_S)
        return False


def build_app(settings: Settings, binding: Binding, credentials: Credentials) -> Connections:
    """Returns the app that serves MCP to whoever may come in, not yet running."""
    health = Health()
    server = build_server(settings, opens_project=False, on_open=health.watch)
    server.custom_route(HEALTH, ["GET"])(health.answer)
    app = server.streamable_http_app(
        streamable_http_path=binding.path,
        max_request_body_size=binding.max_request_bytes,
        max_sessions=_MOST_SESSIONS,
        transport_security=security_of(binding),
    )
    return guarded(
        AuthContextMiddleware(app),
        binding,
        credentials,
        refusal,
        methods=["GET", "POST", "DELETE"],
        shown_headers=["Mcp-Session-Id"],
    )


def how_to_attach(binding: Binding, credentials: Credentials) -> str:
    """Returns a line that says how Claude Code attaches the server."""
    words = ["claude", "mcp", "add", "--transport", "http", "longcall", binding.url]
    if credentials.required:
        words += ["--header", "Authorization: Bearer TOKEN"]
    return f"Attach it: {shlex.join(words)}"
