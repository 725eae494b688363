"""What a worker does beside its tasks: old tasks and their files, and the size of the write-ahead log."""

from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

import anyio
import pytest
from support.processes import PATIENCE_S
from tools.tasks.samples import (
    DAY_MS,
    HERE,
    WORKER,
    SetClock,
    added,
    answered,
    look,
    new_group,
    new_task,
    running,
)

from longcall.beside import beside
from longcall.models import TaskState
from longcall.settings import Settings
from longcall.tasks.lock import held
from longcall.tasks.sqlite import SqliteStore, open_sqlite_store
from longcall.tasks.upkeep import checkpoint, keep_up, tidy

LOG_BYTES = 100_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Returns the settings of a store that keeps tasks for two days."""
    found = Settings(home=tmp_path, keep_days=2.0)
    found.results_path.mkdir()
    return found


@pytest.fixture
def time() -> SetClock:
    """Returns the store's clock."""
    return SetClock()


@pytest.fixture
async def store(settings: Settings, time: SetClock) -> AsyncGenerator[SqliteStore]:
    """Returns an empty store whose time is counted."""
    async with open_sqlite_store(settings.store_path, clock=time.clock) as opened:
        await opened.advance()
        yield opened


def log_bytes(settings: Settings) -> int:
    """Returns the size of the write-ahead log."""
    return settings.store_path.with_name(f"{settings.store_path.name}-wal").stat().st_size


def result_file(settings: Settings, task: str) -> Path:
    """Makes the file that a task's long answer went to."""
    path = settings.results_path / f"{task}.md"
    path.write_text("a long answer")
    return path


async def test_a_task_goes_with_its_file_when_its_days_are_over(store: SqliteStore, settings: Settings, time: SetClock):
    old, fresh, going = await running(store, new_task(), new_task(), new_task(), sent=True)
    await store.finish(old, WORKER, answered())
    files = [result_file(settings, task) for task in (old, fresh, going)]
    time.spend(DAY_MS)
    await tidy(store, settings)
    await store.finish(fresh, WORKER, answered())
    assert all(file.exists() for file in files)
    time.spend(DAY_MS + 1)
    await tidy(store, settings)
    assert [await store.task(task) is None for task in (old, fresh, going)] == [True, False, False]
    assert [file.exists() for file in files] == [False, True, True]


async def test_a_task_without_a_file_goes_too(store: SqliteStore, settings: Settings, time: SetClock):
    [old] = await running(store, new_task(), sent=True)
    await store.finish(old, WORKER, answered())
    time.spend(3 * DAY_MS)
    await tidy(store, settings)
    assert await store.task(old) is None


async def test_a_group_goes_with_the_files_of_its_members(store: SqliteStore, settings: Settings, time: SetClock):
    parent, *members = new_group(2)
    ids = await running(store, parent, *members, sent=True)
    for task in ids:
        await store.finish(task, WORKER, answered())
    files = [result_file(settings, task) for task in ids]
    time.spend(3 * DAY_MS)
    await tidy(store, settings)
    assert await store.task(parent.id) is None
    assert [file.exists() for file in files] == [False, False]


async def test_the_log_is_emptied_above_its_size_and_not_below(store: SqliteStore, settings: Settings):
    await added(store, new_task("x" * LOG_BYTES))
    size = log_bytes(settings)
    assert size > LOG_BYTES
    await checkpoint(store, settings, above=size)
    assert log_bytes(settings) == size
    await checkpoint(store, settings, above=size - 1)
    assert log_bytes(settings) == 0


async def test_the_log_is_emptied_by_one_process_at_a_time(store: SqliteStore, settings: Settings):
    await added(store, new_task("x" * LOG_BYTES))
    size = log_bytes(settings)
    with held(settings.home / "checkpoint.lock") as ours:
        assert ours
        await checkpoint(store, settings, above=0)
        assert log_bytes(settings) == size
    await checkpoint(store, settings, above=0)
    assert log_bytes(settings) == 0


async def test_a_store_without_a_log_is_left_alone(store: SqliteStore, settings: Settings):
    await added(store, new_task())
    settings.store_path.with_name(f"{settings.store_path.name}-wal").unlink()
    await checkpoint(store, settings, above=0)
    assert not (settings.home / "checkpoint.lock").exists()


async def test_a_worker_sees_to_all_of_it_while_it_lives(store: SqliteStore, settings: Settings, time: SetClock):
    [old] = await running(store, new_task(), sent=True)
    await store.finish(old, WORKER, answered())
    waiting, patient = await added(store, new_task(timeout_s=60.0), new_task(timeout_s=1e6))
    time.spend(3 * DAY_MS)
    with anyio.fail_after(PATIENCE_S):
        async with beside(partial(keep_up, store, settings, HERE)):
            while not (await look(store, waiting)).state.is_final:  # noqa: ASYNC110  # the store sets no event
                await anyio.sleep(0.01)
    found = [(await look(store, task)).state for task in (waiting, patient)]
    assert found == [TaskState.FAILED, TaskState.QUEUED]
    assert await store.task(old) is None
