"""One SQLite file, opened so that commits are durable and shared writes are safe.

Writes go through one writer per process that commits whatever has gathered since the last commit as one transaction
("group commit"): with synchronous=FULL the flush is what costs, and this pays it once for many. Each write is a plain
function of the raw connection, runs whole inside a savepoint, and so can neither be interleaved nor half done; a caller
that is cancelled only stops waiting. Reads have a connection of their own.
"""

import os
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import aiosqlite
import anyio

from longcall.beside import beside
from longcall.errors import LongcallError, StoreBusyError, StoreError, StoreFullError, StoreVersionError
from longcall.tasks.queries import load_migrations

T = TypeVar("T")
BUSY_S = 10.0
"""Seconds that a write waits for another process's write."""
_BATCH = 512


class _Write(Generic[T]):
    """One write in the queue, and what came of it."""

    def __init__(self, run: Callable[[sqlite3.Connection], T]) -> None:
        self.run = run
        self.done = anyio.Event()
        self.result: T
        self.error: BaseException | None = None


class Database:
    """An open SQLite file with one writer and one reader connection."""

    def __init__(self, path: Path, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._queue: list[_Write[Any]] = []
        self._gathered = anyio.Event()

    async def write(self, run: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `run` in a transaction and returns its result once that is durable."""
        write = _Write(run)
        self._queue.append(write)
        self._gathered.set()
        await write.done.wait()
        if write.error is not None:
            raise self._translate(write.error) from write.error
        return write.result

    async def read(self, run: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `run` on the reader connection and returns its result."""
        try:
            return await _hop(self._reader, run)
        except sqlite3.Error as error:
            raise self._translate(error) from error

    async def serve_writes(self) -> None:
        """Commits what gathers, for ever; what is queued when it is cancelled is still committed."""
        try:
            while True:
                await self._gathered.wait()
                await self._commit_gathered()
        finally:
            with anyio.CancelScope(shield=True):
                await self._commit_gathered()

    async def _commit_gathered(self) -> None:
        self._gathered = anyio.Event()
        while batch := self._queue[:_BATCH]:
            del self._queue[:_BATCH]
            with anyio.CancelScope(shield=True):
                try:
                    await _hop(self._writer, partial(_commit, batch))
                except BaseException as error:
                    for write in batch:
                        write.error = error
                    if not isinstance(error, sqlite3.Error):
                        raise
                finally:
                    for write in batch:
                        write.done.set()

    def _translate(self, error: BaseException) -> BaseException:
        if not isinstance(error, sqlite3.Error) or isinstance(error, sqlite3.IntegrityError):
            return error  # a broken constraint is our bug, not the user's store
        return translate(error, self._path)


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
    return StoreError(f"The task store {path} cannot be used: {text}. Move it aside to begin a new one.")


def _commit(batch: list[_Write[Any]], connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for write in batch:
            _run_one(write, connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _run_one(write: _Write[Any], connection: sqlite3.Connection) -> None:
    connection.execute("SAVEPOINT one")
    try:
        write.result = write.run(connection)
    except (LongcallError, sqlite3.IntegrityError, TypeError, ValueError) as error:
        connection.execute("ROLLBACK TO one")
        write.error = error
    connection.execute("RELEASE one")


async def _hop(connection: aiosqlite.Connection, run: Callable[[sqlite3.Connection], T]) -> T:
    # aiosqlite's public methods cost one thread hop for each statement; a whole function in one hop makes a batch of
    # 64 durable writes about 15 times cheaper.
    inside: Any = connection
    return await inside._execute(run, inside._conn)  # noqa: SLF001


@asynccontextmanager
async def open_database(path: Path, *, checkpoints: bool) -> AsyncGenerator[Database]:
    """Opens the file, made and migrated if need be.

    Only a process that says `checkpoints` moves the write-ahead log into the file: SQLite builds before 3.51.3 can
    corrupt a database when several connections do so at once (sqlite.org/wal.html, "the WAL-reset bug").

    Raises:
        StoreError: the file cannot be used; the sentence says why.
    """
    connections: list[aiosqlite.Connection] = []
    try:
        try:
            _prepare(path)
            for _ in range(2):
                connections.append(await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_S))
                await _hop(connections[-1], partial(_configure, checkpoints=checkpoints))
            await _hop(connections[0], partial(_migrate, path))
        except sqlite3.Error as error:
            raise translate(error, path) from error
        except OSError as error:
            raise StoreError(
                f"The task store {path} cannot be made ({error.strerror}). Make its folder writable, or set"
                " LONGCALL_HOME to another one."
            ) from error
        database = Database(path, connections[0], connections[1])
        async with beside(database.serve_writes):
            yield database
    finally:
        with anyio.CancelScope(shield=True):
            for connection in connections:
                await connection.close()


def _prepare(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Made here with its mode, since SQLite gives its side files the mode of the file.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _configure(connection: sqlite3.Connection, *, checkpoints: bool) -> None:
    connection.row_factory = sqlite3.Row
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {1000 if checkpoints else 0}")


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


def _migrate(path: Path, connection: sqlite3.Connection) -> None:
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
