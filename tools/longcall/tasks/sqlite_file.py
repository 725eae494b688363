"""The SQLite file itself: made private, set up, migrated, and set aside when it is broken."""

import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from longcall.errors import StoreBusyError, StoreCorruptError, StoreError, StoreFullError, StoreVersionError
from longcall.tasks.lock import held
from longcall.tasks.queries import load_migrations

BUSY_S = 10.0
"""Seconds that a write waits for another process's write."""
_SIDE_FILES = ("", "-wal", "-shm")
_REPAIR = "repair.lock"
_SALVAGED = {
    "workers": "rowid", "tasks": "rowid", "attempts": "task", "pieces": "task", "conversations": "rowid",
    "turns": "rowid", "spending": "day",
}  # fmt: skip
"""Table → by which it is read from both ends."""
RELEASE = (
    "UPDATE tasks SET twin = NULL WHERE twin NOT IN (SELECT id FROM tasks)",
    "UPDATE tasks SET held = 0 WHERE held_for = 'place' OR (held_for = 'twin' AND (twin IS NULL OR EXISTS ("
    "SELECT 1 FROM tasks AS other WHERE other.id = tasks.twin AND other.finished_at IS NOT NULL)))",
    "UPDATE tasks SET held = 0 WHERE held_for = 'members' AND NOT EXISTS (SELECT 1 FROM tasks AS member"
    " WHERE member.parent = tasks.parent AND member.finished_at IS NULL AND member.held_for IS NOT 'members')",
    "UPDATE tasks SET state = 'completed', finished_at = created_at WHERE kind = 'group' AND state = 'running'"
    " AND NOT EXISTS (SELECT 1 FROM tasks AS member WHERE member.parent = tasks.id AND member.finished_at IS NULL)",
)
"""What members waited for may be among what could not be read, and then nothing would release them."""


Identity = tuple[int, int]
"""What tells a file from another of the same name."""


def prepare(path: Path) -> Identity:
    """Makes the file, empty and readable by its user alone, unless it is there; returns which file it is."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Made here with its mode, since SQLite gives its side files the mode of the file.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return found.st_dev, found.st_ino


def identity(path: Path) -> Identity | None:
    """Returns which file has the name `path` now; None when none has."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def configure(connection: sqlite3.Connection) -> None:
    """Makes commits durable. What is in the write-ahead log is moved into the file by checkpoint() alone."""
    connection.row_factory = sqlite3.Row
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA wal_autocheckpoint = 0")


class ReplacedError(Exception):
    """Another file has taken the name of the one that was opened."""


def configure_found(path: Path, found: Identity, connection: sqlite3.Connection) -> None:
    """Configures a connection to the file that was found, while nobody can set that file aside.

    SQLite opens the write-ahead log by its name at the first read: a connection to a file that was set aside before
    would take the new file's log for its own, and move it into the old file.

    Raises:
        ReplacedError: the file was set aside before; open the new one.
    """
    with held(path.with_name(_REPAIR), timeout=BUSY_S) as ours:
        if not ours:
            raise sqlite3.OperationalError("database is locked")
        if identity(path) != found:
            raise ReplacedError
        configure(connection)


def quick_look(connection: sqlite3.Connection) -> None:
    """Reads a little of every table, so that a file that is no database is found at once."""
    for table in _SALVAGED:
        connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchall()  # noqa: S608  # our names


def checkpoint(connection: sqlite3.Connection) -> None:
    """Moves the write-ahead log into the file and empties it as far as nobody is reading it."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def has_wal_reset_bug(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite can corrupt a database that several connections write and checkpoint at the same instant.

    Source: sqlite.org/wal.html, "the WAL-reset bug": 3.7.0 to 3.51.2, mended in 3.44.6 and 3.50.7 too.
    """
    mended = version >= (3, 51, 3) or (3, 44, 6) <= version < (3, 45) or (3, 50, 7) <= version < (3, 51)
    return not mended


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    # Two processes that switch a new file at once get SQLITE_BUSY without the busy timeout being honoured.
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def migrate(path: Path, connection: sqlite3.Connection) -> None:
    """Brings the schema up to date.

    Raises:
        StoreVersionError: a newer longcall wrote the file.
    """
    migrations = load_migrations()
    newest = migrations[-1][0]
    if _user_version(connection) == newest:
        return
    connection.execute("BEGIN IMMEDIATE")  # another process may be at the same: the version is asked under the lock
    try:
        version = _user_version(connection)
        if version > newest:
            raise StoreVersionError(
                f"The task store {path} was written by a newer longcall (schema {version}; this one knows {newest})."
                " Upgrade longcall, or set LONGCALL_HOME to another folder."
            )
        for number, script in migrations:
            if number > version:
                for statement in _statements(script):
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {newest}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _user_version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _statements(script: str) -> Iterator[str]:
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def is_corruption(error: BaseException) -> bool:
    """Whether a database error means that the file itself is broken."""
    return isinstance(error, sqlite3.DatabaseError) and any(
        word in str(error) for word in ("malformed", "not a database", "disk image")
    )


def set_aside(path: Path, broken: Identity | None) -> StoreCorruptError:
    """Moves a corrupt store aside untouched, begins a new one with what can be read, and returns what to tell the user.

    Args:
        path: the store's file.
        broken: identity of the file that was found corrupt; when another process has replaced it, that is enough.
    """
    with held(path.with_name(_REPAIR), timeout=BUSY_S) as ours:
        if not ours or identity(path) != broken:
            return StoreCorruptError(f"The task store {path} was corrupt and has been begun anew. Ask again.")
        aside = path.with_name(f"{path.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}")
        for suffix in _SIDE_FILES:
            side = path.with_name(path.name + suffix)
            if side.exists():
                side.rename(aside.with_name(aside.name + suffix))
        tasks = _salvage(aside, path)
    return StoreCorruptError(
        f"The task store {path} was corrupt. It was set aside as {aside}, untouched, and a new one was begun with"
        f" {tasks} tasks that could still be read. Ask again."
    )


def _salvage(aside: Path, path: Path) -> int:
    # Reading replays the write-ahead log into the file, and what was set aside stays untouched: so a copy is read.
    copy = aside.with_name(f"{aside.name}.reading")
    try:
        for suffix in ("", "-wal"):
            side = aside.with_name(aside.name + suffix)
            if side.exists():
                shutil.copyfile(side, copy.with_name(copy.name + suffix))
        return _refill(copy, path)
    finally:
        for suffix in _SIDE_FILES:
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def _refill(copy: Path, path: Path) -> int:
    prepare(path)
    new = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S)
    try:
        configure(new)
        migrate(path, new)
        new.execute("PRAGMA foreign_keys = OFF")
        new.execute("BEGIN IMMEDIATE")
        for table in _SALVAGED:
            _refill_table(new, table, _readable_rows(copy, table))
        new.execute("DELETE FROM tasks WHERE parent IS NOT NULL AND parent NOT IN (SELECT id FROM tasks)")
        for statement in RELEASE:
            new.execute(statement)
        for table in ("attempts", "pieces"):
            new.execute(f"DELETE FROM {table} WHERE task NOT IN (SELECT id FROM tasks)")  # noqa: S608  # our names
        new.execute("DELETE FROM turns WHERE conversation NOT IN (SELECT id FROM conversations)")
        new.execute("INSERT INTO endings (task, spent_ms) SELECT id, 0 FROM tasks WHERE finished_at IS NOT NULL")
        found = new.execute("SELECT count(*) FROM tasks").fetchone()[0]
        new.execute("COMMIT")
        return found
    finally:
        new.close()


def _refill_table(new: sqlite3.Connection, table: str, rows: list[dict[str, object]]) -> None:
    for row in rows:
        # By name: an older schema has fewer columns.
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        with suppress(sqlite3.Error):  # a row that makes no sense is not taken over
            new.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608  # our names


def _readable_rows(copy: Path, table: str) -> list[dict[str, object]]:
    """Returns the rows before the first broken page and, read backwards, those after the last one."""
    names: list[str] = []
    rows: dict[tuple[object, ...], None] = {}
    old = sqlite3.connect(copy)
    try:
        for order in ("ASC", "DESC"):
            select = f"SELECT * FROM {table} ORDER BY {_SALVAGED[table]} {order}"  # noqa: S608  # our names
            read = 0
            try:
                found = old.execute(select)
                names = [column[0] for column in found.description]
                for row in found:
                    rows[tuple(row)] = None
                    read += 1
            except sqlite3.Error:
                # sqlite3 steps on before it gives a row out, and drops the one before the broken page.
                with suppress(sqlite3.Error):
                    rows.update(dict.fromkeys(map(tuple, old.execute(f"{select} LIMIT {read + 1}"))))
    finally:
        old.close()
    return [dict(zip(names, row, strict=True)) for row in rows]


def translate(error: sqlite3.Error, path: Path) -> StoreError:
    """Returns the store error that says what a database error means for the user."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return StoreBusyError(f"Another process has held the task store {path} for over {BUSY_S:g} s. Try again.")
    if "full" in text:
        return StoreFullError(
            f"The disk of the task store {path} is full. Make room, then try again; nothing was lost."
        )
    if "readonly" in text or "unable to open" in text:
        return StoreError(f"The task store {path} cannot be written ({text}). Make it writable, or set LONGCALL_HOME.")
    return StoreError(f"The task store {path} cannot be used: {text}.")
