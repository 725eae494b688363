"""A host that takes MCP tasks, speaking over bare pipes."""

from typing import Any

from support.wire import META, Wire

TASKS = f"{META}/tasks"
TAKES_TASKS: dict[str, Any] = {"extensions": {TASKS: {}}}
TAKES_FORMS: dict[str, Any] = {**TAKES_TASKS, "elicitation": {"form": {}}}
_TERMINAL = ("completed", "failed", "cancelled")


async def asked(wire: Wire, method: str, **params: Any) -> dict[str, Any]:
    """Returns the result of a request."""
    answer = await wire.answer(await wire.ask(method, params))
    assert "result" in answer, answer
    return answer["result"]


async def refused(wire: Wire, method: str, **params: Any) -> dict[str, Any]:
    """Returns the error of a request."""
    return (await wire.answer(await wire.ask(method, params)))["error"]


async def called(wire: Wire, tool: str, **arguments: Any) -> dict[str, Any]:
    """Returns what a tool's call is answered with, be it a result or a task."""
    return await asked(wire, "tools/call", name=tool, arguments=arguments)


async def ended(wire: Wire, task_id: str) -> dict[str, Any]:
    """Returns a task once it has ended."""
    while (task := await asked(wire, "tasks/get", taskId=task_id))["status"] not in _TERMINAL:
        await called(wire, "poll_task", task_id=task_id, wait_s=1)  # in place of a sleep
    return task
