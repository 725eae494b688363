"""The rows of conversations that the schema of the SQLite store cannot hold, and what is salvaged of them."""

import sqlite3
from collections.abc import AsyncGenerator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tools.tasks.conversation_contract import begun, talk

from longcall.errors import StoreCorruptError
from longcall.tasks.sqlite import open_sqlite_store

Row = Mapping[str, Any]
PAGE = 4096
ID = "0123456789abcdef"
CONVERSATION = {"id": ID, "principal": "", "project": "/", "name": "n", "created_at": 1, "used_at": 1}
TURN = {
    "conversation": ID, "number": 1, "task": ID, "role": "user", "said_at": 1, "tokens": 1, "content": '"x"',
}  # fmt: skip
TASK = {
    "id": ID, "kind": "call", "state": "queued", "environment": "e", "project": "/", "model": "m", "head": "h",
    "request": "r", "on_interrupt": "report", "timeout_ms": 1, "call": "{}", "created_at": 1, "created_tick": 1,
    "conversation": ID, "heard": 0, "heard_from": 1, "files_from": 1,
}  # fmt: skip


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncGenerator[sqlite3.Connection]:
    """Returns a bare connection to a store with a conversation in it."""
    path = tmp_path / "tasks.sqlite3"
    async with open_sqlite_store(path):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        insert(connection, "conversations", CONVERSATION)
        yield connection


def insert(connection: sqlite3.Connection, table: str, row: Row) -> None:
    names = ", ".join(row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})", row)


async def read_all(path: Path) -> None:
    """Reads what is said in every conversation of a store."""
    async with open_sqlite_store(path) as store:
        for found in await store.conversations(None, None):
            await store.turns(found.id)


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("conversations", {**CONVERSATION, "id": "f" * 16, "name": "m"}),
        ("conversations", {**CONVERSATION, "id": "f" * 16, "principal": "ann"}),
        ("turns", TURN),
        ("turns", {**TURN, "role": "assistant", "model": "m"}),
        ("turns", {**TURN, "bare": "x", "bare_tokens": 1}),
        ("tasks", TASK),
        ("tasks", {**TASK, "heard": 4, "heard_from": 3, "files_from": 5, "trimmed": "left out"}),
        ("tasks", {**TASK, "conversation": "f" * 16}),
    ],
)
async def test_possible_rows_can_be_stored(bare: sqlite3.Connection, table: str, row: Row):
    insert(bare, table, row)


@pytest.mark.parametrize(
    ("table", "row"),
    [
        pytest.param("conversations", {**CONVERSATION, "id": "short", "name": "m"}, id="an id that can be guessed"),
        pytest.param("conversations", {**CONVERSATION, "id": "f" * 16}, id="a name that is taken"),
        pytest.param("conversations", {**CONVERSATION, "id": "f" * 16, "name": ""}, id="no name"),
        pytest.param("turns", {**TURN, "conversation": "f" * 16}, id="a turn of no conversation"),
        pytest.param("turns", {**TURN, "number": 0}, id="number nought"),
        pytest.param("turns", {**TURN, "role": "tool"}, id="an unknown role"),
        pytest.param("turns", {**TURN, "model": "m"}, id="a user who is a model"),
        pytest.param("turns", {**TURN, "content": "x"}, id="content that is no JSON"),
        pytest.param("turns", {**TURN, "tokens": -1}, id="tokens below nought"),
        pytest.param("turns", {**TURN, "bare": "x"}, id="a bare text of unknown size"),
        pytest.param("turns", {**TURN, "bare_tokens": 1}, id="the size of no bare text"),
        pytest.param("turns", {**TURN, "role": "assistant", "bare": "x", "bare_tokens": 1}, id="files of a model"),
        pytest.param("tasks", {**TASK, "heard": None}, id="a conversation of which nothing is heard"),
        pytest.param("tasks", {**TASK, "conversation": None}, id="heard of no conversation"),
        pytest.param("tasks", {**TASK, "heard": -1, "heard_from": 0}, id="less heard than nothing"),
        pytest.param("tasks", {**TASK, "heard_from": 0}, id="heard from before the beginning"),
        pytest.param("tasks", {**TASK, "heard_from": 2, "files_from": 2}, id="heard from beyond the end"),
        pytest.param("tasks", {**TASK, "heard": 4, "heard_from": 3, "files_from": 1}, id="files of what is not heard"),
        pytest.param(
            "tasks",
            {**TASK, **dict.fromkeys(("conversation", "heard", "heard_from", "files_from")), "trimmed": "x"},
            id="trimmed without a conversation",
        ),
        pytest.param(
            "tasks", {**TASK, "kind": "group", "state": "running", "call": None, "timeout_ms": None}, id="a group's"
        ),
    ],
)
async def test_impossible_rows_cannot_be_stored(bare: sqlite3.Connection, table: str, row: Row):
    with pytest.raises(sqlite3.IntegrityError):
        insert(bare, table, row)


async def test_two_tasks_are_never_at_work_in_one_conversation(bare: sqlite3.Connection):
    insert(bare, "tasks", TASK)
    another = {**TASK, "id": "f" * 16, "request": "s"}
    with pytest.raises(sqlite3.IntegrityError):
        insert(bare, "tasks", another)
    bare.execute("UPDATE tasks SET state = 'cancelled', finished_at = 2")
    insert(bare, "tasks", another)


async def test_conversations_are_salvaged_from_a_broken_store(tmp_path: Path):
    path = tmp_path / "tasks.sqlite3"
    heard = [begun(f"conversation {number}") for number in range(3)]
    async with open_sqlite_store(path) as store:
        for one in heard:
            await talk(
                store,
                one,
                *((f"question {number} " + "x" * 900, f"answer {number} " + "y" * 900) for number in range(10)),
            )
        await store.checkpoint()
    content = path.read_bytes()
    start = content.rindex(b'"answer 5 y') // PAGE * PAGE  # in quotes: as a turn, not as the text of a task
    path.write_bytes(content[:start] + b"\xff" * PAGE + content[start + PAGE :])
    with pytest.raises(StoreCorruptError):
        await read_all(path)
    async with open_sqlite_store(path) as store:
        assert len(await store.conversations(None, None)) == 3
        said = [len(await store.turns(one.conversation.id)) for one in heard]
        assert 50 <= sum(said) < 60
        [next_one] = await talk(store, heard[0], ("one more?", "yes"))
        assert next_one
