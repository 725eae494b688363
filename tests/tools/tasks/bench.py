"""A store, a bell and providers to try a worker with."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.processes import PATIENCE_S
from tools.tasks.samples import HERE, WORKER, added, look

from longcall.backoff import Backoff
from longcall.call import Call
from longcall.caller import Caller
from longcall.limits import Limits
from longcall.models import Completion, Task, Usage
from longcall.providers import Event, Handle, Provider, Sending
from longcall.tasks.database import Database, open_database
from longcall.tasks.doorbell import Doorbell, open_doorbell
from longcall.tasks.sqlite import SqliteStore
from longcall.tasks.store import NewTask
from longcall.tasks.unsaved import kept
from longcall.tasks.worker import Worker

NEVER_S = 3600.0
DONE = Completion("really", "stop", Usage(1, 1), cost_usd=0.5)
Answering = Callable[[Call, Sending], AsyncGenerator[Event]]


@dataclass(frozen=True)
class Answers(Provider):
    """A provider that answers as a function of the test does."""

    answer: Answering
    fetch: Callable[[Call, Handle], AsyncGenerator[Event]] | None = None

    def stream(self, call: Call, sending: Sending) -> AsyncGenerator[Event]:
        """Answers; see `longcall.providers.Provider`."""
        return self.answer(call, sending)

    def resume(self, call: Call, handle: Handle) -> AsyncGenerator[Event]:
        """Fetches an answer; see `longcall.providers.Provider`."""
        return super().resume(call, handle) if self.fetch is None else self.fetch(call, handle)


@dataclass
class Bench:
    """A store and what a worker on it needs."""

    home: Path
    database: Database
    store: SqliteStore
    bell: Doorbell
    left: anyio.Event = field(default_factory=anyio.Event)

    @property
    def unsaved(self) -> Path:
        """The folder for endings that the store could not take."""
        return self.home / "unsaved"

    @asynccontextmanager
    async def working(self, provider: Provider, **options: Any) -> AsyncGenerator[anyio.CancelScope]:
        """Runs a worker until the block ends; yields the scope that stops it."""
        backoff = options.pop("backoff", Backoff(first_s=0))
        find: Callable[[str], Provider] = options.pop("find", None) or (lambda _model: provider)
        caller = Caller(find, backoff, limits=options.pop("limits", Limits()))
        settings: dict[str, Any] = {"name": WORKER, "max_in_flight": 64, "idle_s": NEVER_S, "unsaved": self.unsaved}
        settings |= options
        worker = Worker(environment=HERE, store=self.store, bell=self.bell, caller=caller, **settings)

        async def run() -> None:
            await worker.run()
            self.left.set()

        with anyio.fail_after(PATIENCE_S):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(run)
                yield tasks.cancel_scope
                tasks.cancel_scope.cancel()

    async def add(self, *tasks: NewTask) -> list[str]:
        """Adds tasks and rings the worker; returns their ids."""
        ids = await added(self.store, *tasks)
        self.bell.ring_self()
        return ids

    async def cancel(self, task: str) -> None:
        """Cancels a task and rings the worker."""
        await self.store.cancel(task)
        self.bell.ring_self()

    async def until(self, task: str, holds: Callable[[Task], bool]) -> Task:
        """Returns a task once something holds of it."""
        with anyio.fail_after(PATIENCE_S):
            while not holds(found := await look(self.store, task)):  # noqa: ASYNC110  # the store sets no event
                await anyio.sleep(0.01)
        return found

    async def end(self, task: str) -> Task:
        """Returns a task once it has ended."""
        return await self.until(task, lambda found: found.state.is_final)

    async def until_unsaved_is_empty(self) -> None:
        """Returns once the store has taken every ending that was kept in a file."""
        with anyio.fail_after(PATIENCE_S):
            while list(kept(self.unsaved)):  # noqa: ASYNC110  # a file sets no event
                await anyio.sleep(0.01)

    async def pages(self, most: int) -> None:
        """Has the disk be full at so many pages."""
        await self.database.write(lambda connection: connection.execute(f"PRAGMA max_page_count = {most}").fetchall())


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncGenerator[Bench]:
    """Returns an empty store with a bell."""
    async with open_database(tmp_path / "tasks.sqlite3") as database, open_doorbell() as bell:
        yield Bench(tmp_path, database, SqliteStore(database), bell)


async def told(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Returns once the log says something."""
    with anyio.fail_after(PATIENCE_S):
        while words not in caplog.text:  # noqa: ASYNC110  # a log sets no event
            await anyio.sleep(0.01)


def prompt_of(call: Call) -> str:
    return call.messages[-1].text


async def briefly(call: Call, sending: Sending) -> AsyncGenerator[Event]:
    """Answers in two pieces."""
    await sending()
    yield "so: "
    yield prompt_of(call)
    yield DONE


async def half(_call: Call, sending: Sending) -> AsyncGenerator[Event]:
    """Answers by half and never goes on."""
    await sending()
    yield "half "
    yield "an answer"
    await anyio.sleep_forever()
