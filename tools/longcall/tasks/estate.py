"""Tasks of environments that this process does not hold, once their worker is dead: told of, or taken over."""

from contextlib import suppress
from dataclasses import dataclass

from longcall.models import Task, TaskKind, TaskState
from longcall.settings import Settings
from longcall.tasks.lock import held, is_alive, lock_path
from longcall.tasks.store import TaskStore
from longcall.tasks.unsaved import save_kept


@dataclass(frozen=True, slots=True)
class Estate:
    """What dead workers left, seen from one environment. Methods may raise StoreError."""

    store: TaskStore
    settings: Settings
    environment: str
    older: tuple[str, ...]
    """What earlier editions called it: the same keys, so tasks under these names are taken over."""

    async def settle(self, environment: str) -> None:
        """Settles the tasks of an environment when its worker is dead.

        Nobody here holds its keys, so nobody here can run them, unless it is ours by an older name; but their fate can
        be told.
        """
        with suppress(OSError), held(lock_path(self.settings.workers_path, environment)) as proved:
            if not proved:
                return
            await save_kept(self.store, self.settings.unsaved_path)
            await self.store.recover(environment, None)
            if environment in self.older:
                await self.store.adopt(environment, self.environment)

    async def take_over(self) -> None:
        """Takes over what waits under an older name and has no worker there."""
        for environment in self.older:
            if await self.store.has_unfinished(environment):
                await self.settle(environment)

    async def abandon(self, task: Task) -> None:
        """Ends a task or group whose cancel was asked for, where nobody is left who could stop it at its provider."""
        if task.environment == self.environment:
            return
        with suppress(OSError), held(lock_path(self.settings.workers_path, task.environment)) as proved:
            if proved:
                await self.store.abandon(task.id)

    def is_stranded(self, task: Task) -> bool:
        """Whether a task waits, or a group is held up by members that wait, for an environment that nobody here serves.

        No worker of it lives here, and this process does not hold it.
        """
        waits = task.kind is TaskKind.GROUP and not task.state.is_final
        if not (waits or task.state is TaskState.QUEUED) or task.environment == self.environment:
            return False
        try:
            return not is_alive(self.settings.workers_path, task.environment)
        except OSError:  # nobody can look at the lock now
            return False
