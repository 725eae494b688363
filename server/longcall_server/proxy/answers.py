"""Tasks in the shapes of OpenAI's chat completions, and in those of the predecessor's polling. Pure."""

import json
from typing import Any

from longcall.account import cost_of, usage_of, validation_of
from longcall.models import Task, TaskState
from longcall.result import progress_of
from longcall.validators.document import NotJsonError, json_of
from longcall_server.proxy.problems import problem_with

_STATES = {
    TaskState.QUEUED: "pending",
    TaskState.RUNNING: "running",
    TaskState.COMPLETED: "completed",
    TaskState.CANCELLED: "cancelled",
}


def content_of(task: Task, *, json_alone: bool) -> str:
    """Returns an answer's text; with `json_alone` the JSON in it, without the fence that some models put around it."""
    if not json_alone:
        return task.text
    try:
        return json_of(task.text).text.strip()
    except NotJsonError:  # its checks were told to let it pass
        return task.text


def completion_of(task: Task, *, json_alone: bool = False, attached: str | None = None) -> dict[str, Any]:
    """Returns a completed task as a chat completion; `attached` is why an earlier task answers the request."""
    message = {"role": "assistant", "content": content_of(task, json_alone=json_alone), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(task)}
    return {**_head(task, "chat.completion"), "choices": [choice], "usage": _usage(task), **_more(task, attached)}


def chunk(task: Task, delta: dict[str, Any]) -> str:
    """Returns a part of an answer as an event of a stream."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    return _event({**_head(task, "chat.completion.chunk"), "choices": [choice]})


def ending(task: Task, *, include_usage: bool, attached: str | None) -> str:
    """Returns the events with which the stream of a completed answer ends."""
    last: dict[str, Any] = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": _reason(task)}
    head = _head(task, "chat.completion.chunk")
    told = _event({**head, "choices": [last], **_more(task, attached)})
    if include_usage:
        told += _event({**head, "choices": [], "usage": _usage(task)})
    return told + "data: [DONE]\n\n"


def status_of(task: Task) -> dict[str, Any]:
    """Returns a task as the predecessor's polling tells of it; times are seconds since the epoch."""
    problem = problem_with(task) if task.state.is_final else None
    is_late = task.failure is not None and task.failure.code == "timeout"
    return {
        **line_of(task),
        "status": _STATES.get(task.state) or ("timeout" if is_late else "failed"),
        "completed_at": _seconds(task.finished_at),
        "result": completion_of(task) if task.state is TaskState.COMPLETED else None,
        "error": str(problem) if problem and task.state is not TaskState.CANCELLED else None,
    }


def line_of(task: Task) -> dict[str, Any]:
    """Returns a task as the list of active ones has it."""
    return {
        "task_id": task.id,
        "status": _STATES.get(task.state),
        "model": task.model,
        "created_at": _seconds(task.created_at),
        "started_at": _seconds(task.started_at),
        "progress": None if task.state.is_final else {"message": progress_of(task), "chars": task.chars},
    }


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


def _head(task: Task, kind: str) -> dict[str, Any]:
    model = task.completion.model if task.completion else task.model
    return {"id": f"chatcmpl-{task.id}", "object": kind, "created": task.created_at // 1000, "model": model}


def _reason(task: Task) -> str:
    return task.completion.finish_reason if task.completion else "stop"


def _usage(task: Task) -> dict[str, Any] | None:
    """Returns the tokens of all requests; None, never zeros, when nobody counted."""
    used = usage_of(task)
    if used is None:
        return None
    told: dict[str, Any] = {
        "prompt_tokens": used["input_tokens"],
        "completion_tokens": used["output_tokens"],
        "total_tokens": used["input_tokens"] + used["output_tokens"],
    }
    if "cached_input_tokens" in used:
        told["prompt_tokens_details"] = {"cached_tokens": used["cached_input_tokens"]}
    if "reasoning_tokens" in used:
        told["completion_tokens_details"] = {"reasoning_tokens": used["reasoning_tokens"]}
    return told


def _more(task: Task, attached: str | None) -> dict[str, Any]:
    """Returns what OpenAI's shape has no place for."""
    told = {
        "task_id": task.id,
        "attached": attached,
        "cost_usd": cost_of(task),
        "attempts": len(task.attempts),
        "validation": validation_of(task),
        "warnings": list(task.completion.warnings) if task.completion else [],
    }
    return {"longcall": {name: value for name, value in told.items() if value not in (None, [])}}


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
