"""Tasks as resources: `longcall://tasks/{task_id}` is the text of one, and the list holds the recent ones."""

from typing import TYPE_CHECKING, Any

from mcp.server.context import CallNext, HandlerResult
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, Resource

from longcall.errors import LongcallError, UnknownTaskError
from longcall_server.asking import Request, session_of
from longcall_server.opening import Opening

if TYPE_CHECKING:
    from longcall.lines import TaskLine
    from longcall.models import Task

MOST_LISTED = 50
_FOLDER = "longcall://tasks"
_TYPE = "text/markdown"
_NAME_CHARS = 60


def add_resources(server: MCPServer[Opening]) -> None:
    """Adds the template of tasks; the list of the recent ones is `list_recent`, a middleware."""
    template = server.resource(
        f"{_FOLDER}/{{task_id}}",
        name="task",
        title="Text of a task",
        description="The whole answer of a task; while it works, the text so far; of a group, its members.",
        mime_type=_TYPE,
    )
    template(read_task)


async def read_task(task_id: str, ctx: Context[Opening, Any]) -> str:
    """Returns the text of a task as Markdown; a final one counts as handed over with it.

    Raises:
        ResourceNotFoundError: nobody who asks here knows a task with that id.
        ResourceError: the task store cannot be used now.
    """
    try:
        session = await session_of(ctx.request_context)
        task = await session.look(task_id)
    except UnknownTaskError as error:
        raise ResourceNotFoundError(str(error)) from error
    except LongcallError as error:
        raise ResourceError(str(error)) from error
    session.client.delivered(task)
    return _text(task)


async def list_recent(ctx: Request, call_next: CallNext) -> HandlerResult:
    """Middleware that puts the recent tasks of this project, newest first, into `resources/list`.

    The SDK's own list is the same for everybody who asks.
    """
    answer = await call_next(ctx)
    if ctx.method != "resources/list" or not isinstance(answer, dict):
        return answer
    try:
        session = await session_of(ctx)
        listed = await session.list_tasks(most=MOST_LISTED)
    except LongcallError as error:
        raise MCPError(INTERNAL_ERROR, str(error)) from error
    resources = [
        _resource(line).model_dump(by_alias=True, mode="json", exclude_none=True) for line in listed.tasks or ()
    ]
    return {**answer, "resources": [*answer["resources"], *resources]}


def _resource(line: "TaskLine") -> Resource:
    head = line.head.strip() or line.task_id
    return Resource(
        uri=f"{_FOLDER}/{line.task_id}",
        name=head if len(head) <= _NAME_CHARS else f"{head[: _NAME_CHARS - 1]}…",
        title=head,
        description=f"{line.status}: {line.model}, {line.chars} characters",
        mime_type=_TYPE,
    )


def _text(task: "Task") -> str:
    from longcall.lines import status_of  # noqa: PLC0415  # only who has read a task
    from longcall.models import TaskKind  # noqa: PLC0415  # as above
    from longcall.result import progress_of  # noqa: PLC0415  # as above

    if task.kind is TaskKind.GROUP:
        made = f"{task.text}\n\n" if task.text else ""
        return made + "\n".join(
            f"- {_FOLDER}/{member.id} ({status_of(member)}, {member.model}): {member.head}" for member in task.members
        )
    if task.text or task.state.is_final:
        return task.text or (task.failure.message if task.failure else "")
    return progress_of(task)
