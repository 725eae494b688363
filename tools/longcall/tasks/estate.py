"""Tasks of environments that this process does not hold, once their worker is dead: told of, or taken over."""

from contextlib import suppress
from dataclasses import dataclass

from longcall.models import Task, TaskState
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

    def is_stranded(self, task: Task) -> bool:
        """Whether a queued task waits for an environment that no worker here serves and this process does not hold."""
        if task.state is not TaskState.QUEUED or task.environment == self.environment:
            return False
        try:
            return not is_alive(self.settings.workers_path, task.environment)
        except OSError:  # nobody can look at the lock now
            return False
