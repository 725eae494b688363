"""Tasks, calls and endings to try a TaskStore with."""

import secrets
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from longcall.call import Call
from longcall.clock import Clock
from longcall.combine import parse_combine
from longcall.errors import Failure
from longcall.message import Message
from longcall.models import AttemptState, Completion, Task, TaskState, Usage
from longcall.tasks.added import Added
from longcall.tasks.store import Ending, NewTask, TaskStore


class OpenStore(Protocol):
    """Opens the test's one store once more, as another process would."""

    def __call__(self, *, clock: Clock | None = None) -> AbstractAsyncContextManager[TaskStore]:
        """Opens it, with a clock of the test's own."""
        ...


@dataclass
class SetClock:
    """A clock that stands still until a test moves it."""

    wall: int = 1_800_000_000_000
    tick: int = 50_000_000

    @property
    def clock(self) -> Clock:
        """What a store reads."""
        return Clock(lambda: self.wall, lambda: self.tick)

    def spend(self, ms: int) -> None:
        """Has time go by."""
        self.wall += ms
        self.tick += ms

    def boot(self, *, off_ms: int = 0) -> None:
        """Has the machine be off for a while and start anew."""
        self.wall += off_ms
        self.tick = 0


HERE = "e" * 16
ELSEWHERE = "f" * 16
WORKER = "worker-1"
OTHER = "worker-2"
DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
FAR_FUTURE = 1 << 52
DONE = Completion("demo/echo", "stop", Usage(1, 2, cached_input_tokens=1), cost_usd=0.25, warnings=("a warning",))
BROKEN = Failure("unavailable", "The provider is down.", retryable=True)


def new_id() -> str:
    """Returns an id of no order."""
    return secrets.token_hex(16)


def asking(prompt: str = "why?") -> Call:
    """Returns a call that asks `prompt`."""
    return Call(model="demo/echo", messages=(Message(role="user", content=prompt),))


def new_task(
    prompt: str = "why?",
    *,
    environment: str = HERE,
    project: str = "/project",
    request: str | None = None,
    key: str | None = None,
    principal: str = "",
    older: tuple[str, ...] = (),
    **options: Any,
) -> NewTask:
    """Returns a task as a front hands it in, with a request of its own unless one is given."""
    call = asking(prompt).model_copy(update=options)
    new = NewTask(new_id(), environment, project, "demo/echo", prompt[:20], call, request or new_id(), key)
    return replace(new, principal=principal, older=older)


def new_group(
    members: int,
    *,
    request: str | None = None,
    principal: str = "",
    at_once: int | None = None,
    combine: str | None = None,
) -> list[NewTask]:
    """Returns a group and its members, as a front hands them in; with `combine` the last one combines their answers."""
    request = request or new_id()
    parent = NewTask(new_id(), HERE, "/project", "demo/echo", "a group", None, request, principal=principal)
    of = {"parent": parent.id, "request": None}
    children = [replace(new_task(), position=position, **of) for position in range(members)]
    if combine is not None:
        call = asking().model_copy(update={"model": f"combine/{combine}", "combine": parse_combine(combine)})
        children.append(replace(new_task(), position=members, call=call, model=call.model, **of))
    return [replace(parent, at_once=at_once), *children]


def answered(text: str | None = "because") -> Ending:
    """Returns how a task ends that was answered."""
    return Ending(TaskState.COMPLETED, AttemptState.ANSWERED, text, DONE)


def doubtful(text: str = "perhaps") -> Ending:
    """Returns how a task ends whose answer failed its checks."""
    return Ending(TaskState.NEEDS_REVIEW, AttemptState.ANSWERED, text, DONE)


async def added(store: TaskStore, *tasks: NewTask) -> list[str]:
    """Adds tasks, or a group, and returns their ids."""
    for new in [tasks] if tasks[0].call is None else [[task] for task in tasks]:
        assert await store.add(new) == Added(new[0].id)
    return [task.id for task in tasks]


async def running(store: TaskStore, *tasks: NewTask, sent: bool = False) -> list[str]:
    """Adds tasks, has WORKER claim them, and returns the ids of those that can be claimed."""
    await added(store, *tasks)
    claimed = [task.id for task in tasks if task.call is not None]
    assert {claim.id for claim in await store.claim(HERE, WORKER, 1000)} >= set(claimed)
    if sent:
        for task in claimed:
            await store.mark_sent(task, WORKER, "demo/echo")
    return claimed


async def reviewable(store: TaskStore, *tasks: NewTask, text: str = "perhaps") -> list[str]:
    """Adds tasks, or a group, and has each of them that asks be answered so that it needs review; returns their ids."""
    ids = await running(store, *tasks, sent=True)
    for task in ids:
        assert await store.finish(task, WORKER, doubtful(text))
    return ids


async def look(store: TaskStore, task: str) -> Task:
    """Returns a task that must be there."""
    found = await store.task(task)
    assert found is not None
    return found


async def states(store: TaskStore, tasks: Sequence[str]) -> list[TaskState]:
    """Returns the states of tasks."""
    return [(await look(store, task)).state for task in tasks]


async def deliver(store: TaskStore, task: str) -> None:
    """Has a delivery written down, and waits for that by a later write."""
    store.mark_delivered(task)
    await store.advance()
