"""The task store in one SQLite file, shared by every process of this user."""

import json
import sqlite3
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from longcall.errors import Failure, StaleClaimError
from longcall.models import AttemptState, Call, Completion, Task, TaskState, now_ms
from longcall.tasks.database import Database, open_database
from longcall.tasks.queries import load_queries
from longcall.tasks.rows import attempt_from_row, task_from_row
from longcall.tasks.store import Claim, Ending, NewTask, Recovery

_SQL = load_queries()

LOST = Failure(
    "interrupted",
    "The worker died while the provider was at it. The request may have been billed; its answer is lost beyond the text"
    " kept here. It was not sent again: call again to pay for a new answer.",
)


class SqliteStore:
    """A TaskStore; see `longcall.tasks.store` for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tasks: Sequence[NewTask]) -> None:
        await self._database.write(partial(_add, tasks))

    async def claim(self, environment: str, worker: str, most: int) -> list[Claim]:
        rows = await self._write_all("claim", environment=environment, worker=worker, most=most)
        rows.sort(key=lambda row: row["created_at"])
        return [Claim(row["id"], row["created_at"], Call.model_validate_json(row["call"])) for row in rows]

    async def mark_sent(self, task: str, worker: str, model: str) -> int:
        rows = await self._write_all("mark_sent", task=task, worker=worker, model=model)
        if not rows:
            raise StaleClaimError(f"task {task} is not {worker}'s to send")
        return rows[0]["number"]

    async def end_attempt(self, task: str, worker: str, failure: Failure) -> None:
        await self._database.write(partial(_end_attempt, task, worker, AttemptState.FAILED, None, failure))

    async def add_pieces(self, worker: str, pieces: Sequence[tuple[str, str]]) -> None:
        await self._database.write(partial(_add_pieces, worker, pieces))

    async def finish(self, task: str, worker: str, ending: Ending) -> bool:
        return await self._database.write(partial(_finish, task, worker, ending))

    async def cancel(self, task: str) -> None:
        await self._database.write(partial(_cancel, task))

    async def cancel_requests(self, environment: str, worker: str) -> list[str]:
        rows = await self._read_all("cancel_requests", environment=environment, worker=worker)
        return [row["id"] for row in rows]

    async def recover(self, environment: str, worker: str | None) -> Recovery:
        return await self._database.write(partial(_recover, environment, worker))

    async def task(self, task: str) -> Task | None:
        return await self._database.read(partial(_task, task))

    async def recent(self, project: str | None, most: int) -> list[Task]:
        return [task_from_row(row) for row in await self._read_all("recent", project=project, most=most)]

    async def find(self, start: str) -> list[str]:
        return [row["id"] for row in await self._read_all("ids_like", start=start)]

    async def endings(self, after: int) -> list[tuple[int, str]]:
        return [(row["number"], row["task"]) for row in await self._read_all("endings", after=after)]

    async def last_ending(self) -> int:
        return (await self._read_all("last_ending"))[0][0]

    async def mark_delivered(self, task: str) -> None:
        await self._write_all("mark_delivered", task=task)

    async def has_queued(self, environment: str) -> bool:
        return bool((await self._read_all("waiting", environment=environment))[0][0])

    async def enrol(self, worker: str, environment: str, pid: int, doorbell: int | None) -> None:
        values = {"id": worker, "environment": environment, "pid": pid, "doorbell": doorbell, "now": now_ms()}
        await self._database.write(partial(_execute_all, ("forget_workers", "enrol"), values))

    async def doorbell(self, environment: str) -> int | None:
        rows = await self._read_all("doorbell", environment=environment)
        return rows[0]["doorbell"] if rows else None

    async def prune(self, before: int) -> list[str]:
        return [row["id"] for row in await self._write_all("prune", before=before)]

    async def changes(self) -> int:
        return (await self._read_all("data_version"))[0][0]

    async def _write_all(self, name: str, **values: Any) -> list[sqlite3.Row]:
        return await self._database.write(partial(_fetch_all, name, {"now": now_ms(), **values}))

    async def _read_all(self, name: str, **values: Any) -> list[sqlite3.Row]:
        return await self._database.read(partial(_fetch_all, name, values))


@asynccontextmanager
async def open_sqlite_store(path: Path, *, checkpoints: bool = False) -> AsyncGenerator[SqliteStore]:
    """Opens the task store in the file `path`, made if need be; see `open_database` for `checkpoints`.

    Raises:
        StoreError: the store cannot be used; the sentence says why and what to do.
    """
    async with open_database(path, checkpoints=checkpoints) as database:
        yield SqliteStore(database)


def _fetch_all(name: str, values: Mapping[str, Any], connection: sqlite3.Connection) -> list[sqlite3.Row]:
    return connection.execute(_SQL[name], values).fetchall()


def _execute_all(names: Sequence[str], values: Mapping[str, Any], connection: sqlite3.Connection) -> None:
    for name in names:
        connection.execute(_SQL[name], values)


def _json(value: Completion | Failure | None) -> str | None:
    return None if value is None else json.dumps(asdict(value))


def _add(tasks: Sequence[NewTask], connection: sqlite3.Connection) -> None:
    now = now_ms()
    for task in tasks:
        call = None if task.call is None else task.call.model_dump_json(exclude_none=True)
        values = {name: getattr(task, name) for name in NewTask.__slots__}
        connection.execute(_SQL["add_task"], {**values, "kind": task.kind, "call": call, "now": now})


def _end_attempt(
    task: str,
    worker: str,
    state: AttemptState,
    completion: Completion | None,
    failure: Failure | None,
    connection: sqlite3.Connection,
) -> None:
    usage = completion.usage if completion else None
    values = {
        "task": task,
        "worker": worker,
        "now": now_ms(),
        "state": state,
        "usage": None if usage is None else json.dumps(asdict(usage)),
        "cost_usd": completion.cost_usd if completion else None,
        "failure": _json(failure),
    }
    connection.execute(_SQL["end_attempt"], values)


def _add_pieces(worker: str, pieces: Sequence[tuple[str, str]], connection: sqlite3.Connection) -> None:
    for task, text in pieces:
        connection.execute(_SQL["add_piece"], {"task": task, "worker": worker, "text": text})


def _finish(task: str, worker: str, ending: Ending, connection: sqlite3.Connection) -> bool:
    _end_attempt(task, worker, ending.attempt, ending.completion, ending.failure, connection)
    values = {
        "task": task,
        "worker": worker,
        "now": now_ms(),
        "state": ending.state,
        "text": ending.text,
        "completion": _json(ending.completion),
        "failure": _json(ending.failure),
    }
    if connection.execute(_SQL["finish"], values).rowcount == 0:
        return False
    connection.execute(_SQL["drop_pieces"], {"task": task})
    return True


def _cancel(task: str, connection: sqlite3.Connection) -> None:
    _execute_all(("request_cancel", "cancel_queued"), {"task": task, "now": now_ms()}, connection)


def _recover(environment: str, worker: str | None, connection: sqlite3.Connection) -> Recovery:
    found = {"requeued": 0, "interrupted": 0, "cancelled": 0}
    for orphan in _fetch_all("orphans", {"environment": environment, "worker": worker}, connection):
        values: dict[str, Any] = {"task": orphan["id"], "now": now_ms(), "failure": None}
        if orphan["was_sent"]:
            values |= {"state": TaskState.INTERRUPTED, "failure": _json(LOST)}
            _execute_all(("lose_attempt", "end_orphan", "drop_pieces"), values, connection)
        elif orphan["cancel_requested"]:
            _execute_all(("end_orphan",), values | {"state": TaskState.CANCELLED}, connection)
        else:
            _execute_all(("requeue",), values, connection)
        key = "interrupted" if orphan["was_sent"] else "cancelled" if orphan["cancel_requested"] else "requeued"
        found[key] += 1
    return Recovery(**found)


def _task(task: str, connection: sqlite3.Connection) -> Task | None:
    rows = _fetch_all("task", {"task": task}, connection)
    if not rows:
        return None
    text = rows[0]["text"]
    if text is None:
        text = "".join(row["text"] for row in _fetch_all("pieces", {"task": task}, connection))
    attempts = tuple(attempt_from_row(row) for row in _fetch_all("attempts", {"task": task}, connection))
    members = tuple(task_from_row(row) for row in _fetch_all("members", {"task": task}, connection))
    call = None if rows[0]["call"] is None else Call.model_validate_json(rows[0]["call"])
    return replace(task_from_row(rows[0]), call=call, text=text, attempts=attempts, members=members)
