"""The task store: whether its file is sound and can be used, and whether SQLite is."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from longcall.access import open_session
from longcall.cli.doctor.finding import Finding
from longcall.cli.exits import run
from longcall.errors import LongcallError
from longcall.settings import Settings
from longcall.tasks.sqlite_file import BUSY_S, has_wal_reset_bug

_MOST = 1_000_000_000


def look(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Checks the file first, since what is broken is set aside when it is opened, and only then opens the store."""
    path = settings.store_path
    broken = _broken(path)
    if broken:
        remedy = (
            "Nothing was changed. Keep a copy of its folder; the next call sets the file aside, begins a new one, and"
            " takes over what can be read."
        )
        return [Finding("task store", works=False, told=f"{path} is broken: {broken}", remedy=remedy, is_needed=True)]

    async def count() -> int:
        async with open_session(settings, environ) as session:
            return len(await session.client.store.recent(None, _MOST))

    try:
        told = f"{path}: {run(count)} tasks, {_size(path)}, sound"
    except (LongcallError, OSError) as error:
        told, remedy = _told(error)
        return [Finding("task store", works=False, told=told, remedy=remedy, is_needed=True)]
    return [Finding("task store", works=True, told=told, is_needed=True), _sqlite()]


def _told(error: LongcallError | OSError) -> tuple[str, str]:
    """Returns what is wrong, and what to do, which longcall's own errors say in their last sentence."""
    wrong, _, remedy = str(error).rpartition(". ")
    if wrong and isinstance(error, LongcallError):
        return wrong, remedy
    return str(error), "Make its folder one that can be written, or set LONGCALL_HOME to another."


def _broken(path: Path) -> str:
    """Returns what SQLite finds wrong with a file, without writing to it; empty when nothing, or when there is none."""
    if not path.is_file():
        return ""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)) as connection:
            said: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        # Trouble with reaching it is told by opening it.
        return "" if isinstance(error, sqlite3.OperationalError) else str(error)
    return "" if said == "ok" else said


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version
    if not has_wal_reset_bug():
        return Finding("SQLite", works=True, told=version)
    return Finding(
        "SQLite",
        works=False,
        told=f"{version} has the WAL-reset bug (sqlite.org/wal.html); longcall keeps clear of it with one checkpoint"
        " at a time",
        remedy="A Python with SQLite 3.51.3 or later (or 3.50.7, 3.44.6) is free of it; nothing needs to be done.",
    )


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{size / 1000:.0f} kB"
