"""`subscriptions/listen` for tasks: `notifications/tasks` on the stream, beside whatever else it asks for.

The SDK's own handler serves streams without task ids; it knows no others.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import anyio
from anyio.abc import ObjectSendStream
from mcp.server.context import CallNext, HandlerResult
from mcp.server.mcpserver import require_client_extension
from mcp.server.subscriptions import SUBSCRIPTION_ID_META_KEY, ServerEvent, SubscriptionBus
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import event_matches, event_to_notification
from mcp_types import (
    INVALID_PARAMS,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
)
from pydantic import BaseModel, ValidationError

from longcall.errors import LongcallError, UnknownTaskError
from longcall_server.asking import TASKS, Request
from longcall_server.tasks_extension import TaskSource, protocol_errors

MOST_TASKS = 1_000
"""Tasks that one stream follows at most."""
_BACKLOG = 1_024


class TaskNotification(BaseModel):
    """`notifications/tasks`: a whole `DetailedTask`, as tasks/get would tell it now."""

    method: str = "notifications/tasks"
    params: dict[str, Any]


class TaskListening:
    """Middleware that answers `subscriptions/listen` when it names tasks."""

    def __init__(self, source: TaskSource, bus: SubscriptionBus) -> None:
        self._source = source
        self._bus = bus

    async def __call__(self, ctx: Request, call_next: CallNext) -> HandlerResult:
        """Serves one stream until its host leaves it; anything else is passed on."""
        wanted = (ctx.params or {}).get("notifications") if ctx.method == "subscriptions/listen" else None
        if not isinstance(wanted, dict) or "taskIds" not in wanted:
            return await call_next(ctx)
        require_client_extension(ctx, TASKS)
        others, asked = _filters(cast("dict[str, Any]", wanted))
        known = [task_id for task_id in asked if await self._knows(ctx, task_id)]
        send, receive = anyio.create_memory_object_stream[BaseModel](_BACKLOG)
        meta: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: ctx.request_id}

        def deliver(event: ServerEvent) -> None:
            if event_matches(others, frozenset(others.resource_subscriptions or ()), event):
                with suppress(anyio.WouldBlock):  # a host that reads nothing misses what it can look up later
                    send.send_nowait(event_to_notification(event, meta))

        unsubscribe = self._bus.subscribe(deliver)
        try:
            await _say(ctx, _acknowledgement(others, known, meta))
            async with anyio.create_task_group() as watching, receive:
                for task_id in known:
                    watching.start_soon(self._follow, ctx, task_id, meta, send)
                async for notification in receive:
                    await _say(ctx, notification)
        finally:
            unsubscribe()
            send.close()
        return {"resultType": "complete", "_meta": meta}

    async def _knows(self, request: Request, task_id: str) -> bool:
        try:
            with protocol_errors():
                await self._source.get(request, task_id)
        except MCPError as error:
            if isinstance(error.__cause__, UnknownTaskError):
                return False
            raise
        return True

    async def _follow(
        self, request: Request, task_id: str, meta: dict[str, Any], send: ObjectSendStream[BaseModel]
    ) -> None:
        with suppress(LongcallError):  # polling tells of the trouble; the stream goes on for the others
            async for task in self._source.watch(request, task_id):
                await send.send(TaskNotification(params={**task, "_meta": meta}))


def _filters(wanted: dict[str, Any]) -> tuple[SubscriptionFilter, Sequence[str]]:
    asked = wanted["taskIds"]
    if not isinstance(asked, list) or not all(isinstance(task_id, str) for task_id in cast("list[Any]", asked)):
        raise MCPError(INVALID_PARAMS, "`taskIds` must be a list of task ids.")
    if len(cast("list[str]", asked)) > MOST_TASKS:
        raise MCPError(INVALID_PARAMS, f"A stream follows at most {MOST_TASKS} tasks; open several.")
    rest = {name: value for name, value in wanted.items() if name != "taskIds" and value}
    try:
        return SubscriptionFilter.model_validate(rest), list(dict.fromkeys(cast("list[str]", asked)))
    except ValidationError:
        raise MCPError(INVALID_PARAMS, "`notifications` names what to hear of, as the specification has it.") from None


def _acknowledgement(others: SubscriptionFilter, known: Sequence[str], meta: dict[str, Any]) -> BaseModel:
    kept = others.model_dump(by_alias=True, exclude_none=True, include=set(SubscriptionFilter.model_fields))
    agreed = SubscriptionFilter.model_validate({**kept, "taskIds": list(known)})
    params = SubscriptionsAcknowledgedNotificationParams(notifications=agreed, _meta=meta)
    return SubscriptionsAcknowledgedNotification(params=params)


async def _say(request: Request, notification: BaseModel) -> None:
    # The SDK's type names its own notifications alone; any model is sent.
    await request.session.send_notification(cast("Any", notification), related_request_id=request.request_id)
