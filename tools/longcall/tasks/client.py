"""The one way in: adds tasks to the store, sees that a worker runs them, and waits for their end.

Every door stands on this: the MCP server, the command line and the Python API.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

import anyio
import anyio.to_thread

from longcall.beside import beside
from longcall.call import Call
from longcall.conversation import Heard
from longcall.environment import fingerprint, older_fingerprints, read_salt
from longcall.errors import CallError, StoreError, UnknownTaskError, WorkerStartError
from longcall.fan_out import FanOut
from longcall.models import Decision, Task, TaskState
from longcall.settings import Settings, operated, with_keys
from longcall.tasks.added import Added
from longcall.tasks.doorbell import Doorbell, open_doorbell
from longcall.tasks.estate import Estate
from longcall.tasks.launch import ensure_worker
from longcall.tasks.new import new_tasks
from longcall.tasks.sqlite import open_sqlite_store
from longcall.tasks.store import NewTask, TaskStore
from longcall.tasks.watch import Watches, pause
from longcall.text import clean

OnProgress = Callable[[Task], Awaitable[None]]

_LOOK_S = 0.05
"""Seconds between looks at the store while somebody waits, for the case that no ring comes through."""
_SUPERVISE_S = 0.5
"""Seconds between looks at the worker's lock while somebody waits."""
_CANCEL_S = 5.0
"""Seconds that cancel() waits for the worker to confirm."""


class TaskClient:
    """An open store with the means to get tasks done. Others' tasks are unknown to a `principal`; None knows all."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        environment: str,
        store: TaskStore,
        bell: Doorbell,
        older: tuple[str, ...] = (),
    ) -> None:
        self.settings = settings
        self.environment = environment
        """Fingerprint of the variables that this client's tasks run with."""
        self.estate = Estate(store, settings, environment, older)
        self.store = store
        self._bell = bell
        self._environ = environ
        self._watches = Watches()
        self._wanted = anyio.Event()
        """Set while somebody waits, and by every start until the worker was looked after."""
        self._seen = 0
        self._worker_trouble: WorkerStartError | None = None

    async def start(
        self,
        calls: Sequence[Call],
        project: str,
        *,
        principal: str = "",
        fresh: bool = False,
        idempotency_key: str | None = None,
        heard: Heard | None = None,
        fan_out: FanOut | None = None,
    ) -> Added:
        """Adds one task, or a group of several, and sees to a worker. Durable when it returns.

        Returns the task, the group of several, or the one that answers the same request; raises as `TaskStore.add`.
        """
        new = partial(
            NewTask, environment=self.environment, project=project, principal=principal, older=self.estate.older,
            heard=heard,
        )  # fmt: skip
        added = await self.store.add(new_tasks(calls, new, idempotency_key, fan_out), fresh=fresh)
        self._wanted.set()
        await self._ring_worker()
        return added

    async def task(self, task_id: str, *, principal: str | None = None) -> Task:
        """Returns a task as it is now.

        Raises:
            UnknownTaskError: no task has that id.
        """
        if (found := await self.store.task(clean(task_id))) and principal in (None, found.principal):
            return found
        raise UnknownTaskError(task_id)

    async def wait(
        self,
        task_id: str,
        seconds: float | None,
        on_progress: OnProgress | None = None,
        *,
        principal: str | None = None,
    ) -> Task:
        """Waits until a task ends, or for `seconds`; the end of the waiting never touches the work.

        Args:
            task_id: the task or group.
            seconds: None waits for as long as it takes.
            on_progress: called about every 2 s with the task as it is.
            principal: who waits.

        Raises:
            UnknownTaskError: no task has that id.
            WorkerStartError: no worker can be started to run it; the task stays queued.
        """
        self._worker_trouble = None  # only what is found from now on counts
        with self._watches.watching(task_id) as watch:  # before the first look, so that no end falls between
            task = await self._look(task_id, on_progress, principal)
            if task.state.is_final:
                return task
            self._wanted.set()
            if seconds == 0:
                return task
            with anyio.move_on_after(seconds):
                while not task.state.is_final:
                    heard = await watch.heard(pause(task, reports=on_progress is not None))
                    task = await self._look(task_id, None if heard else on_progress, principal)
                return task
        return await self.task(task_id, principal=principal)

    async def _look(self, task_id: str, on_progress: OnProgress | None, principal: str | None) -> Task:
        task = await self.task(task_id, principal=principal)
        if task.state.is_final:
            return task
        if task.environment != self.environment:
            await self.estate.settle(task.environment)
            task = await self.task(task.id)
        elif self._worker_trouble is not None:
            raise WorkerStartError(
                f"{self._worker_trouble} The task {task.id} stays queued: poll_task runs it once the worker can start,"
                " cancel_task gives it up."
            ) from self._worker_trouble
        if on_progress is not None:
            await on_progress(task)
        return task

    async def follow(self, task_id: str, every_s: float, *, principal: str | None = None) -> AsyncGenerator[Task]:
        """Yields a task as it is, about every `every_s` seconds, and at last as it ended; raises as `wait` does."""
        self._worker_trouble = None
        with self._watches.watching(task_id) as watch:
            while True:
                task = await self._look(task_id, None, principal)
                yield task
                if task.state.is_final:
                    return
                self._wanted.set()
                await watch.heard(every_s)

    async def review(
        self, task_id: str, decision: Decision, guidance: str | None = None, *, principal: str | None = None
    ) -> Task:
        """Decides what becomes of an answer that needs review, and returns the task as it then is.

        Args:
            task_id: the task.
            decision: see Decision.
            guidance: what to do better; for GUIDE alone.
            principal: who decides.

        Raises:
            CallError: guidance is missing, the decision is none, or the task needs no review; nothing was changed.
            UnknownTaskError: no task has that id.
        """
        task = await self.task(task_id, principal=principal)
        said = clean(guidance or "").strip()
        if decision not in list(Decision):
            raise CallError(f"`decision` must be one of {', '.join(Decision)}; nothing was decided.")
        if task.state is TaskState.NEEDS_REVIEW and decision == Decision.GUIDE and not said:
            raise CallError("To guide, say in `guidance` what the model is to do better; the task still waits for it.")
        decided = await self.store.review(task.id, Decision(decision), said)
        task = await self.task(task_id)
        if not decided:
            raise CallError(f"The task {task.id} needs no review: it is {task.state}. poll_task tells more of it.")
        self._wanted.set()
        self._bell.ring(await self.store.doorbell(task.environment))
        return task

    async def cancel(self, task_id: str, *, principal: str | None = None) -> Task:
        """Stops a task or group, down to the provider's connection, and returns what became of it.

        A task that ended before the cancel reached it keeps its answer. One that nobody can stop at its provider, since
        nobody holds the keys that it was sent with, ends all the same, and says so.

        Raises:
            UnknownTaskError: no task has that id.
        """
        task = await self.task(task_id, principal=principal)
        if task.state.is_final:
            return task
        await self.store.cancel(task.id)
        self._bell.ring(await self.store.doorbell(task.environment))
        task = await self.wait(task_id, _CANCEL_S)
        if task.state.is_final:
            return task
        await self.estate.abandon(task)
        return await self.task(task_id)

    def delivered(self, task: Task) -> None:
        """Has it written down, soon, that a final answer was handed over. Forgetting it in a crash costs nothing."""
        if task.state.is_final and task.delivered_at is None:
            self.store.mark_delivered(task.id)

    async def keep(self) -> None:
        """Watches the store and the worker for whoever waits here, until cancelled; idle when nobody does."""
        self._seen = await self.store.last_ending()
        with suppress(StoreError):  # whoever asks for one of them tries it again
            await self.estate.take_over()
        if await self.store.has_queued(self.environment):
            self._wanted.set()  # their front died before it saw to a worker
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch)
            tasks.start_soon(self._supervise)

    async def _watch(self) -> None:
        changes = -1
        while True:
            await self._wanted.wait()
            await self._bell.wait(_LOOK_S)
            with suppress(StoreError):  # the next look may find it better; whoever asks is told by their own look
                now = await self.store.changes()
                if now != changes:
                    await self._wake_ended()
                    changes = now

    async def _wake_ended(self) -> None:
        for number, task in await self.store.endings(self._seen):
            self._seen = number
            self._watches.ring(task)

    async def _supervise(self) -> None:
        while True:
            await self._wanted.wait()
            if not self._watches:
                self._wanted = anyio.Event()  # before the look, so that a start after it is not overlooked
            await self._see_to_worker()
            await self._ring_worker()
            await anyio.sleep(_SUPERVISE_S)

    async def see_to_worker(self) -> None:
        """Returns when a worker for this client's environment lives, started if need be.

        Raises:
            WorkerStartError: it did not come up; the sentence names its log.
        """
        start = partial(ensure_worker, self.settings, self.environment, self._environ)
        await anyio.to_thread.run_sync(start, abandon_on_cancel=True)

    async def _see_to_worker(self) -> None:
        try:
            await self.see_to_worker()
            self._worker_trouble = None
        except WorkerStartError as error:
            self._worker_trouble = error

    async def _ring_worker(self) -> None:
        with suppress(StoreError):  # the worker looks by itself too
            self._bell.ring(await self.store.doorbell(self.environment))


@asynccontextmanager
async def open_client(settings: Settings, environ: Mapping[str, str]) -> AsyncGenerator[TaskClient]:
    """Opens the task store and everything a door needs to use it.

    Raises:
        StoreError: the store cannot be used; the sentence says why and what to do.
    """
    async with AsyncExitStack() as stack:
        plain, environ = environ, with_keys(settings, environ)
        said = operated(settings, environ)
        store = await stack.enter_async_context(open_sqlite_store(settings.store_path))
        try:
            salt = read_salt(settings.home)
            environment = fingerprint(environ, salt, operated=said)
            settings.workers_path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The folder {settings.home} cannot be used ({error.strerror}). Make it writable, or set LONGCALL_HOME."
            ) from error
        bell = await stack.enter_async_context(open_doorbell())
        client = TaskClient(settings, environ, environment, store, bell, older_fingerprints(environ, salt, said, plain))
        await stack.enter_async_context(beside(client.keep))
        yield client
