"""longcall: LLM calls that no client timeout cuts off, that are never lost, and never paid for twice.

What it gives is imported when it is first used: a server or a command that starts needs little of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "longcall.api": (
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
    ),
    "longcall.conversation": (
        "Conversation",
        "Turn",
    ),
    "longcall.errors": (
        "CallError",
        "ConversationBusyError",
        "KeyConflictError",
        "LongcallError",
        "StoreBusyError",
        "StoreCorruptError",
        "StoreError",
        "StoreFullError",
        "StoreVersionError",
        "UnknownConversationError",
        "UnknownTaskError",
        "WorkerStartError",
    ),
    "longcall.lines": ("TaskLine",),
    "longcall.money.usage": (
        "Spending",
        "UsageReport",
    ),
    "longcall.result": ("Result",),
    "longcall.session": ("Session",),
    "longcall.settings": ("SettingsError",),
}
"""Where each public name is."""


def __getattr__(name: str) -> Any:
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(home), name)
    return found


def __dir__() -> list[str]:
    return __all__
