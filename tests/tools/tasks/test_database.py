"""One SQLite file: group commit, durability, many processes, and everything that can be wrong with a file."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from support.processes import PATIENCE_S

from longcall.errors import StoreBusyError, StoreError, StoreFullError, StoreVersionError
from longcall.tasks.database import Database, open_database
from longcall.tasks.queries import load_migrations

Write = Callable[[sqlite3.Connection], Any]

HOLDS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
print("released", flush=True)
"""
OPENS = """
import sys, anyio
from pathlib import Path
from longcall.tasks.database import open_database

async def open_when_told():
    async with open_database(Path(sys.argv[1])) as database:
        await database.write(lambda connection: connection.execute(
            "INSERT INTO workers (id, environment, pid, started_at) VALUES (hex(randomblob(8)), 'e', 1, 1)"))

print("ready", flush=True)
for line in sys.stdin:
    sys.argv[1] = line.strip()
    anyio.run(open_when_told)
    print("opened", flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Returns where the test's store shall be."""
    return tmp_path / "home" / "tasks.sqlite3"


@pytest.fixture
async def database(path: Path) -> AsyncGenerator[Database]:
    """Returns a new store's database."""
    async with open_database(path) as opened:
        yield opened


def enrol(name: str, port: int = 4000) -> Write:
    """Returns a write of one row."""

    def run(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO workers VALUES (?, 'e', 1, ?, 1)", (name, port))
        return name

    return run


def enrol_both(first: str, second: str) -> Write:
    """Returns a write of two rows."""
    return lambda connection: (enrol(first)(connection), enrol(second)(connection))


def names(connection: sqlite3.Connection) -> list[str]:
    """Returns the names of all rows."""
    return [row[0] for row in connection.execute("SELECT id FROM workers ORDER BY id")]


def pragma(text: str) -> Write:
    """Returns a function that sets or asks for a pragma."""
    return lambda connection: next(iter(connection.execute(f"PRAGMA {text}")), (None,))[0]


@contextmanager
def python(script: str, *arguments: str) -> Generator[subprocess.Popen[str]]:
    """Runs a script in another process until the block ends."""
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def mode(path: Path) -> int:
    """Returns who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


def content(path: Path) -> bytes:
    """Returns what is in a file."""
    return path.read_bytes()


def put(path: Path, junk: bytes) -> None:
    """Makes a file of `junk`, with its folder."""
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(junk)


def log_of(path: Path) -> Path:
    """Returns the store's write-ahead log."""
    return path.with_name(f"{path.name}-wal")


async def hear(process: subprocess.Popen[str]) -> str:
    """Returns the next line that a script prints."""
    assert process.stdout is not None
    with anyio.fail_after(PATIENCE_S):
        return (await anyio.to_thread.run_sync(process.stdout.readline, abandon_on_cancel=True)).strip()


def tell(process: subprocess.Popen[str], line: str) -> None:
    """Gives a script a line to read."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


async def test_many_writes_at_once_share_few_commits(database: Database):
    statements: list[str] = []
    await database.write(lambda connection: connection.set_trace_callback(statements.append))
    async with anyio.create_task_group() as tasks:
        for number in range(200):
            tasks.start_soon(database.write, enrol(f"{number:03}"))
    await database.write(lambda connection: connection.set_trace_callback(None))
    assert len(await database.read(names)) == 200
    assert 1 <= statements.count("COMMIT") <= 6


async def test_writes_one_after_another_are_each_committed_before_they_return(database: Database, path: Path):
    with closing(sqlite3.connect(path)) as other:
        for number in range(3):
            assert await database.write(enrol(str(number))) == str(number)
            assert len(names(other)) == number + 1


async def test_a_failing_write_leaves_the_others_of_its_batch_alone(database: Database):
    failures: list[Exception] = []

    async def write(run: Write) -> None:
        try:
            await database.write(run)
        except (sqlite3.IntegrityError, ValueError) as error:
            failures.append(error)

    def half(connection: sqlite3.Connection) -> None:
        enrol("half")(connection)
        raise ValueError

    async with anyio.create_task_group() as tasks:
        for run in (enrol("a"), enrol("a"), half, enrol("b", port=-1), enrol("c")):
            tasks.start_soon(write, run)
    assert await database.read(names) == ["a", "c"]
    assert sorted(type(error).__name__ for error in failures) == ["IntegrityError", "IntegrityError", "ValueError"]


async def test_a_number_that_no_database_holds_leaves_the_others_of_its_batch_alone(database: Database):
    async def write_badly() -> None:
        with pytest.raises(OverflowError):
            await database.write(enrol("bad", port=1 << 80))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(database.write, enrol("a"))
        tasks.start_soon(write_badly)
        tasks.start_soon(database.write, enrol("b"))
    assert await database.read(names) == ["a", "b"]


async def test_a_cancelled_caller_neither_loses_nor_halves_its_write(database: Database, path: Path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(database.write, enrol_both("a", "b"))
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert names(other) == []
        other.execute("ROLLBACK")
        await database.write(enrol("c"))
        assert names(other) == ["a", "b", "c"]


async def test_what_waits_to_be_written_is_written_when_the_database_closes(path: Path):
    async with open_database(path) as database, anyio.create_task_group() as tasks:
        for name in "abc":
            tasks.start_soon(database.write, enrol(name))
        await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    with closing(sqlite3.connect(path)) as other:
        assert names(other) == ["a", "b", "c"]


async def test_every_connection_is_durable_and_logs_ahead(path: Path):
    async with open_database(path) as database:
        for ask in (database.write, database.read):
            assert await ask(pragma("synchronous")) == 2
            assert await ask(pragma("journal_mode")) == "wal"
            assert await ask(pragma("foreign_keys")) == 1
            assert await ask(pragma("wal_autocheckpoint")) == 0


async def test_only_the_user_can_read_the_store(database: Database, path: Path):
    await database.write(enrol("a"))
    assert mode(path.parent) == 0o700
    modes = {file.name: mode(file) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(["repair.lock", "tasks.sqlite3", "tasks.sqlite3-shm", "tasks.sqlite3-wal"], 0o600)


async def test_a_folder_that_was_there_keeps_its_mode(path: Path):
    path.parent.mkdir(mode=0o755)
    path.parent.chmod(0o755)
    async with open_database(path):
        assert mode(path.parent) == 0o755
        assert mode(path) == 0o600


async def test_what_was_written_is_there_when_the_store_is_opened_again(path: Path):
    for name in "ab":
        async with open_database(path) as database:
            await database.write(enrol(name))
    with closing(sqlite3.connect(path)) as other:
        assert names(other) == ["a", "b"]


async def test_processes_that_make_a_store_at_the_same_instant_all_succeed(tmp_path: Path):
    with ExitStack() as stack:
        processes = [stack.enter_context(python(OPENS, "")) for _ in range(3)]
        assert [await hear(process) for process in processes] == ["ready"] * 3
        for number in range(8):
            fresh = tmp_path / str(number) / "tasks.sqlite3"
            for process in processes:
                tell(process, str(fresh))
            assert [await hear(process) for process in processes] == ["opened"] * 3
            with closing(sqlite3.connect(fresh)) as other:
                assert len(names(other)) == 3
                assert other.execute("PRAGMA user_version").fetchone() == (load_migrations()[-1][0],)


async def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(path: Path):
    async with open_database(path) as database:
        await database.write(enrol("a"))
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreVersionError, match=r"newer longcall \(schema 99; .*Upgrade longcall"):
        async with open_database(path):
            pass
    with closing(sqlite3.connect(path)) as other:
        assert (pragma("user_version")(other), names(other)) == (99, ["a"])


async def test_a_store_below_a_file_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "tasks.sqlite3", tmp_path / "file" / "deeper" / "tasks.sqlite3"):
        with pytest.raises(StoreError, match=r"cannot be made \(.+\)\. Make its folder writable, or set LONGCALL_HOME"):
            async with open_database(path):
                pass


async def test_a_store_that_is_a_folder_is_refused(path: Path):
    put(path / "file", b"")
    with pytest.raises(StoreError, match="set LONGCALL_HOME"):
        async with open_database(path):
            pass


async def test_a_store_in_a_read_only_folder_is_refused(path: Path):
    folder = Path("/proc/self") if os.geteuid() == 0 else path.parent  # root may write in any other
    if folder == path.parent:
        folder.mkdir()
        folder.chmod(0o500)
    with pytest.raises(StoreError, match="Make its folder writable"):
        async with open_database(folder / "tasks.sqlite3"):
            pass


async def test_a_database_that_takes_no_writes_says_how_to_go_on(database: Database):
    await database.write(pragma("query_only = 1"))
    with pytest.raises(StoreError, match="Make it writable, or set LONGCALL_HOME"):
        await database.write(enrol("a"))
    assert await database.read(names) == []


async def test_a_full_disk_is_told_and_later_writes_succeed(database: Database):
    await database.write(enrol("a"))
    await database.write(pragma("max_page_count = 1"))
    with pytest.raises(StoreFullError, match="Make room, then try again; nothing was lost"):
        await database.write(enrol("b" * 1_000_000))
    assert await database.read(names) == ["a"]
    await database.write(pragma("max_page_count = 1000000"))
    await database.write(enrol("b" * 1_000_000))
    assert len(await database.read(names)) == 2


async def test_a_store_held_for_too_long_is_told_and_later_writes_succeed(database: Database, path: Path):
    await database.write(pragma("busy_timeout = 50"))
    with python(HOLDS, str(path)) as holder:
        assert await hear(holder) == "held"
        with pytest.raises(StoreBusyError, match="Another process has held the task store"):
            await database.write(enrol("a"))
        tell(holder, "release")
        assert await hear(holder) == "released"
        await database.write(enrol("b"))
    assert await database.read(names) == ["b"]


async def test_the_event_loop_goes_on_while_another_process_holds_the_store(database: Database, path: Path):
    done = anyio.Event()

    async def write() -> None:
        await database.write(enrol("a"))
        done.set()

    with python(HOLDS, str(path)) as holder:
        assert await hear(holder) == "held"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            await anyio.lowlevel.checkpoint()
            assert await database.read(names) == []
            assert not done.is_set()
            tell(holder, "release")  # a loop that stood still could not say so, and the write would fail
    assert await database.read(names) == ["a"]


async def test_what_was_committed_survives_a_torn_end_of_the_log(path: Path, tmp_path: Path):
    copy = tmp_path / "copy" / path.name
    async with open_database(path) as database:
        await database.write(enrol("a"))
        put(copy, content(path))
        log = content(log_of(path))
    put(log_of(copy), log + log[:1000])
    async with open_database(copy) as database:
        assert await database.read(names) == ["a"]
        await database.write(enrol("b"))
        assert await database.read(names) == ["a", "b"]


async def test_a_junk_log_beside_the_file_takes_nothing_from_it(path: Path):
    async with open_database(path) as database:
        await database.write(enrol("a"))
    put(log_of(path), b"\xff" * 40_000)
    async with open_database(path) as database:
        await database.write(enrol("b"))
        assert await database.read(names) == ["a", "b"]
