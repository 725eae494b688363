"""longcall: LLM calls that no client timeout cuts off, that are never lost, and never paid for twice."""

from longcall.api import cancel_task, connect, list_tasks, llm_call, poll_task, start_task, validate_code
from longcall.errors import (
    CallError,
    KeyConflictError,
    LongcallError,
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreVersionError,
    UnknownTaskError,
    WorkerStartError,
)
from longcall.lines import TaskLine
from longcall.result import Result
from longcall.session import Session
from longcall.settings import SettingsError

__all__ = [
    "CallError",
    "KeyConflictError",
    "LongcallError",
    "Result",
    "Session",
    "SettingsError",
    "StoreBusyError",
    "StoreCorruptError",
    "StoreError",
    "StoreFullError",
    "StoreVersionError",
    "TaskLine",
    "UnknownTaskError",
    "WorkerStartError",
    "cancel_task",
    "connect",
    "list_tasks",
    "llm_call",
    "poll_task",
    "start_task",
    "validate_code",
]
