"""The proxy as an ASGI app, with the gate before it."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from longcall import LongcallError
from longcall.result import result_of
from longcall.settings import Settings
from longcall_server.binding import HEALTH, Binding
from longcall_server.connection import Connections
from longcall_server.credentials import Credentials
from longcall_server.guard import guarded
from longcall_server.opening import opening
from longcall_server.proxy.endpoints import Endpoints
from longcall_server.proxy.problems import TASK_HEADER, ProblemError, problem_of, refusal

log = logging.getLogger(__name__)


def build_proxy(settings: Settings, binding: Binding, credentials: Credentials) -> Connections:
    """Returns the app that serves the proxy to whoever may come in, not yet running."""
    ends = Endpoints(settings, binding.max_request_bytes)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with opening(settings, fit=result_of, opens_project=False) as found:
            ends.opened(found)
            yield

    app = Starlette(
        routes=[
            Route(HEALTH, ends.health, methods=["GET"]),
            Route("/v1/chat/completions", ends.complete, methods=["POST"]),
            Route("/v1/models", ends.models, methods=["GET"]),
            Route("/v1/models/{name:path}", ends.model, methods=["GET"]),
            Route("/v1/polling/active", ends.active, methods=["GET"]),
            Route("/v1/polling/status/{task_id}", ends.status, methods=["GET"]),
            Route("/v1/polling/cancel/{task_id}", ends.cancel, methods=["POST"]),
        ],
        lifespan=lifespan,
        exception_handlers={LongcallError: _refuse, HTTPException: _refuse, Exception: _refuse},
    )
    # OpenAI's clients cannot do without a token, so where none is needed they send one that means nothing.
    return guarded(
        app,
        binding,
        credentials,
        refusal,
        methods=["GET", "POST"],
        shown_headers=[TASK_HEADER, "Retry-After"],
        takes_any_token=True,
    )


async def _refuse(request: Request, error: Exception) -> Response:
    task_id: str | None = getattr(request.state, "task_id", None)
    match error:
        case LongcallError():
            problem = problem_of(error)
        case HTTPException(status_code=404):
            message = f"There is nothing at {request.url.path}; /v1/chat/completions and /v1/models are served."
            problem = ProblemError(404, message, code="unknown_url")
        case HTTPException(status_code=405, headers=headers):
            taken = (headers or {}).get("Allow", "another method")
            problem = ProblemError(405, f"{request.url.path} does not take {request.method}; use {taken}.")
        case HTTPException(status_code=status, detail=detail):
            problem = ProblemError(status, detail)
        case _:
            log.error("%s", request.url.path, exc_info=error)
            problem = ProblemError(500, "The proxy failed at this request; its log says more.", code="internal")
    return problem.response(task_id)


def how_to_use(binding: Binding, credentials: Credentials) -> str:
    """Returns a line that says how OpenAI's clients are pointed here."""
    key = "TOKEN" if credentials.required else "any"
    return f"Use it: OPENAI_BASE_URL={binding.url} OPENAI_API_KEY={key}"
