"""Who waits in this process for the end of which task."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio

from longcall.models import Task, TaskState

_PROGRESS_S = 2.0
"""Seconds between two progress reports to one waiter."""
_UNHEARD_S = 10.0
"""Seconds between looks for a waiter that wants no progress."""


@dataclass(slots=True)
class Watch:
    """One waiter."""

    rung: anyio.Event = field(default_factory=anyio.Event)

    async def heard(self, seconds: float) -> bool:
        """Waits for the next ending of the task, at most so long; whether there was one."""
        with anyio.move_on_after(seconds):
            await self.rung.wait()
            self.rung = anyio.Event()  # a task that is guided ends again
            return True
        return False


class Watches:
    """All waiters."""

    def __init__(self) -> None:
        self._of: dict[str, list[Watch]] = {}

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self._of)

    @contextmanager
    def watching(self, task: str) -> Generator[Watch]:
        """Keeps watch over a task from now on; an end from before must be looked for."""
        watch = Watch()
        self._of.setdefault(task, []).append(watch)
        try:
            yield watch
        finally:
            self._of[task].remove(watch)
            if not self._of[task]:
                del self._of[task]

    def ring(self, task: str) -> None:
        """Tells everybody who waits for a task that it ended."""
        for watch in self._of.get(task, ()):
            watch.rung.set()


def pause(task: Task, *, reports: bool) -> float:
    """Returns the seconds between two looks at a task for one who waits for it, and wants reports or not.

    Endings are told by themselves; looking costs, and a thousand may wait at once. But who waits for a worker must hear
    soon when none can be started.
    """
    return _PROGRESS_S if reports or task.state is TaskState.QUEUED or task.members else _UNHEARD_S
