"""One SQLite file, opened so that commits are durable and shared writes are safe.

Writes go through one writer per process that commits whatever has gathered since the last commit as one transaction
("group commit"): with synchronous=FULL the flush is what costs, and this pays it once for many. Each write is a plain
function of the raw connection, runs whole inside a savepoint, and so can neither be interleaved nor half done; a caller
that is cancelled only stops waiting. Reads have a connection of their own.

A file that was removed or replaced under a running process is noticed before the next use and opened anew.
"""

import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import aiosqlite
import anyio
import anyio.to_thread

from longcall.beside import beside
from longcall.errors import StoreError
from longcall.tasks import sqlite_file

T = TypeVar("T")
_BATCH = 512


class _Write(Generic[T]):
    """One write in the queue, and what came of it."""

    def __init__(self, run: Callable[[sqlite3.Connection], T]) -> None:
        self.run = run
        self.done = anyio.Event()
        self.result: T
        self.error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class _Opened:
    """The connections to one file of the path's name."""

    identity: sqlite_file.Identity
    writer: aiosqlite.Connection
    reader: aiosqlite.Connection


class Database:
    """A SQLite file with one writer and one reader connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: _Opened | None = None
        self._opening = anyio.Lock()
        self.openings = 0
        """How often the file was opened; each connection counts its changes from the same number."""
        self._queue: list[_Write[Any]] = []
        self._gathered = anyio.Event()

    async def write(self, run: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `run` in a transaction and returns its result once that is durable."""
        write = self._enqueue(run)
        await write.done.wait()
        if write.error is not None:
            raise write.error
        return write.result

    def post(self, run: Callable[[sqlite3.Connection], Any]) -> None:
        """Has `run` done in a transaction, before any later write, without waiting for it."""
        self._enqueue(run)

    def _enqueue(self, run: Callable[[sqlite3.Connection], T]) -> _Write[T]:
        write = _Write(run)
        self._queue.append(write)
        self._gathered.set()
        return write

    async def read(self, run: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `run` on the reader connection and returns its result."""
        opened = await self._current()
        try:
            return await _hop(opened.reader, run)
        except sqlite3.Error as error:
            raise await self._meaning(error, opened.identity) from error

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
                error = await self._commit(batch)
                for write in batch:
                    write.error = write.error or error
                    write.done.set()

    async def _commit(self, batch: list[_Write[Any]]) -> BaseException | None:
        opened: _Opened | None = None
        try:
            opened = await self._current()
            await _hop(opened.writer, partial(_commit, batch))
        except Exception as error:  # noqa: BLE001  # each waiting writer gets it
            return await self._meaning(error, opened.identity if opened else None)
        return None

    async def _current(self) -> _Opened:
        """Returns the connections, opened anew when the file is not the one they were opened on."""
        opened = self._opened
        if opened is not None and sqlite_file.identity(self._path) == opened.identity:
            return opened
        async with self._opening:
            opened = self._opened
            if opened is None or sqlite_file.identity(self._path) != opened.identity:
                await self._close()
                opened = self._opened = await self._open()
                self.openings += 1
            return opened

    async def _open(self) -> _Opened:
        found: sqlite_file.Identity | None = None
        async with AsyncExitStack() as stack:
            try:
                found = sqlite_file.prepare(self._path)
                writer, reader = [await self._connect(stack, found) for _ in range(2)]
                await _hop(writer, partial(sqlite_file.migrate, self._path))
            except sqlite_file.ReplacedError:
                return await self._open()
            except OSError as error:
                raise StoreError(
                    f"The task store {self._path} cannot be made ({error.strerror}). Make its folder writable, or set"
                    " LONGCALL_HOME to another one."
                ) from error
            except sqlite3.Error as error:
                raise await self._meaning(error, found) from error
            stack.pop_all()
            return _Opened(found, writer, reader)

    async def _connect(self, stack: AsyncExitStack, found: sqlite_file.Identity) -> aiosqlite.Connection:
        connection = await aiosqlite.connect(self._path, isolation_level=None, timeout=sqlite_file.BUSY_S)
        stack.push_async_callback(connection.close)
        await _hop(connection, partial(sqlite_file.configure_found, self._path, found))
        return connection

    async def aclose(self) -> None:
        """Closes the connections; the next use would open them again."""
        async with self._opening:
            await self._close()

    async def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            with anyio.CancelScope(shield=True):
                await opened.writer.close()
                await opened.reader.close()

    async def _meaning(self, error: BaseException, found: sqlite_file.Identity | None) -> BaseException:
        """Returns what an error means for the caller; sets a corrupt file aside on the way."""
        if not isinstance(error, sqlite3.Error) or isinstance(error, sqlite3.IntegrityError):
            return error  # a broken constraint is our bug, not the user's store
        if not sqlite_file.is_corruption(error):
            return sqlite_file.translate(error, self._path)
        return await anyio.to_thread.run_sync(sqlite_file.set_aside, self._path, found)


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
    except sqlite3.IntegrityError as error:
        connection.execute("ROLLBACK TO one")
        write.error = error
    except sqlite3.Error:
        raise  # the file or the disk: the whole batch fails
    except Exception as error:  # noqa: BLE001  # whatever one write raises fails that one alone
        connection.execute("ROLLBACK TO one")
        write.error = error
    connection.execute("RELEASE one")


async def _hop(connection: aiosqlite.Connection, run: Callable[[sqlite3.Connection], T]) -> T:
    # aiosqlite's public methods cost one thread hop for each statement; a whole function in one hop makes a batch of
    # 64 durable writes about 15 times cheaper.
    inside: Any = connection
    return await inside._execute(run, inside._conn)  # noqa: SLF001


@asynccontextmanager
async def open_database(path: Path) -> AsyncGenerator[Database]:
    """Opens the file, made and migrated if need be; a corrupt one is set aside and a new one begun.

    Raises:
        StoreError: the file cannot be used; the sentence says why.
    """
    database = Database(path)
    try:
        await database.read(sqlite_file.quick_look)
        async with beside(database.serve_writes):
            yield database
    finally:
        with anyio.CancelScope(shield=True):
            await database.aclose()
