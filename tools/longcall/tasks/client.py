"""The one way in: adds tasks to the store, sees that a worker runs them, and waits for their end.

Every door stands on this: the MCP server, the command line and the Python API.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial

import anyio
import anyio.to_thread

from longcall.beside import beside
from longcall.environment import fingerprint, read_salt
from longcall.errors import StoreError, UnknownTaskError, WorkerStartError
from longcall.models import Call, Task, TaskState, new_task_id, request_hash
from longcall.settings import Settings
from longcall.tasks.doorbell import Doorbell, open_doorbell
from longcall.tasks.launch import ensure_worker
from longcall.tasks.lock import held, is_alive, lock_path
from longcall.tasks.sqlite import open_sqlite_store
from longcall.tasks.store import Added, NewTask, TaskStore
from longcall.tasks.unsaved import save_kept
from longcall.text import clean

OnProgress = Callable[[Task], Awaitable[None]]

_LOOK_S = 0.05
"""Seconds between looks at the store while somebody waits, for the case that no ring comes through."""
_SUPERVISE_S = 0.5
"""Seconds between looks at the worker's lock while somebody waits."""
_PROGRESS_S = 2.0
"""Seconds between two progress reports to one waiter."""
_UNHEARD_S = 10.0
"""Seconds between looks for a waiter that wants no progress."""
_CANCEL_S = 5.0
"""Seconds that cancel() waits for the worker to confirm."""


class TaskClient:
    """An open store with the means to get its tasks done."""

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], environment: str, store: TaskStore, bell: Doorbell
    ) -> None:
        self.settings = settings
        self.environment = environment
        """Fingerprint of the variables that this client's tasks run with."""
        self.store = store
        self._bell = bell
        self._environ = environ
        self._waiters: dict[str, list[anyio.Event]] = {}
        self._wanted = anyio.Event()
        """Set while somebody waits, and by every start until the worker was looked after."""
        self._seen = 0
        self._worker_trouble: WorkerStartError | None = None

    async def start(
        self, calls: Sequence[Call], project: str, *, fresh: bool = False, idempotency_key: str | None = None
    ) -> Added:
        """Adds one task, or a group of several, and sees to a worker. Durable when it returns.

        Returns:
            The task, the group when `calls` holds several, or the earlier one that answers the same request.

        Raises:
            KeyConflictError: the idempotency key was used for another request.
        """
        added = await self.store.add(self._new_tasks(calls, project, idempotency_key), fresh=fresh)
        self._wanted.set()
        await self._ring_worker()
        return added

    def _new_tasks(self, calls: Sequence[Call], project: str, key: str | None) -> list[NewTask]:
        new = partial(NewTask, environment=self.environment, project=project)
        first = partial(new, id=new_task_id(), head=calls[0].head, idempotency_key=key)
        if len(calls) == 1:
            return [first(model=calls[0].model, call=calls[0], request=calls[0].request)]
        models = ", ".join(dict.fromkeys(call.model for call in calls))
        group = first(model=models, call=None, request=request_hash(" ".join(call.request for call in calls)))
        members = [
            new(id=new_task_id(), model=call.model, head=call.head, call=call, parent=group.id, position=index)
            for index, call in enumerate(calls)
        ]
        return [group, *members]

    async def task(self, task_id: str) -> Task:
        """Returns a task as it is now.

        Raises:
            UnknownTaskError: no task has that id.
        """
        found = await self.store.task(clean(task_id))
        if found is None:
            raise UnknownTaskError(task_id)
        return found

    async def wait(self, task_id: str, seconds: float | None, on_progress: OnProgress | None = None) -> Task:
        """Waits until a task ends, or for `seconds`; the end of the waiting never touches the work.

        Args:
            task_id: the task or group.
            seconds: None waits for as long as it takes.
            on_progress: called about every 2 s with the task as it is.

        Raises:
            UnknownTaskError: no task has that id.
            WorkerStartError: no worker can be started to run it; the task stays queued.
        """
        self._worker_trouble = None  # only what is found from now on counts
        task = await self._look(task_id, on_progress)
        if task.state.is_final:
            return task
        with self._waiting(task_id) as ended, anyio.move_on_after(seconds):
            task = await self._look(task_id, None)  # it may have ended before the watch began
            while not task.state.is_final:
                with anyio.move_on_after(_pause(task, on_progress)):
                    await ended.wait()
                task = await self._look(task_id, None if ended.is_set() else on_progress)
            return task
        return await self.task(task_id)

    @contextmanager
    def _waiting(self, task_id: str) -> Generator[anyio.Event]:
        """Keeps watch over a task; yields the event of its ending. One that ended before must be looked for."""
        ended = anyio.Event()
        waiters = self._waiters.setdefault(task_id, [])
        waiters.append(ended)
        self._wanted.set()
        try:
            yield ended
        finally:
            waiters.remove(ended)
            if not waiters:
                self._waiters.pop(task_id, None)

    async def _look(self, task_id: str, on_progress: OnProgress | None) -> Task:
        task = await self.task(task_id)
        if task.state.is_final:
            return task
        if task.environment != self.environment:
            task = await self._settle_foreign(task)
        elif self._worker_trouble is not None:
            raise WorkerStartError(
                f"{self._worker_trouble} The task {task.id} stays queued: poll_task runs it once the worker can start,"
                " cancel_task gives it up."
            ) from self._worker_trouble
        if on_progress is not None:
            await on_progress(task)
        return task

    async def _settle_foreign(self, task: Task) -> Task:
        # Nobody here holds that environment's keys, so nobody here can run the task; but when its worker is dead its
        # fate can be told.
        with suppress(OSError), held(lock_path(self.settings.workers_path, task.environment)) as proved:
            if proved:
                await save_kept(self.store, self.settings.unsaved_path)
                await self.store.recover(task.environment, None)
        return await self.task(task.id)

    def is_stranded(self, task: Task) -> bool:
        """Whether a queued task waits for an environment that no worker here serves and this client does not hold."""
        if task.state is not TaskState.QUEUED or task.environment == self.environment:
            return False
        try:
            return not is_alive(self.settings.workers_path, task.environment)
        except OSError:  # nobody can look at the lock now
            return False

    async def cancel(self, task_id: str) -> Task:
        """Stops a task or group, down to the provider's connection, and returns what became of it.

        A task that ended before the cancel reached it keeps its answer.

        Raises:
            UnknownTaskError: no task has that id.
        """
        task = await self.task(task_id)
        if task.state.is_final:
            return task
        await self.store.cancel(task_id)
        self._bell.ring(await self.store.doorbell(task.environment))
        return await self.wait(task_id, _CANCEL_S)

    def delivered(self, task: Task) -> None:
        """Has it written down, soon, that a final answer was handed over. Forgetting it in a crash costs nothing."""
        if task.state.is_final and task.delivered_at is None:
            self.store.mark_delivered(task.id)

    async def keep(self) -> None:
        """Watches the store and the worker for whoever waits here, until cancelled; idle when nobody does."""
        self._seen = await self.store.last_ending()
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
            for ended in self._waiters.get(task, ()):
                ended.set()

    async def _supervise(self) -> None:
        while True:
            await self._wanted.wait()
            if not self._waiters:
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


def _pause(task: Task, on_progress: OnProgress | None) -> float:
    # Endings are told by themselves; looking costs, and a thousand may wait at once. But who waits for a worker must
    # hear soon when none can be started.
    hears = on_progress is not None or task.state is TaskState.QUEUED or task.members
    return _PROGRESS_S if hears else _UNHEARD_S


@asynccontextmanager
async def open_client(settings: Settings, environ: Mapping[str, str]) -> AsyncGenerator[TaskClient]:
    """Opens the task store and everything a door needs to use it.

    Raises:
        StoreError: the store cannot be used; the sentence says why and what to do.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_sqlite_store(settings.store_path))
        try:
            environment = fingerprint(environ, read_salt(settings.home))
            settings.workers_path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The folder {settings.home} cannot be used ({error.strerror}). Make it writable, or set LONGCALL_HOME."
            ) from error
        bell = await stack.enter_async_context(open_doorbell())
        client = TaskClient(settings, environ, environment, store, bell)
        await stack.enter_async_context(beside(client.keep))
        yield client
