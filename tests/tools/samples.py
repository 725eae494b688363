"""Tasks as a store would tell of them."""

from dataclasses import replace
from typing import Any

from longcall.call import Call
from longcall.message import Message
from longcall.models import Task, TaskKind, TaskState


def asking(**options: Any) -> Call:
    """Returns a call."""
    return Call(model="demo/echo", messages=(Message(role="user", content="why?"),), **options)


QUEUED = Task(
    id="0123456789abcdef",
    kind=TaskKind.CALL,
    parent=None,
    state=TaskState.QUEUED,
    environment="e" * 16,
    project="/project",
    model="demo/echo",
    head="why?",
    created_at=1_000,
    started_at=None,
    finished_at=None,
    delivered_at=None,
    cancel_requested=False,
    chars=0,
    call=asking(),
)


def running(text: str = "") -> Task:
    """Returns a task with `text` so far."""
    return replace(QUEUED, state=TaskState.RUNNING, started_at=1_500, text=text, chars=len(text))


def ended(text: str, state: TaskState = TaskState.COMPLETED) -> Task:
    """Returns a task that has ended with `text`, 4 s after its creation."""
    return replace(running(text), state=state, finished_at=5_000)
