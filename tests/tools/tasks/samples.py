"""Tasks, calls and endings to try a TaskStore with."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from longcall.errors import Failure
from longcall.models import AttemptState, Call, Completion, Message, Task, TaskState, Usage
from longcall.tasks.store import Ending, NewTask, TaskStore

OpenStore = Callable[[], AbstractAsyncContextManager[TaskStore]]
"""Opens the test's one store once more, as another process would."""

HERE = "e" * 16
ELSEWHERE = "f" * 16
WORKER = "worker-1"
OTHER = "worker-2"
FAR_FUTURE = 1 << 52
DONE = Completion("demo/echo", "stop", Usage(1, 2, cached_input_tokens=1), cost_usd=0.25, warnings=("a warning",))
BROKEN = Failure("unavailable", "The provider is down.", retryable=True)


def new_id() -> str:
    """Returns an id of no order."""
    return secrets.token_hex(16)


def asking(prompt: str = "why?") -> Call:
    """Returns a call that asks `prompt`."""
    return Call(model="demo/echo", messages=(Message(role="user", content=prompt),))


def new_task(prompt: str = "why?", *, environment: str = HERE, project: str = "/project") -> NewTask:
    """Returns a task as a front hands it in."""
    return NewTask(new_id(), environment, project, "demo/echo", prompt[:20], asking(prompt))


def new_group(members: int) -> list[NewTask]:
    """Returns a group and its members, as a front hands them in."""
    parent = NewTask(new_id(), HERE, "/project", "demo/echo", "a group", None)
    children = [replace(new_task(), parent=parent.id, position=position) for position in range(members)]
    return [parent, *children]


def answered(text: str | None = "because") -> Ending:
    """Returns how a task ends that was answered."""
    return Ending(TaskState.COMPLETED, AttemptState.ANSWERED, text, DONE)


async def added(store: TaskStore, *tasks: NewTask) -> list[str]:
    """Adds tasks and returns their ids."""
    await store.add(tasks)
    return [task.id for task in tasks]


async def running(store: TaskStore, *tasks: NewTask, sent: bool = False) -> list[str]:
    """Adds tasks, has WORKER claim them, and returns the ids of those that can be claimed."""
    await store.add(tasks)
    claimed = [task.id for task in tasks if task.call is not None]
    assert {claim.id for claim in await store.claim(HERE, WORKER, 1000)} >= set(claimed)
    if sent:
        for task in claimed:
            await store.mark_sent(task, WORKER, "demo/echo")
    return claimed


async def look(store: TaskStore, task: str) -> Task:
    """Returns a task that must be there."""
    found = await store.task(task)
    assert found is not None
    return found


async def states(store: TaskStore, tasks: Sequence[str]) -> list[TaskState]:
    """Returns the states of tasks."""
    return [(await look(store, task)).state for task in tasks]
