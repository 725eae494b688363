"""The suite's fixtures for the Tasks extension: some are calls of the real store, some are tasks of their own."""

import secrets
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from conformance.contents import shown, text
from conformance.questions import NAME, asking, form, given
from mcp.server.mcpserver import Context, MCPServer, require_client_extension
from mcp_types import INTERNAL_ERROR, CallToolResult, ElicitRequest, InputRequiredResult

from longcall import Result
from longcall_server.asking import TASKS, Request, session_of
from longcall_server.opening import Opening
from longcall_server.reply import reply
from longcall_server.stored_tasks import StoredTasks
from longcall_server.tasks_extension import Promised

Ctx = Context[Opening, Any]
_INLINE_S = 0.2
"""Seconds for which a call's answer is awaited before it becomes a task."""


@dataclass
class Parked:
    """A task of its own, which ends when its questions are answered."""

    questions: dict[str, ElicitRequest]
    error: dict[str, Any] | None = None
    cancelled: bool = False
    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    begun: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    def shown(self) -> dict[str, Any]:
        """Returns it as a `DetailedTask`."""
        times = {"createdAt": self.begun, "lastUpdatedAt": datetime.now(UTC).isoformat()}
        return {"taskId": self.id, "ttlMs": 60_000, "pollIntervalMs": 100, **times, **self._state()}

    def _state(self) -> dict[str, Any]:
        if self.cancelled:
            return {"status": "cancelled"}
        if self.error is not None:
            return {"status": "failed", "error": self.error}
        if self.questions:
            asked = {key: request.model_dump(by_alias=True, mode="json", exclude_none=True) for key, request in
                     self.questions.items()}  # fmt: skip
            return {"status": "input_required", "inputRequests": asked}
        return {"status": "completed", "result": {"content": [{"type": "text", "text": "answered"}]}}


class FixtureTasks:
    """The store's tasks, and beside them those of the fixtures; see `TaskSource`."""

    def __init__(self) -> None:
        self._stored = StoredTasks()
        self._own: dict[str, Parked] = {}

    def park(self, *questions: ElicitRequest, error: dict[str, Any] | None = None) -> Promised:
        """Makes a task that waits for answers, or has failed with an error of the protocol, and promises it."""
        task = Parked({f"question-{number}": request for number, request in enumerate(questions)}, error)
        self._own[task.id] = task
        return Promised(**dict(shown(text("begun"))), task_id=task.id)

    async def get(self, request: Request, task_id: str) -> dict[str, Any]:
        """Returns a task as it is now."""
        task = self._own.get(task_id)
        return await self._stored.get(request, task_id) if task is None else task.shown()

    async def update(self, request: Request, task_id: str, responses: Mapping[str, Any]) -> None:
        """Takes answers."""
        task = self._own.get(task_id)
        if task is None:
            await self._stored.update(request, task_id, responses)
        else:
            task.questions = {key: asked for key, asked in task.questions.items() if key not in responses}

    async def cancel(self, request: Request, task_id: str) -> None:
        """Stops a task."""
        task = self._own.get(task_id)
        if task is None:
            await self._stored.cancel(request, task_id)
        elif task.questions:
            task.cancelled = True

    async def watch(self, request: Request, task_id: str) -> AsyncGenerator[dict[str, Any]]:
        """Yields a task at every change; one of the fixtures' own once."""
        if task_id in self._own:
            yield self._own[task_id].shown()
            return
        async for task in self._stored.watch(request, task_id):
            yield task


async def _greet(name: str) -> CallToolResult:
    """Greets at once."""
    return shown(text(f"Hello, {name}!"))


async def _slow_compute(ctx: Ctx, seconds: float, label: str = "") -> CallToolResult:
    """Has a demo model take its time, as llm_call does."""
    session = await session_of(ctx.request_context)
    model = f"demo/slow-{seconds:g}" if seconds else "demo/echo"
    result = await session.llm_call(label or "compute", model=model, wait_s=_INLINE_S, fresh=True)
    return _promised(result) if not result.is_final else reply(result, text_only=False, failure_is_error=True)


async def _failing_job(ctx: Ctx) -> CallToolResult:
    """Has a demo model fail; takes hosts with tasks only."""
    require_client_extension(ctx.request_context, TASKS)
    session = await session_of(ctx.request_context)
    return _promised(await session.start_task("fail", model="demo/fail", fresh=True))


async def _named_task(ctx: Ctx) -> CallToolResult | InputRequiredResult:
    """Asks for a name, and then has a demo model say it, as a task."""
    require_client_extension(ctx.request_context, TASKS)
    name = given(ctx, "user_name", "name")
    if name is None:
        return asking(user_name=NAME)
    session = await session_of(ctx.request_context)
    return _promised(await session.start_task(f"Hello, {name}!", model="demo/echo", fresh=True))


def _promised(result: Result) -> Promised:
    assert result.task_id is not None
    return Promised(**dict(reply(result, text_only=False)), task_id=result.task_id)


def add_jobs(server: MCPServer[Opening], tasks: FixtureTasks) -> None:
    """Adds the suite's tools for tasks; `tasks` must be what the server was built with."""

    async def confirm_delete(filename: str) -> CallToolResult:
        """Asks one question within a task."""
        return tasks.park(form(f"Delete {filename}?", confirm={"type": "boolean"}))

    async def multi_input() -> CallToolResult:
        """Asks two questions within a task."""
        return tasks.park(NAME, form("Sure?", confirm={"type": "boolean"}))

    async def protocol_error_job() -> CallToolResult:
        """Breaks down within a task."""
        return tasks.park(error={"code": INTERNAL_ERROR, "message": "It broke down."})

    for function in (confirm_delete, multi_input, protocol_error_job):
        server.add_tool(function)
    named = {"greet": _greet, "slow_compute": _slow_compute, "failing_job": _failing_job}
    for name, function in {**named, "test_tool_with_task": _named_task}.items():
        server.add_tool(function, name=name)
