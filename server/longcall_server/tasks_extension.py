"""The MCP Tasks extension `io.modelcontextprotocol/tasks` (SEP-2663, revision 2026-07-28).

A host that declares it gets a task in place of a result that takes longer than the promotion time, and follows it by
tasks/get, tasks/update, tasks/cancel and notifications/tasks. The task id is ours: poll_task knows it too.
"""

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from mcp.server.context import CallNext, HandlerResult
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER
from mcp_types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    RequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field

from longcall.errors import LongcallError, UnknownTaskError
from longcall_server.asking import TASKS, Request, takes_tasks

_VERSIONS = frozenset(MODERN_PROTOCOL_VERSIONS)
_SEED = ("taskId", "status", "statusMessage", "createdAt", "lastUpdatedAt", "ttlMs", "pollIntervalMs")


class Promised(CallToolResult):
    """The answer to a call whose work goes on: a result for most hosts, a task for those that take tasks."""

    task_id: str = Field(exclude=True)


class TaskSource(Protocol):
    """Where the extension's tasks are kept. Methods raise UnknownTaskError for a task that the asker may not see."""

    async def get(self, request: Request, task_id: str) -> dict[str, Any]:
        """Returns a task as it is now, as a `DetailedTask` of the extension's schema."""
        ...

    async def update(self, request: Request, task_id: str, responses: Mapping[str, Any]) -> None:
        """Takes answers to questions that the task had; those to other questions are ignored."""
        ...

    async def cancel(self, request: Request, task_id: str) -> None:
        """Asks for the end of the work; one that has ended stays as it is."""
        ...

    def watch(self, request: Request, task_id: str) -> AsyncGenerator[dict[str, Any]]:
        """Yields a task as it is, and at every change, until it ends."""
        ...


class TaskParams(RequestParams):
    """Names a task."""

    task_id: str


class UpdateParams(TaskParams):
    """Answers to a task's questions, by the keys of its `inputRequests`."""

    input_responses: dict[str, Any]


class TasksExtension(Extension):
    """Serves the tasks of a source."""

    identifier = TASKS

    def __init__(self, source: TaskSource) -> None:
        self._source = source

    def methods(self) -> Sequence[MethodBinding]:
        """Returns the three requests of the extension; older protocols do not have them."""
        return (
            MethodBinding("tasks/get", TaskParams, self._get, _VERSIONS),
            MethodBinding("tasks/update", UpdateParams, self._update, _VERSIONS),
            MethodBinding("tasks/cancel", TaskParams, self._cancel, _VERSIONS),
        )

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: Request, call_next: CallNext
    ) -> HandlerResult:
        """Gives a promised result as a task to a host that takes tasks; the row is durable by then."""
        result = await call_next(ctx)
        if not isinstance(result, Promised) or not takes_tasks(ctx):
            return result
        with protocol_errors():
            task = await self._source.get(ctx, result.task_id)
        return {"resultType": "task", **{name: task[name] for name in _SEED if name in task}}

    async def _get(self, request: Request, params: TaskParams) -> HandlerResult:
        with _allowed(request, params):
            return await self._source.get(request, params.task_id)

    async def _update(self, request: Request, params: UpdateParams) -> HandlerResult:
        with _allowed(request, params):
            await self._source.update(request, params.task_id, params.input_responses)
        return {}

    async def _cancel(self, request: Request, params: TaskParams) -> HandlerResult:
        with _allowed(request, params):
            await self._source.cancel(request, params.task_id)
        return {}


@contextmanager
def _allowed(request: Request, params: TaskParams) -> Generator[None]:
    require_client_extension(request, TASKS)
    headers = getattr(request.request, "headers", None)
    if headers is not None and headers.get(MCP_NAME_HEADER) != params.task_id:
        # The SDK checks this header for the methods that it knows alone.
        raise MCPError(HEADER_MISMATCH, "The Mcp-Name header must name the task that the request names.")
    with protocol_errors():
        yield


@contextmanager
def protocol_errors() -> Generator[None]:
    """Turns our errors into JSON-RPC errors, with their sentence."""
    try:
        yield
    except UnknownTaskError as error:
        raise MCPError(INVALID_PARAMS, str(error)) from error
    except LongcallError as error:
        raise MCPError(INTERNAL_ERROR, str(error)) from error
