"""A task of ours as the extension's schema has it, and what its user decides about it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from longcall.models import Decision, Task, TaskState
from longcall.result import Result, progress_of
from longcall.session import Session
from longcall_server.asking import Request, host_of, takes_forms
from longcall_server.hosts import reads_text
from longcall_server.reply import reply

DetailedTask = dict[str, Any]
"""A task as it goes over the wire; see `DetailedTask` in the extension's schema."""

_POLL_MS = (1_000, 5_000)
"""How often a host is asked to poll: at first, and once a task has been running for a minute or more."""
_SHOWN_CHARS = 1_500
"""Characters of an answer shown to the user who reviews it."""
_DAY_MS = 86_400_000


async def decide(session: Session, task_id: str, responses: Mapping[str, Any]) -> None:
    """Does with a task that needs review what its user decided; answers to other questions are ignored.

    Raises:
        MCPError: the form was not filled in so that it could be followed.
    """
    task = await session.look(task_id)
    if task.state is TaskState.NEEDS_REVIEW:
        decision, guidance = _decision(responses.get(_review_key(task)))
        if decision is not None:
            await session.review(task_id, decision, guidance)


async def stop(session: Session, task_id: str) -> None:
    """Stops a task, also one that needs review; one that has ended stays as it is."""
    task = await session.look(task_id)
    if task.state is TaskState.NEEDS_REVIEW:
        await session.review(task_id, Decision.STOP)
    else:
        await session.cancel_task(task_id)


async def detailed(request: Request, session: Session, task_id: str) -> DetailedTask:
    """Returns a task as it is now, for whoever asks."""
    task = await session.look(task_id)
    shown = _task(session, task)
    if not task.state.is_final:
        return shown | {"status": "working", "statusMessage": progress_of(task)}
    if task.state is TaskState.CANCELLED:
        return shown | {"status": "cancelled", "statusMessage": "Stopped. poll_task shows the text that had come."}
    if task.state is TaskState.NEEDS_REVIEW and takes_forms(request):
        return shown | {
            "status": "input_required",
            "statusMessage": "The best answer failed its checks; somebody has to decide.",
            "inputRequests": {_review_key(task): _review_form(await session.tell(task))},
        }
    result = await session.tell(task)
    answer = reply(result, text_only=reads_text(host_of(request)), failure_is_error=True)
    return shown | {
        "status": "completed",  # also of failures: the extension's `failed` is for broken protocol alone
        "statusMessage": _ended(result),
        "result": answer.model_dump(by_alias=True, mode="json", exclude_none=True),
    }


def _task(session: Session, task: Task) -> DetailedTask:
    kept_ms = round(session.client.settings.keep_days * _DAY_MS)
    lived_ms = None if task.finished_at is None else task.finished_at - task.created_at
    touched = [task.created_at, task.started_at, task.finished_at]
    touched += [time for attempt in task.attempts for time in (attempt.sent_at, attempt.ended_at)]
    return {
        "taskId": task.id,
        "createdAt": _iso(task.created_at),
        "lastUpdatedAt": _iso(max(time for time in touched if time is not None)),
        # What works is kept for as long as it takes; what ended is kept from its end on.
        "ttlMs": None if lived_ms is None else max(1, lived_ms + kept_ms),
        "pollIntervalMs": _poll_ms(task),
    }


def _poll_ms(task: Task) -> int:
    if task.call is not None and task.call.poll_s is not None:
        return round(task.call.poll_s * 1000)
    return round(min(max(_POLL_MS[0], task.age_s() * 1000 / 12), _POLL_MS[1]))


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ended(result: Result) -> str:
    if result.error is not None:
        return str(result.error["message"])
    return f"{result.status} after {result.elapsed_s:g} s" if result.elapsed_s is not None else result.status


def _review_key(task: Task) -> str:
    # Each guidance leads to another attempt, so no key comes twice in the life of a task.
    return f"review-{len(task.attempts)}"


def _review_form(result: Result) -> dict[str, Any]:
    text = result.text or ""
    cut = "" if len(text) <= _SHOWN_CHARS else f"… ({len(text)} characters in all)"
    reasons = "".join(f"\n- {warning}" for warning in result.warnings)
    message = f"The best answer so far failed its checks.{reasons}\n\n{text[:_SHOWN_CHARS]}{cut}"
    properties = {
        "decision": {
            "type": "string",
            "title": "What now?",
            "description": "accept takes this answer, guide asks again with your guidance, stop ends the task",
            "enum": [decision.value for decision in Decision],
        },
        "guidance": {"type": "string", "title": "Guidance", "description": "For guide: what to do better"},
    }
    schema = {"type": "object", "properties": properties, "required": ["decision"]}
    return {
        "method": "elicitation/create",
        "params": {"mode": "form", "message": message, "requestedSchema": schema},
    }


def _decision(answer: Any) -> tuple[Decision | None, str | None]:
    match answer:
        case {"action": "accept", "content": {"decision": str(word), **rest}} if word in list(Decision):
            guidance = rest.get("guidance")
            return Decision(word), guidance if isinstance(guidance, str) else None
        case {"action": "accept"}:
            options = ", ".join(Decision)
            raise MCPError(INVALID_PARAMS, f"`decision` must be one of {options}; the task still waits for it.")
        case {"action": "decline"}:
            return Decision.STOP, None
        case _:  # not the question that stands, or the user closed the form: it stays
            return None, None
