"""What goes wrong, in the form of OpenAI's errors and with the status that its clients expect."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from longcall import CallError, KeyConflictError, LongcallError, UnknownTaskError, WorkerStartError
from longcall.account import validation_of
from longcall.clock import Clock
from longcall.errors import StoreError
from longcall.models import Task, TaskState
from longcall_server.connection import WaitingEndedError

TASK_HEADER = "x-longcall-task-id"
NO_RETRY = {"x-should-retry": "false"}
"""OpenAI's clients repeat what failed, by themselves. Where a task has ended, that would ask, and pay, anew."""
_INVALID = "invalid_request_error"
_SERVER = "server_error"
STATUSES: Mapping[str, tuple[int, str]] = {
    "budget": (400, _INVALID),
    "content_policy": (400, _INVALID),
    "context_window": (400, _INVALID),
    "rejected": (400, _INVALID),
    "too_large": (400, _INVALID),
    "no_access": (401, "authentication_error"),
    "no_key": (401, "authentication_error"),
    "not_logged_in": (401, "authentication_error"),
    "unknown_model": (404, _INVALID),
    "validation_failed": (422, _INVALID),
    "not_checked": (422, _INVALID),
    "quota": (429, "insufficient_quota"),
    "rate_limit": (429, "rate_limit_error"),
    "usage_limit": (429, "rate_limit_error"),
    "internal": (500, _SERVER),
    "crashed": (502, _SERVER),
    "disconnected": (502, _SERVER),
    "failed": (502, _SERVER),
    "incomplete_stream": (502, _SERVER),
    "interrupted": (502, _SERVER),
    "lost": (502, _SERVER),
    "unreachable": (502, _SERVER),
    "conflict": (503, _SERVER),
    "not_installed": (503, _SERVER),
    "store": (503, _SERVER),
    "unavailable": (503, _SERVER),
    "timeout": (504, _SERVER),
}
"""The code of a failure → the status and the kind of error that OpenAI's API has for it."""
_PLAIN = {400: _INVALID, 401: "authentication_error", 403: "permission_error", 408: "timeout", 503: _SERVER}


class ProblemError(LongcallError):
    """A request that is answered with an error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str | None = None,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        beside: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {
            "error": {
                "message": message,
                "type": kind or _PLAIN.get(status, _INVALID if status < 500 else _SERVER),
                "param": param,
                "code": code,
            },
            **(beside or {}),
        }
        """`beside` stands next to the error."""

    def response(self, task_id: str | None = None) -> Response:
        """Returns the answer, which names the task if there is one."""
        named = {TASK_HEADER: task_id} if task_id else {}
        return JSONResponse(self.body, self.status, {**self.headers, **named})

    @property
    def event(self) -> str:
        """The error as an event of a stream, with the status that it would have had."""
        told = {**self.body, "status": self.status, "retry_after": self.headers.get("Retry-After")}
        return f"data: {json.dumps(told)}\n\n"


def refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """Returns an answer that OpenAI's clients can show; see `longcall_server.refusal.Refuse`."""
    code = "invalid_api_key" if status == 401 else None
    return ProblemError(status, sentence, code=code, headers=headers).response()


_ERRORS: Mapping[type[LongcallError], tuple[int, dict[str, Any]]] = {
    UnknownTaskError: (404, {"code": "unknown_task"}),
    KeyConflictError: (409, {"code": "key_conflict", "param": "Idempotency-Key", "headers": NO_RETRY}),
    CallError: (400, {}),
    StoreError: (503, {"code": "store"}),
    WorkerStartError: (503, {"code": "worker"}),
    WaitingEndedError: (503, {"code": "stopping", "headers": {"Connection": "close"}}),
}
"""What we raise → the status, and what the error says; the first that fits counts."""
_UNFORESEEN: tuple[int, dict[str, Any]] = (500, {})


_WORDS: Mapping[str, str] = {
    "Call poll_task without an id to list the recent tasks of this project": "See /v1/polling/active for those at work",
    "list_models": "GET /v1/models",
    "in `prompt`, or in `messages`": "in `messages`",
}
"""Words about the tools → those that a client of OpenAI's API can do something with."""


def _over_http(sentence: str) -> str:
    for ours, theirs in _WORDS.items():
        sentence = sentence.replace(ours, theirs)
    return sentence


def problem_of(error: LongcallError) -> ProblemError:
    """Returns what to answer to an error before, or instead of, the end of a task."""
    if isinstance(error, ProblemError):
        return error
    status, more = next((answer for kind, answer in _ERRORS.items() if isinstance(error, kind)), _UNFORESEEN)
    return ProblemError(status, _over_http(str(error)), **more)


def problem_with(task: Task) -> ProblemError | None:
    """Returns why a task that has ended has no answer; None when it has one."""
    match task.state:
        case TaskState.COMPLETED:
            return None
        case TaskState.CANCELLED:
            return ProblemError(409, "The task was cancelled.", code="cancelled", headers=NO_RETRY)
        case TaskState.NEEDS_REVIEW:
            decide = f"`longcall tasks review {task.id[:8]} accept|guide|stop` decides."
            reason = task.validation.stopped if task.validation else None
            message = f"{reason or 'The answer failed its checks, and now somebody has to decide.'} {decide}"
            return ProblemError(422, message, code="needs_review", headers=NO_RETRY, beside=_kept(task))
        case _:
            return _failed(task)


def _failed(task: Task) -> ProblemError:
    failure = task.failure
    if failure is None:
        return ProblemError(500, f"The task ended as {task.state}.", code=task.state, headers=NO_RETRY)
    status, kind = STATUSES.get(failure.code, (500, _SERVER))
    headers = dict(NO_RETRY)
    if failure.retry_after_s is not None:
        gone_s = (Clock().wall() - (task.finished_at or 0)) / 1000
        headers["Retry-After"] = str(max(1, round(failure.retry_after_s - gone_s)))
    param = "model" if failure.code == "unknown_model" else None
    code = "model_not_found" if param else failure.code
    beside = _kept(task)
    message = _over_http(failure.message)
    return ProblemError(status, message, kind=kind, code=code, param=param, headers=headers, beside=beside)


def _kept(task: Task) -> dict[str, Any]:
    """Returns what there is of an answer all the same, and what is wrong with it."""
    kept = {"text": task.text or None, "validation": validation_of(task)}
    return {name: value for name, value in kept.items() if value is not None}


def still_working(task_id: str, waited_s: float | None) -> ProblemError:
    """Returns what is answered when the wait is over before the task is."""
    message = f"The task is still running. Its status is at {status_path(task_id)}."
    beside = {"task_id": task_id, "message": message, "timeout": waited_s}
    return ProblemError(408, message, code="timeout", headers=NO_RETRY, beside=beside)


def status_path(task_id: str) -> str:
    """Returns where a task's status is."""
    return f"/v1/polling/status/{task_id}"
