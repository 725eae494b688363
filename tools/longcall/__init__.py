"""longcall: LLM calls that no client timeout cuts off, that are never lost, and never paid for twice."""

from longcall.api import (
    cancel_task,
    connect,
    delete_conversation,
    list_conversations,
    list_tasks,
    llm_call,
    poll_task,
    show_conversation,
    start_task,
    usage,
    validate_code,
)
from longcall.conversation import Conversation, Turn
from longcall.errors import (
    CallError,
    ConversationBusyError,
    KeyConflictError,
    LongcallError,
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreVersionError,
    UnknownConversationError,
    UnknownTaskError,
    WorkerStartError,
)
from longcall.lines import TaskLine
from longcall.money.usage import Spending, UsageReport
from longcall.result import Result
from longcall.session import Session
from longcall.settings import SettingsError

__all__ = [
    "CallError",
    "Conversation",
    "ConversationBusyError",
    "KeyConflictError",
    "LongcallError",
    "Result",
    "Session",
    "SettingsError",
    "Spending",
    "StoreBusyError",
    "StoreCorruptError",
    "StoreError",
    "StoreFullError",
    "StoreVersionError",
    "TaskLine",
    "Turn",
    "UnknownConversationError",
    "UnknownTaskError",
    "UsageReport",
    "WorkerStartError",
    "cancel_task",
    "connect",
    "delete_conversation",
    "list_conversations",
    "list_tasks",
    "llm_call",
    "poll_task",
    "show_conversation",
    "start_task",
    "usage",
    "validate_code",
]
