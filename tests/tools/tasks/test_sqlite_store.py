"""The contract of a TaskStore, on SQLite; and the rows that its schema cannot hold."""

import sqlite3
from collections.abc import AsyncGenerator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tools.tasks.checks_contract import *  # noqa: F403  # the contract's tests
from tools.tasks.clock_contract import *  # noqa: F403  # the contract's tests and their fixtures
from tools.tasks.conversation_contract import *  # noqa: F403  # the contract's tests
from tools.tasks.ending_contract import *  # noqa: F403  # the contract's tests
from tools.tasks.fan_out_contract import *  # noqa: F403  # the contract's tests
from tools.tasks.fan_out_keys_contract import *  # noqa: F403  # the contract's tests
from tools.tasks.money_contract import *  # noqa: F403  # the contract's tests
from tools.tasks.principal_contract import *  # noqa: F403  # the contract's tests
from tools.tasks.request_contract import *  # noqa: F403  # the contract's tests
from tools.tasks.resending_contract import *  # noqa: F403  # the contract's tests
from tools.tasks.review_contract import *  # noqa: F403  # the contract's tests
from tools.tasks.samples import HERE, WORKER, OpenStore, added, answered, new_group
from tools.tasks.steps_contract import *  # noqa: F403  # the contract's tests
from tools.tasks.store_contract import *  # noqa: F403  # the contract's tests and its fixture

from longcall.tasks import sqlite_file
from longcall.tasks.database import open_database
from longcall.tasks.sqlite import SqliteStore, open_sqlite_store

Row = Mapping[str, Any]
ID = "0123456789abcdef"
CALL = {
    "id": ID, "kind": "call", "state": "queued", "environment": "e", "project": "/", "model": "m", "head": "h",
    "request": "r", "on_interrupt": "report", "timeout_ms": 1, "call": "{}", "created_at": 1, "created_tick": 1,
}  # fmt: skip
RUNNING = {**CALL, "state": "running", "worker": "w", "started_at": 2}
ENDED = {**RUNNING, "finished_at": 3}
COMPLETED = {**ENDED, "state": "completed", "text": "", "completion": "{}"}
DOUBTFUL = {**COMPLETED, "state": "needs_review"}
GUIDED = {**CALL, "guided_at": 4, "guided_tick": 4}
GROUP = {**CALL, "kind": "group", "state": "running", "call": None, "timeout_ms": None}
MEMBER = {**CALL, "id": "f" * 16, "request": None, "parent": ID, "position": 0}
HELD = {**MEMBER, "held_for": "place", "held": 1}
ATTEMPT = {"task": ID, "number": 1, "model": "m", "state": "sent", "sent_at": 1}
KEPT = {**ATTEMPT, "state": "answered", "ended_at": 2, "text": "", "completion": "{}"}
WORKER_ROW = {"id": "w", "environment": "e", "pid": 1, "started_at": 1}


@pytest.fixture
def open_store(tmp_path: Path) -> OpenStore:
    """Returns how to open the test's store once more."""
    return partial(open_sqlite_store, tmp_path / "tasks.sqlite3")


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncGenerator[sqlite3.Connection]:
    """Returns a bare connection to a new store."""
    path = tmp_path / "tasks.sqlite3"
    async with open_sqlite_store(path):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection


def insert(connection: sqlite3.Connection, table: str, row: Row) -> None:
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({values})", row)


@pytest.mark.parametrize(
    "row",
    [
        CALL, RUNNING, COMPLETED, GROUP, DOUBTFUL, GUIDED, {**CALL, "principal": "ann"},
        {**COMPLETED, "validation": "{}"}, {**GUIDED, "series": 1},
        {**COMPLETED, "delivered_at": 4},
        {**ENDED, "state": "failed", "failure": "{}"}, {**ENDED, "state": "interrupted"},
        {**CALL, "state": "cancelled", "finished_at": 3}, {**GROUP, "state": "completed", "finished_at": 3},
    ],
    ids=lambda row: f"{row['kind']} {row['state']}",
)  # fmt: skip
async def test_possible_tasks_can_be_stored(bare: sqlite3.Connection, row: Row):
    insert(bare, "tasks", row)
    assert bare.execute("SELECT count(*) FROM tasks").fetchone() == (1,)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({**CALL, "id": "short"}, id="an id that can be guessed"),
        pytest.param({**CALL, "kind": "flock"}, id="an unknown kind"),
        pytest.param({**CALL, "state": "paused"}, id="an unknown state"),
        pytest.param({**CALL, "call": None}, id="a call that asks nothing"),
        pytest.param({**CALL, "call": "{"}, id="a call that is no JSON"),
        pytest.param({**GROUP, "call": "{}"}, id="a group that asks"),
        pytest.param({**GROUP, "state": "queued"}, id="a group that waits for a worker"),
        pytest.param({**CALL, "worker": "w"}, id="waiting with a worker"),
        pytest.param({**CALL, "finished_at": 3}, id="waiting and at its end"),
        pytest.param({**RUNNING, "worker": None}, id="running without a worker"),
        pytest.param({**RUNNING, "started_at": None}, id="running but never started"),
        pytest.param({**RUNNING, "finished_at": 3}, id="running and at its end"),
        pytest.param({**RUNNING, "delivered_at": 4}, id="delivered before its end"),
        pytest.param({**COMPLETED, "finished_at": None}, id="completed without an end"),
        pytest.param({**COMPLETED, "text": None}, id="completed without an answer"),
        pytest.param({**COMPLETED, "completion": None}, id="completed without a completion"),
        pytest.param({**COMPLETED, "completion": "NaN"}, id="a completion that is no JSON"),
        pytest.param({**ENDED, "state": "failed"}, id="failed without a reason"),
        pytest.param({**DOUBTFUL, "text": None}, id="an answer to review that is none"),
        pytest.param({**DOUBTFUL, "completion": None}, id="an answer to review without a completion"),
        pytest.param({**DOUBTFUL, "finished_at": None}, id="reviewed before its end"),
        pytest.param({**GROUP, "state": "needs_review", "finished_at": 3}, id="a group that needs review"),
        pytest.param({**DOUBTFUL, "kind": "group", "call": None, "timeout_ms": None}, id="a group with an answer"),
        pytest.param({**GUIDED, "guided_tick": None}, id="guided by the wall's clock alone"),
        pytest.param({**GUIDED, "guided_at": None}, id="guided by the machine's clock alone"),
        pytest.param({**GROUP, "guided_at": 4, "guided_tick": 4}, id="a group that was guided"),
        pytest.param({**GUIDED, "text": ""}, id="waiting with an answer"),
        pytest.param({**GUIDED, "completion": "{}"}, id="waiting with a completion"),
        pytest.param({**RUNNING, "failure": "{}"}, id="running and failed"),
        pytest.param({**CALL, "principal": None}, id="a task that nobody made"),
        pytest.param({**CALL, "validation": "{}"}, id="waiting and checked"),
        pytest.param({**RUNNING, "validation": "{}"}, id="running and checked"),
        pytest.param({**COMPLETED, "validation": "{"}, id="findings that are no JSON"),
        pytest.param(
            {**GROUP, "state": "completed", "finished_at": 3, "validation": "{}"}, id="a group that was checked"
        ),
        pytest.param({**CALL, "series": -1}, id="guided less than never"),
        pytest.param({**CALL, "cancel_requested": 2}, id="half a cancel"),
        pytest.param({**CALL, "parent": ID}, id="a member without a place"),
        pytest.param({**CALL, "position": 0}, id="a place without a group"),
        pytest.param({**CALL, "parent": "f" * 16, "position": 0}, id="a member of no group"),
        pytest.param({**CALL, "created_at": "yesterday"}, id="a time that is no number"),
    ],
)
async def test_impossible_tasks_cannot_be_stored(bare: sqlite3.Connection, row: Row):
    with pytest.raises(sqlite3.IntegrityError):
        insert(bare, "tasks", row)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(MEMBER, id="a member"),
        pytest.param(HELD, id="a member that waits for a place"),
        pytest.param({**HELD, "held_for": "twin", "twin": ID}, id="a member that waits for another task"),
        pytest.param({**HELD, "held_for": "members"}, id="one that waits for the others"),
        pytest.param({**MEMBER, "member_key": "k", "member_request": "r"}, id="a member with a key"),
    ],
)
async def test_possible_members_can_be_stored(bare: sqlite3.Connection, row: Row):
    insert(bare, "tasks", {**GROUP, "at_once": 1})
    insert(bare, "tasks", row)
    assert bare.execute("SELECT count(*) FROM tasks").fetchone() == (2,)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({**MEMBER, "at_once": 1}, id="a member with a limit"),
        pytest.param({**HELD, "held": 2}, id="held twice"),
        pytest.param({**HELD, "held_for": None}, id="held for nothing"),
        pytest.param({**HELD, "held_for": "luck"}, id="held for luck"),
        pytest.param({**HELD, "state": "running", "worker": "w", "started_at": 2}, id="held and running"),
        pytest.param({**HELD, "state": "cancelled", "finished_at": 3}, id="held and at its end"),
        pytest.param({**HELD, "parent": None, "position": None, "request": "r"}, id="held without a group"),
        pytest.param({**CALL, "id": "f" * 16, "twin": ID}, id="a twin of no group"),
        pytest.param({**MEMBER, "twin": "e" * 16}, id="a twin that is nobody"),
        pytest.param({**MEMBER, "member_key": "k"}, id="a key for nothing"),
        pytest.param({**MEMBER, "member_request": "r"}, id="a request without a key"),
        pytest.param({**CALL, "id": "f" * 16, "member_key": "k", "member_request": "r"}, id="a member's key outside"),
    ],
)
async def test_impossible_members_cannot_be_stored(bare: sqlite3.Connection, row: Row):
    insert(bare, "tasks", GROUP)
    with pytest.raises(sqlite3.IntegrityError):
        insert(bare, "tasks", row)


async def test_a_limit_below_one_cannot_be_stored(bare: sqlite3.Connection):
    with pytest.raises(sqlite3.IntegrityError):
        insert(bare, "tasks", {**GROUP, "at_once": 0})


async def test_what_members_waited_for_and_was_lost_holds_nobody_after_a_salvage(bare: sqlite3.Connection):
    insert(bare, "tasks", {**GROUP, "at_once": 1})
    insert(bare, "tasks", HELD)
    combiner = {**HELD, "id": "e" * 16, "position": 1, "held_for": "members"}
    insert(bare, "tasks", combiner)
    for statement in sqlite_file.RELEASE:
        bare.execute(statement)
    assert bare.execute("SELECT id, held FROM tasks WHERE parent = ? ORDER BY position", [ID]).fetchall() == [
        (HELD["id"], 0), (combiner["id"], 1),
    ]  # fmt: skip


STEP = 10
"""Instructions of SQLite's between two counts."""


async def steps_of_a_turn(folder: Path, members: int) -> int:
    """Returns the instructions that SQLite needs to end a member of a group and to claim the next."""
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += STEP

    async with open_database(folder / f"{members}.sqlite3") as database:
        store = SqliteStore(database)
        await added(store, *new_group(members, at_once=5))
        task, *_ = await store.claim(HERE, WORKER, 100)
        await database.write(lambda connection: connection.set_progress_handler(count, STEP))
        assert await store.finish(task.id, WORKER, answered())
        assert len(await store.claim(HERE, WORKER, 100)) == 1
    return counted


async def test_the_next_member_is_found_as_fast_among_a_thousand_as_among_twenty(tmp_path: Path):
    few, many = await steps_of_a_turn(tmp_path, 20), await steps_of_a_turn(tmp_path, 1_000)
    assert STEP < many < 2 * few


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({**ATTEMPT, "number": 0}, id="number nought"),
        pytest.param({**ATTEMPT, "state": "maybe"}, id="an unknown state"),
        pytest.param({**ATTEMPT, "ended_at": 2}, id="sent and at its end"),
        pytest.param({**ATTEMPT, "state": "answered"}, id="answered without an end"),
        pytest.param({**ATTEMPT, "cost_usd": -0.1}, id="a cost below nought"),
        pytest.param({**ATTEMPT, "usage": "lots"}, id="a usage that is no JSON"),
        pytest.param({**ATTEMPT, "task": "f" * 16}, id="an attempt at no task"),
        pytest.param({**ATTEMPT, "role": "jury"}, id="an unknown role"),
        pytest.param({**ATTEMPT, "series": -1}, id="a series below nought"),
        pytest.param({**ATTEMPT, "text": "", "completion": "{}"}, id="sent and answered"),
        pytest.param({**KEPT, "completion": None}, id="an answer without a completion"),
        pytest.param({**KEPT, "text": None}, id="a completion without an answer"),
        pytest.param({**KEPT, "completion": "{"}, id="a completion that is no JSON"),
        pytest.param({**KEPT, "checked": "{"}, id="findings that are no JSON"),
        pytest.param({**KEPT, "checked": "{}", "role": "judge"}, id="findings of a judge"),
        pytest.param({**ATTEMPT, "checked": "{}"}, id="findings of no answer"),
        pytest.param({**ATTEMPT, "request": "f"}, id="a judge's question for an answer"),
    ],
)
async def test_impossible_attempts_cannot_be_stored(bare: sqlite3.Connection, row: Row):
    insert(bare, "tasks", RUNNING)
    with pytest.raises(sqlite3.IntegrityError):
        insert(bare, "attempts", row)
    insert(bare, "attempts", ATTEMPT)
    with pytest.raises(sqlite3.IntegrityError):
        insert(bare, "attempts", ATTEMPT)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(KEPT, id="an answer"),
        pytest.param({**KEPT, "checked": "{}"}, id="an answer with findings"),
        pytest.param({**KEPT, "role": "judge", "request": "f"}, id="a judge's word"),
        pytest.param({**ATTEMPT, "role": "judge", "series": 2}, id="a judge at it"),
    ],
)
async def test_possible_attempts_can_be_stored(bare: sqlite3.Connection, row: Row):
    insert(bare, "tasks", RUNNING)
    insert(bare, "attempts", row)
    assert bare.execute("SELECT count(*) FROM attempts").fetchone() == (1,)


@pytest.mark.parametrize("port", [0, 65536, "door"])
async def test_a_worker_cannot_be_enrolled_with_an_impossible_port(bare: sqlite3.Connection, port: int | str):
    with pytest.raises(sqlite3.IntegrityError):
        insert(bare, "workers", {**WORKER_ROW, "doorbell": port})
    insert(bare, "workers", {**WORKER_ROW, "doorbell": 65535})


async def test_streamed_text_belongs_to_a_task(bare: sqlite3.Connection):
    with pytest.raises(sqlite3.IntegrityError):
        insert(bare, "pieces", {"task": ID, "number": 1, "text": "a"})
    insert(bare, "tasks", RUNNING)
    insert(bare, "pieces", {"task": ID, "number": 1, "text": "a"})
    bare.execute("DELETE FROM tasks")
    assert bare.execute("SELECT count(*) FROM pieces").fetchone() == (0,)
