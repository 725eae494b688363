"""How tools answer: how long they wait, how they tell how far they are, and what becomes of a result."""

import time
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from longcall_server.asking import host_of, takes_tasks
from longcall_server.hosts import patience, reads_text
from longcall_server.opening import Opening
from longcall_server.reply import reply
from longcall_server.tasks_extension import Promised

if TYPE_CHECKING:
    from longcall.result import Result
    from longcall.session import OnProgress

Ctx = Context[Opening, Any]


def opening_of(ctx: Ctx) -> Opening:
    """Returns where the task store is opened."""
    return ctx.request_context.lifespan_context


def patience_of(ctx: Ctx) -> float:
    """Returns the seconds for which a call waits before it says that the work goes on."""
    settings = opening_of(ctx).settings
    if takes_tasks(ctx.request_context):
        return settings.promote_s
    return settings.wait_s if settings.wait_s is not None else patience(host_of(ctx.request_context))


def reply_to(ctx: Ctx, result: "Result", *, failure_is_error: bool = False) -> CallToolResult:
    """Returns a result for the host that asks."""
    return reply(result, text_only=reads_text(host_of(ctx.request_context)), failure_is_error=failure_is_error)


def promise(ctx: Ctx, result: "Result", *, failure_is_error: bool = False) -> CallToolResult:
    """The same; what goes on becomes a task for a host that takes tasks."""
    answer = reply_to(ctx, result, failure_is_error=failure_is_error)
    if result.is_final or result.task_id is None:
        return answer
    return Promised(**dict(answer), task_id=result.task_id)


def progress(ctx: Ctx) -> "OnProgress | None":
    """Returns what tells the host how far a call is; None when it does not want to know."""
    meta = ctx.request_context.meta
    if meta is None or "progress_token" not in meta:
        return None
    begun = time.monotonic()

    async def report(result: "Result") -> None:
        elapsed = time.monotonic() - begun
        if not result.counts:
            return await ctx.report_progress(round(elapsed, 1), message=result.progress)
        total = result.counts["total"]
        ended = total - result.counts.get("working", 0)
        # Each value must be above the one before; the part of a member that time adds never makes a whole one.
        return await ctx.report_progress(ended + elapsed / (elapsed + 60), total, result.progress)

    return report
