"""A store's file under its users: removed, replaced, broken; and its write-ahead log."""

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from support.processes import PATIENCE_S
from tools.tasks.samples import HERE, WORKER, added, answered, look, new_task, running

from longcall.errors import StoreCorruptError
from longcall.models import TaskState
from longcall.tasks.sqlite import SqliteStore, open_sqlite_store
from longcall.tasks.sqlite_file import has_wal_reset_bug, identity, set_aside

PAGE = 4096
SIDES = ("", "-wal", "-shm")
OPENS = """
import sys, anyio
from pathlib import Path
from longcall.errors import StoreCorruptError
from longcall.tasks.sqlite import open_sqlite_store

async def use(path):
    try:
        async with open_sqlite_store(Path(path)) as store:
            await store.advance()
            return "used"
    except StoreCorruptError:
        return "corrupt"

print("ready", flush=True)
for line in sys.stdin:
    print(anyio.run(use, line.strip()), flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Returns where the test's store is."""
    return tmp_path / "home" / "tasks.sqlite3"


@pytest.fixture
async def store(path: Path) -> AsyncGenerator[SqliteStore]:
    """Returns an empty store."""
    async with open_sqlite_store(path) as opened:
        yield opened


def beside(path: Path, suffix: str) -> Path:
    """Returns the path of a file beside the store."""
    return path.with_name(path.name + suffix)


def size(path: Path) -> int:
    """Returns how many bytes are in a file."""
    return path.stat().st_size


def put(path: Path, junk: bytes) -> None:
    """Makes a file of `junk`, with its folder."""
    path.parent.mkdir()
    path.write_bytes(junk)


def remove(path: Path) -> None:
    """Removes a store, as users do."""
    for suffix in SIDES:
        beside(path, suffix).unlink(missing_ok=True)


def set_asides(path: Path) -> list[Path]:
    """Returns the broken files that were set aside."""
    return [file for file in path.parent.glob(f"{path.name}.corrupt-*") if not file.name.endswith(("-wal", "-shm"))]


def copied(path: Path, to: Path) -> dict[str, bytes]:
    """Copies a store with its log, as a crash would leave them; returns their bytes."""
    to.parent.mkdir(parents=True)
    found = {suffix: beside(path, suffix).read_bytes() for suffix in ("", "-wal") if beside(path, suffix).exists()}
    for suffix, content in found.items():
        beside(to, suffix).write_bytes(content)
    return found


def break_page(path: Path, words: bytes) -> bytes:
    """Overwrites the page in which some words stand; returns the file's new bytes."""
    content = path.read_bytes()
    start = content.index(words) // PAGE * PAGE
    path.write_bytes(content[:start] + b"\xff" * PAGE + content[start + PAGE :])
    return path.read_bytes()


async def test_a_store_that_was_removed_under_a_user_is_begun_anew(store: SqliteStore, path: Path):
    [old] = await added(store, new_task())
    remove(path)
    assert await store.task(old) is None
    [new] = await added(store, new_task())
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT id FROM tasks").fetchall() == [(new,)]


async def test_the_first_write_after_a_removal_is_kept(store: SqliteStore, path: Path):
    await added(store, new_task())
    remove(path)
    [new] = await added(store, new_task())
    assert [task.id for task in await store.recent(None, 10)] == [new]


async def test_a_store_whose_whole_folder_was_removed_is_begun_anew(store: SqliteStore, path: Path):
    await added(store, new_task())
    shutil.rmtree(path.parent)
    [new] = await added(store, new_task())
    assert await store.task(new) is not None


async def test_a_store_that_was_replaced_is_used_from_then_on(store: SqliteStore, path: Path, tmp_path: Path):
    await added(store, new_task())
    elsewhere = tmp_path / "elsewhere.sqlite3"
    async with open_sqlite_store(elsewhere) as other:
        [theirs] = await added(other, new_task())
        await other.checkpoint()
    remove(path)
    elsewhere.rename(path)
    [ours] = await added(store, new_task())
    assert {task.id for task in await store.recent(None, 10)} == {theirs, ours}


async def test_letting_go_of_a_removed_store_takes_nothing_from_its_successor(store: SqliteStore, path: Path):
    await added(store, new_task())
    remove(path)
    async with open_sqlite_store(path) as successor:
        [theirs] = await added(successor, new_task())
        [ours] = await added(store, new_task())
        [late] = await added(successor, new_task())
        for opened in (store, successor):
            assert {task.id for task in await opened.recent(None, 10)} == {theirs, ours, late}


async def test_that_a_store_was_replaced_is_seen_as_a_change(path: Path):
    async with open_sqlite_store(path) as first:
        await added(first, new_task())
    async with open_sqlite_store(path) as store:
        before = await store.changes()
        remove(path)
        async with open_sqlite_store(path) as successor:
            await added(successor, new_task())
            assert await store.changes() != before


@pytest.mark.parametrize("junk", [b"not a database, " * 1000, b"\xff" * PAGE], ids=["text", "bytes"])
async def test_a_file_that_is_no_database_is_set_aside_untouched_and_told_once(path: Path, junk: bytes):
    put(path, junk)
    with pytest.raises(
        StoreCorruptError, match=r"was set aside as .*, untouched, .* with 0 tasks .* Ask again"
    ) as error:
        async with open_sqlite_store(path):
            pass
    [aside] = set_asides(path)
    assert str(aside) in str(error.value)
    assert aside.read_bytes() == junk
    async with open_sqlite_store(path) as store:
        await added(store, new_task())
    assert set_asides(path) == [aside]


async def filled(store: SqliteStore) -> list[str]:
    """Fills a store with tasks over many pages, the last ones only in its log; returns their ids."""
    ids = await running(store, *(new_task(f"task {number:03} " + "x" * 1500) for number in range(60)), sent=True)
    await store.finish(ids[0], WORKER, answered("paid for"))
    await store.checkpoint()
    return [*ids, *await added(store, *(new_task(f"logged {number}") for number in range(3)))]


async def test_what_a_broken_page_did_not_hold_is_salvaged(store: SqliteStore, path: Path, tmp_path: Path):
    ids = await filled(store)
    broken = tmp_path / "broken" / path.name
    before = copied(path, broken)
    before[""] = break_page(broken, b"task 030 ")
    async with open_sqlite_store(broken) as opened:
        with pytest.raises(StoreCorruptError, match=r"tasks that could still be read"):
            await opened.task(ids[30])
        assert await opened.task(ids[30]) is None
        found = {task.id for task in await opened.recent(None, 100)}
        paid = await look(opened, ids[0])
        assert (paid.state, paid.text, len(paid.attempts)) == (TaskState.COMPLETED, "paid for", 1)
        assert await opened.endings(0) == [(1, ids[0])]
        await added(opened, new_task())
    lost = {number for number, task in enumerate(ids) if task not in found}
    assert {30} <= lost <= set(range(28, 34))
    [aside] = set_asides(broken)
    assert {suffix: beside(aside, suffix).read_bytes() for suffix in ("", "-wal")} == before


async def test_nothing_but_what_a_broken_page_held_is_lost(store: SqliteStore, path: Path, tmp_path: Path):
    ids = await filled(store)
    broken = tmp_path / "broken" / path.name
    whole = copied(path, broken)[""]
    start = whole.index(b"task 030 ") // PAGE * PAGE
    held = {int(number) for number in re.findall(rb'"task (\d{3}) ', whole[start : start + PAGE])}
    assert 30 in held
    break_page(broken, b"task 030 ")
    async with open_sqlite_store(broken) as opened:
        with pytest.raises(StoreCorruptError):
            await opened.task(ids[30])
        found = {task.id for task in await opened.recent(None, 100)}
    assert {number for number, task in enumerate(ids) if task not in found} == held


async def test_a_task_that_could_be_salvaged_goes_on(store: SqliteStore, path: Path, tmp_path: Path):
    ids = await filled(store)
    broken = tmp_path / "broken" / path.name
    copied(path, broken)
    break_page(broken, b"task 030 ")
    async with open_sqlite_store(broken) as opened:
        with pytest.raises(StoreCorruptError):
            await opened.task(ids[30])
        assert await opened.finish(ids[1], WORKER, answered())
        assert {claim.id for claim in await opened.claim(HERE, WORKER, 10)} == set(ids[-3:])


async def test_users_of_an_undamaged_copy_are_told_nothing(store: SqliteStore, path: Path, tmp_path: Path):
    ids = await filled(store)
    whole = tmp_path / "whole" / path.name
    copied(path, whole)
    async with open_sqlite_store(whole) as opened:
        assert {task.id for task in await opened.recent(None, 100)} == set(ids)
    assert set_asides(whole) == []


async def test_a_write_that_meets_a_broken_page_tells_too_and_the_next_one_works(
    store: SqliteStore, path: Path, tmp_path: Path
):
    ids = await filled(store)
    broken = tmp_path / "broken" / path.name
    copied(path, broken)
    break_page(broken, b"task 030 ")
    async with open_sqlite_store(broken) as opened:
        with pytest.raises(StoreCorruptError):
            await opened.cancel(ids[30])
        [new] = await added(opened, new_task())
        assert await opened.task(new) is not None


def test_a_file_that_somebody_has_begun_anew_is_not_set_aside_again(path: Path):
    put(path, b"junk" * PAGE)
    broken = identity(path)
    assert "set aside as" in str(set_aside(path, broken))
    assert "has been begun anew" in str(set_aside(path, broken))
    assert len(set_asides(path)) == 1


@contextmanager
def users(count: int) -> Generator[list[subprocess.Popen[str]]]:
    """Runs processes that use the stores they are told of."""
    with ExitStack() as stack:
        processes: list[subprocess.Popen[str]] = []
        for _ in range(count):
            command = [sys.executable, "-c", OPENS]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            processes.append(stack.enter_context(process))
            stack.callback(process.kill)
        yield processes


async def hear(process: subprocess.Popen[str]) -> str:
    """Returns the next line that a user prints."""
    assert process.stdout is not None
    with anyio.fail_after(PATIENCE_S):
        return (await anyio.to_thread.run_sync(process.stdout.readline, abandon_on_cancel=True)).strip()


async def test_processes_that_meet_a_broken_file_at_once_set_it_aside_once(tmp_path: Path):
    with users(3) as processes:
        assert [await hear(process) for process in processes] == ["ready"] * 3
        for number in range(8):
            path = tmp_path / str(number) / "tasks.sqlite3"
            put(path, b"junk" * PAGE)
            for expected in ({"corrupt", "used"}, {"used"}):
                for process in processes:
                    assert process.stdin is not None
                    process.stdin.write(f"{path}\n")
                    process.stdin.flush()
                told = [await hear(process) for process in processes]
                assert set(told) <= expected, told
            [aside] = set_asides(path)
            assert aside.read_bytes() == b"junk" * PAGE


async def test_a_checkpoint_empties_the_log(store: SqliteStore, path: Path):
    [task] = await added(store, new_task())
    assert size(beside(path, "-wal")) > 0
    await store.checkpoint()
    assert size(beside(path, "-wal")) == 0
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as file_alone:
        assert file_alone.execute("SELECT id FROM tasks").fetchall() == [(task,)]


async def test_writes_alone_never_move_the_log_into_the_file(store: SqliteStore, path: Path):
    before = size(path)
    await added(store, *(new_task("x" * 100_000) for _ in range(60)))
    assert size(beside(path, "-wal")) > 1000 * PAGE
    assert size(path) == before


@pytest.mark.parametrize(
    ("version", "has_bug"),
    [
        ((3, 37, 2), True), ((3, 44, 5), True), ((3, 44, 6), False), ((3, 44, 9), False), ((3, 45, 0), True),
        ((3, 45, 1), True), ((3, 50, 6), True), ((3, 50, 7), False), ((3, 50, 9), False), ((3, 51, 0), True),
        ((3, 51, 2), True), ((3, 51, 3), False), ((3, 52, 0), False), ((4, 0, 0), False),
    ],
)  # fmt: skip
def test_editions_of_sqlite_with_the_reset_bug_are_known(version: tuple[int, ...], has_bug: bool):
    assert has_wal_reset_bug(version) is has_bug
