"""A store that an older edition wrote, and an older edition that is still at work beside this one."""

import os
import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.processes import PATIENCE_S
from tools.tasks.samples import WORKER, added, answered, asking, look, new_group, new_task

from longcall.environment import SCHEMA, fingerprint, older_fingerprints, read_salt
from longcall.errors import StoreCorruptError
from longcall.models import AttemptState, Decision, Role, TaskState
from longcall.settings import read_settings
from longcall.tasks.added import Added, Attached
from longcall.tasks.client import TaskClient, open_client
from longcall.tasks.lock import held, lock_path
from longcall.tasks.queries import load_migrations
from longcall.tasks.sqlite import open_sqlite_store
from longcall.tasks.store import Ending
from longcall.tasks.unsaved import Unsaved, keep

PAGE = 4096
BASE = {
    "kind": "call", "state": "queued", "environment": "e", "project": "/project", "model": "demo/echo", "head": "why?",
    "on_interrupt": "report", "timeout_ms": 3_600_000, "call": asking().model_dump_json(), "created_at": 1_000,
    "created_tick": 1_000,
}  # fmt: skip
RUNNING = {**BASE, "state": "running", "worker": WORKER, "started_at": 2_000}
ENDED = {**RUNNING, "finished_at": 3_000}
COMPLETION = '{"model": "m", "finish_reason": "stop", "usage": null, "cost_usd": 0.5, "warnings": ["w"]}'
FAILURE = '{"code": "unavailable", "message": "The provider is down.", "retryable": true}'
ANSWERED = {**ENDED, "text": "because", "completion": COMPLETION}
ROWS: dict[str, dict[str, Any]] = {
    "waits": {**BASE, "idempotency_key": "k"},
    "runs": RUNNING,
    "done": {**ANSWERED, "state": "completed", "delivered_at": 4_000},
    "failed": {**ENDED, "state": "failed", "failure": FAILURE},
    "cancelled": {**ENDED, "state": "cancelled", "cancel_requested": 1, "text": "half"},
    "interrupted": {**ENDED, "state": "interrupted", "failure": FAILURE},
    "doubtful": {**ANSWERED, "state": "needs_review"},
    "group": {**BASE, "kind": "group", "state": "running", "call": None, "timeout_ms": None},
    "member": {**BASE, "parent": "group", "position": 0},
}


def id_of(name: str) -> str:
    """Returns the id of a row of ROWS."""
    return f"{name:_<32}"


def insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    names = ", ".join(row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})", row)


def insert_task(connection: sqlite3.Connection, name: str, row: dict[str, Any]) -> None:
    parent = {"parent": id_of(row["parent"])} if "parent" in row else {"request": name}
    insert(connection, "tasks", {**row, "id": id_of(name), **parent})


def facts(connection: sqlite3.Connection, table: str, columns: list[str]) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2").fetchall()


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


@pytest.fixture
def old(tmp_path: Path) -> Generator[sqlite3.Connection]:
    """Returns a bare connection to a store that the first edition made."""
    with made_by(1, tmp_path) as connection:
        yield connection


@pytest.fixture(params=range(1, SCHEMA))
def any_old(tmp_path: Path, request: pytest.FixtureRequest) -> Generator[sqlite3.Connection]:
    """Returns a bare connection to a store that an older edition made, each of them in turn."""
    with made_by(request.param, tmp_path) as connection:
        yield connection


@contextmanager
def made_by(edition: int, folder: Path) -> Generator[sqlite3.Connection]:
    """Makes a store as an edition did."""
    with closing(sqlite3.connect(folder / "tasks.sqlite3", isolation_level=None)) as connection:
        for number, script in load_migrations()[:edition]:
            connection.executescript(f"{script}; PRAGMA user_version = {number}")
        yield connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Returns the file of `old`."""
    return tmp_path / "tasks.sqlite3"


def fill(old: sqlite3.Connection) -> None:
    """Has the first edition's store hold a task in every state, with all that belongs to them."""
    insert(old, "workers", {"id": WORKER, "environment": "e", "pid": 1, "started_at": 1})
    for name, row in ROWS.items():
        insert_task(old, name, row)
        if row["state"] not in ("queued", "running"):
            insert(old, "endings", {"task": id_of(name), "spent_ms": 5})
    insert(old, "attempts", {"task": id_of("runs"), "number": 1, "model": "m", "state": "sent", "sent_at": 2_500})
    insert(old, "pieces", {"task": id_of("runs"), "number": 1, "text": "so far"})


def break_page(path: Path, words: bytes) -> None:
    """Overwrites the page in which some words stand."""
    content = path.read_bytes()
    start = content.index(words) // PAGE * PAGE
    path.write_bytes(content[:start] + b"\xff" * PAGE + content[start + PAGE :])


async def test_an_older_store_is_migrated_and_keeps_tasks_in_every_state(any_old: sqlite3.Connection, path: Path):
    old = any_old
    fill(old)
    tables = {name: columns(old, name) for name in ("tasks", "attempts", "pieces", "endings", "workers", "clock")}
    before = {table: facts(old, table, names) for table, names in tables.items()}
    async with open_sqlite_store(path) as store:
        for name, row in ROWS.items():
            task = await look(store, id_of(name))
            assert (task.state, task.principal, task.call is None) == (row["state"], "", row["kind"] == "group")
    assert old.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
    assert {table: facts(old, table, names) for table, names in tables.items()} == before
    assert old.execute("PRAGMA foreign_key_check").fetchall() == []
    assert old.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_work_that_began_in_an_older_store_goes_on_in_the_new_one(any_old: sqlite3.Connection, path: Path):
    fill(any_old)
    async with open_sqlite_store(path) as store:
        assert await store.finish(id_of("runs"), WORKER, Ending(TaskState.CANCELLED, AttemptState.CANCELLED))
        found = await look(store, id_of("runs"))
        assert (found.text, found.series, found.validation) == ("so far", 0, None)
        assert [(one.role, one.series, one.checked) for one in found.attempts] == [(Role.ANSWER, 0, None)]
        claims = await store.claim("e", WORKER, 10)
        assert {claim.id for claim in claims} == {id_of("waits"), id_of("member")}
        assert await store.finish(id_of("member"), WORKER, answered())
        assert (await look(store, id_of("group"))).state is TaskState.COMPLETED
        assert await store.review(id_of("doubtful"), Decision.GUIDE, "be sure")
        again = replace(new_task(request="waits", key="k"), environment="e")
        assert await store.add([again]) == Added(id_of("waits"), Attached.KEY)


async def test_an_answer_to_review_without_its_completion_is_given_one(old: sqlite3.Connection, path: Path):
    insert_task(old, "bare", {**ENDED, "state": "needs_review"})
    async with open_sqlite_store(path) as store:
        task = await look(store, id_of("bare"))
        assert (task.state, task.text) == (TaskState.NEEDS_REVIEW, "")
        assert task.completion is not None
        assert (task.completion.model, task.completion.finish_reason) == ("demo/echo", "unknown")
        assert await store.review(task.id, Decision.ACCEPT, None)


async def test_what_an_older_edition_still_writes_is_taken(old: sqlite3.Connection, path: Path):
    async with open_sqlite_store(path) as store:
        insert_task(old, "late", BASE)
        assert (await look(store, id_of("late"))).principal == ""
        with pytest.raises(sqlite3.IntegrityError):
            insert_task(old, "wrong", {**ENDED, "state": "needs_review"})


async def test_a_broken_store_of_an_older_edition_is_salvaged(old: sqlite3.Connection, path: Path):
    names = [f"task {number:03}" for number in range(60)]
    for name in names:
        insert_task(old, name, {**ANSWERED, "state": "completed", "text": f"{name} " + "x" * 1500})
    old.close()
    break_page(path, b"task 030 x")
    with pytest.raises(StoreCorruptError, match=r"tasks that could still be read"):
        async with open_sqlite_store(path) as store:
            await store.task(id_of("task 030"))
    async with open_sqlite_store(path) as store:
        found = {task.id for task in await store.recent(None, 100)}
        assert (await look(store, id_of("task 000"))).text.startswith("task 000 ")
    lost = {number for number, name in enumerate(names) if id_of(name) not in found}
    assert {30} <= lost <= set(range(28, 34))


def test_the_schema_of_an_environment_is_the_newest():
    assert load_migrations()[-1][0] == SCHEMA


def test_every_schema_makes_another_environment_of_the_same_keys():
    salt, environ = b"salt" * 8, {"OPENAI_API_KEY": "sk-mock-1"}
    older = older_fingerprints(environ, salt)
    assert len({*older, fingerprint(environ, salt)}) == SCHEMA
    # What the first edition made of them must never change: its tasks are known by it.
    assert older[0] == "f8bed4bbf0934d2a"


@pytest.fixture
async def client(home: Path) -> AsyncGenerator[TaskClient]:
    """Returns a client on a new store."""
    async with open_client(read_settings(os.environ), os.environ) as opened:
        assert opened.settings.home == home
        yield opened


@pytest.fixture
def older(client: TaskClient) -> str:
    """Returns what the first edition calls the client's environment."""
    return fingerprint(os.environ, read_salt(client.settings.home), 1)


async def test_a_worker_of_an_older_edition_claims_no_task_of_this_one(client: TaskClient, older: str):
    with held(lock_path(client.settings.workers_path, client.environment)):  # so that no worker of ours takes it
        task = (await client.start([asking("nobody else's?")], "/project")).id
        assert await client.store.claim(older, "theirs", 10) == []
        assert [claim.id for claim in await client.store.claim(client.environment, "ours", 10)] == [task]


async def test_a_request_attaches_to_what_an_older_edition_works_on(client: TaskClient, older: str):
    call = asking("the same?")
    with held(lock_path(client.settings.workers_path, older)):
        [theirs] = await added(client.store, new_task("the same?", request=call.request, environment=older))
        keyed = new_task("keyed?", request=asking("keyed?").request, key="k", environment=older)
        await added(client.store, keyed)
        assert await client.start([call], "/project") == Added(theirs, Attached.RUNNING)
        by_key = await client.start([asking("keyed?")], "/project", idempotency_key="k")
        assert by_key == Added(keyed.id, Attached.KEY)
        assert (await client.wait(theirs, 0)).environment == older


async def test_what_waits_for_a_dead_worker_of_an_older_edition_is_run_by_ours(client: TaskClient, older: str):
    [task] = await added(client.store, new_task("left behind?", environment=older))
    with anyio.fail_after(PATIENCE_S):
        found = await client.wait(task, None)
    assert (found.state, found.text) == (TaskState.COMPLETED, "left behind?")
    assert found.environment == client.environment


async def test_what_waits_under_an_older_name_is_taken_over_when_a_client_comes(client: TaskClient, older: str):
    free, theirs = await added(client.store, new_task(environment=older), new_task(environment="f" * 16))
    async with open_client(client.settings, os.environ) as another:
        with anyio.fail_after(PATIENCE_S):
            while not (await look(another.store, free)).state.is_final:  # noqa: ASYNC110  # nobody is to wait for it
                await anyio.sleep(0.02)
        found = await another.wait(theirs, 0)
        assert (found.state, found.environment) == (TaskState.QUEUED, "f" * 16)
        assert another.estate.is_stranded(found)


async def test_what_a_living_worker_of_an_older_edition_has_is_left_to_it(client: TaskClient, older: str):
    with held(lock_path(client.settings.workers_path, older)) as proved:
        assert proved
        runs, waits = await added(client.store, new_task(environment=older), new_task(environment=older))
        await client.store.claim(older, "theirs", 1)
        await client.estate.take_over()
        found = [await client.wait(task, 0) for task in (runs, waits)]
        assert {task.environment for task in found} == {older}
        assert [task.state for task in found] == [TaskState.RUNNING, TaskState.QUEUED]
        assert not any(client.estate.is_stranded(task) for task in found)


async def test_what_a_dead_worker_of_an_older_edition_had_sent_is_never_sent_again(client: TaskClient, older: str):
    with held(lock_path(client.settings.workers_path, older)):
        kept, lost = await added(client.store, new_task(environment=older), new_task(environment=older))
        await client.store.claim(older, "theirs", 2)
        for task in (kept, lost):
            await client.store.mark_sent(task, "theirs", "demo/echo")
    keep(client.settings.unsaved_path, Unsaved(kept, "theirs", answered("paid for")))
    found = [await client.wait(task, 0) for task in (kept, lost)]
    assert [task.state for task in found] == [TaskState.COMPLETED, TaskState.INTERRUPTED]
    assert found[0].text == "paid for"


async def test_a_key_that_both_editions_used_stays_with_each(client: TaskClient, older: str):
    ours = new_task("one", key="k", environment=client.environment, request="a")
    theirs = new_task("two", key="k", environment=older, request="b")
    await added(client.store, ours, theirs)
    await client.store.adopt(older, client.environment)
    assert (await look(client.store, ours.id)).environment == client.environment
    assert (await look(client.store, theirs.id)).environment == older


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a cancel wait for no worker."""
    monkeypatch.setattr("longcall.tasks.client._CANCEL_S", 0.0)


@pytest.mark.usefixtures("impatient")
async def test_what_a_provider_has_can_be_cancelled_though_nobody_holds_its_keys(client: TaskClient):
    gone = "f" * 16
    parent, member = (replace(new, environment=gone) for new in new_group(1))
    await added(client.store, parent, member)
    [claim] = await client.store.claim(gone, "theirs", 1)
    await client.store.mark_sent(claim.id, "theirs", "demo/echo")
    await client.store.note_handle(claim.id, "theirs", "batch_1")
    waits = await client.wait(parent.id, 0)
    assert client.estate.is_stranded(waits)
    with held(lock_path(client.settings.workers_path, gone)) as proved:
        assert proved
        assert (await client.cancel(parent.id)).state is TaskState.RUNNING
        assert not client.estate.is_stranded(waits)
    cancelled = await client.cancel(parent.id)
    assert cancelled.state.is_final
    assert cancelled.members[0].state is TaskState.CANCELLED
