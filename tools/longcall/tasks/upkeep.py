"""What a worker does beside its tasks: deadlines of those that wait, old tasks, and the size of the write-ahead log."""

import logging
from contextlib import suppress

import anyio

from longcall.errors import StoreError
from longcall.settings import Settings
from longcall.tasks.lock import held
from longcall.tasks.sqlite import SqliteStore

log = logging.getLogger(__name__)

_OVERDUE_S = 4.0
"""Seconds between looks for tasks whose deadline went by while they waited."""
_TIDY_S = 60.0
"""Seconds between tidyings."""
_WAL_BYTES = 4_000_000
"""Size from which the write-ahead log is moved into the file."""
_DAY_MS = 86_400_000


async def keep_up(store: SqliteStore, settings: Settings, environment: str) -> None:
    """Sees to the store until cancelled; trouble with the store is told in the log and tried again."""
    await tidy(store, settings)
    spent_s = 0.0
    while True:
        await anyio.sleep(_OVERDUE_S)
        spent_s += _OVERDUE_S
        try:
            await store.fail_overdue(environment)
            await checkpoint(store, settings, above=_WAL_BYTES)
            if spent_s >= _TIDY_S:
                spent_s = 0.0
                await tidy(store, settings)
        except (StoreError, OSError) as error:  # OSError: no file can be opened now, a lock's for example
            log.warning("upkeep is put off: %s", error)


async def tidy(store: SqliteStore, settings: Settings) -> None:
    """Deletes tasks that ended long enough ago, with their files."""
    with suppress(StoreError):
        await store.advance()
        for task in await store.expire(round(settings.keep_days * _DAY_MS)):
            log.info("✕ %s was kept for %g days", task, settings.keep_days)
            with suppress(OSError):
                (settings.results_path / f"{task}.md").unlink(missing_ok=True)


async def checkpoint(store: SqliteStore, settings: Settings, *, above: int) -> None:
    """Moves the write-ahead log into the file when it has more than `above` bytes and no other worker is at it."""
    log_file = settings.store_path.with_name(f"{settings.store_path.name}-wal")
    try:
        if log_file.stat().st_size <= above:
            return
    except OSError:
        return
    with held(settings.home / "checkpoint.lock") as ours:
        if ours:
            await store.checkpoint()
