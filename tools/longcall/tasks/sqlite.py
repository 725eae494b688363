"""The task store in one SQLite file, shared by every process of this user."""

import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from longcall.clock import Clock
from longcall.conversation import Conversation, History, Turn
from longcall.errors import Failure, StaleClaimError
from longcall.models import AttemptState, Checked, Completion, Decision, Role, Step, Task
from longcall.money.toll import Scope, Spent, Toll
from longcall.money.usage import Line
from longcall.tasks import adding, conversing, reviewing, sending, sqlite_file, transactions
from longcall.tasks.added import Added
from longcall.tasks.database import Database, open_database
from longcall.tasks.recovery import Recovery
from longcall.tasks.rows import conversation_from_row, size_from_row, task_from_row, turn_from_row
from longcall.tasks.store import Claim, Ending, NewTask
from longcall.text import clean

_OVERDUE = transactions.as_json(
    Failure("timeout", "Its time (`timeout_s`) ran out while it waited for a worker. Nothing was sent.", retryable=True)
)
_ABANDONED = transactions.as_json(
    Failure(
        "interrupted",
        "The provider was left with the request, and may answer and bill it: to stop it there takes the keys that it"
        " was sent with, which nobody here holds.",
    )
)


class SqliteStore:
    """A TaskStore; see `longcall.tasks.store` for what each method promises."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or Clock()

    async def add(self, tasks: Sequence[NewTask], *, fresh: bool = False) -> Added:
        return await self._database.write(partial(adding.add, tasks, fresh, self._time()))

    async def claim(self, environment: str, worker: str, most: int) -> list[Claim]:
        values = {**self._time(), "environment": environment, "worker": worker, "most": most}
        return await self._database.write(partial(transactions.claim, values))

    async def mark_sent(
        self, task: str, worker: str, model: str, role: Role = Role.ANSWER, request: str | None = None,
        toll: Toll | None = None,
    ) -> int:  # fmt: skip
        values = {**self._time(), "task": task, "worker": worker, "model": model, "role": role, "request": request}
        number = await self._database.write(partial(sending.send, values, toll))
        if number is None:
            raise StaleClaimError(f"task {task} is not {worker}'s to send")
        return number

    async def note_answer(self, task: str, worker: str, role: Role, text: str, completion: Completion) -> int:
        values = {**self._time(), "task": task, "worker": worker, "is_answer": role is Role.ANSWER}
        number = await self._database.write(partial(transactions.answer, values, text, completion))
        if number is None:
            raise StaleClaimError(f"task {task} is not {worker}'s any more")
        return number

    async def note_turn(self, task: str, worker: str, text: str, completion: Completion, steps: Sequence[Step]) -> int:
        values = {**self._time(), "task": task, "worker": worker, "is_answer": True}
        number = await self._database.write(partial(transactions.turn, values, text, completion, steps))
        if number is None:
            raise StaleClaimError(f"task {task} is not {worker}'s any more")
        return number

    async def begin_step(self, task: str, worker: str, attempt: int, number: int) -> None:
        if not await self._write_all("begin_step", task=task, worker=worker, attempt=attempt, number=number):
            raise StaleClaimError(f"task {task} is not {worker}'s to act for")

    async def end_step(self, task: str, worker: str, step: Step) -> None:
        told = {"attempt": step.attempt, "number": step.number, "state": step.state, "ms": step.ms}
        if not await self._write_all("end_step", task=task, worker=worker, result=clean(step.result or ""), **told):
            raise StaleClaimError(f"task {task} is not {worker}'s any more")

    async def note_checked(self, task: str, worker: str, number: int, checked: Checked) -> None:
        found = transactions.as_json(checked)
        await self._write_all("note_checked", task=task, worker=worker, number=number, checked=found)

    async def attempt_text(self, task: str, number: int) -> str | None:
        rows = await self._read_all("attempt_text", task=task, number=number)
        return rows[0]["text"] if rows else None

    async def note_handle(self, task: str, worker: str, handle: str) -> None:
        await self._write_all("note_handle", task=task, worker=worker, handle=handle)

    async def end_attempt(
        self, task: str, worker: str, failure: Failure, state: AttemptState = AttemptState.FAILED
    ) -> None:
        values = {**self._time(), "task": task, "worker": worker}
        is_free = state is AttemptState.FAILED
        end = partial(transactions.end_attempt, values, state, None, failure, is_free=is_free)
        await self._database.write(end)

    async def add_pieces(self, worker: str, pieces: Sequence[tuple[str, str]]) -> None:
        await self._database.write(partial(transactions.add_pieces, worker, pieces))

    async def finish(self, task: str, worker: str, ending: Ending) -> bool:
        values = {**self._time(), "task": task, "worker": worker}
        return await self._database.write(partial(transactions.finish, values, ending))

    async def review(self, task: str, decision: Decision, guidance: str | None) -> bool:
        values = {**self._time(), "task": task}
        return await self._database.write(partial(reviewing.review, values, decision, guidance))

    async def cancel(self, task: str) -> None:
        values = {**self._time(), "task": task}
        await self._database.write(partial(transactions.run_all, ("request_cancel", "cancel_queued"), values))

    async def abandon(self, task: str) -> None:
        values = {**self._time(), "task": task, "failure": _ABANDONED}
        await self._database.write(partial(transactions.run_all, ("abandon_attempts", "abandon"), values))

    async def cancel_requests(self, environment: str, worker: str) -> list[str]:
        rows = await self._read_all("cancel_requests", environment=environment, worker=worker)
        return [row["id"] for row in rows]

    async def recover(self, environment: str, worker: str | None) -> Recovery:
        values = {**self._time(), "environment": environment, "worker": worker}
        return await self._database.write(partial(transactions.recover, values))

    async def task(self, task: str) -> Task | None:
        return await self._database.read(partial(transactions.whole_task, task))

    async def texts(self, group: str, first: int, last: int) -> dict[str, str]:
        rows = await self._read_all("texts", task=group, first=first, last=last)
        return {row["id"]: row["text"] for row in rows}

    async def adopt(self, older: str, environment: str) -> None:
        await self._write_all("adopt", older=older, environment=environment)

    async def recent(
        self, project: str | None, most: int, *, principal: str | None = None, active: bool = False
    ) -> list[Task]:
        rows = await self._read_all("recent", project=project, most=most, principal=principal, active=active)
        return [task_from_row(row) for row in rows]

    async def find(self, start: str) -> list[str]:
        return [row["id"] for row in await self._read_all("ids_like", start=start)]

    async def endings(self, after: int) -> list[tuple[int, str]]:
        return [(row["number"], row["task"]) for row in await self._read_all("endings", after=after)]

    async def last_ending(self) -> int:
        return (await self._read_all("last_ending"))[0][0]

    def mark_delivered(self, task: str) -> None:
        self._database.post(partial(transactions.fetch_all, "mark_delivered", {**self._time(), "task": task}))

    async def has_unfinished(self, environment: str) -> bool:
        return bool((await self._read_all("unfinished", environment=environment))[0][0])

    async def has_queued(self, environment: str) -> bool:
        return bool((await self._read_all("waiting", environment=environment))[0][0])

    async def enrol(self, worker: str, environment: str, pid: int, doorbell: int | None) -> None:
        values = {**self._time(), "id": worker, "environment": environment, "pid": pid, "doorbell": doorbell}
        await self._database.write(partial(transactions.run_all, ("forget_workers", "enrol"), values))

    async def doorbell(self, environment: str) -> int | None:
        rows = await self._read_all("doorbell", environment=environment)
        return rows[0]["doorbell"] if rows else None

    async def fail_overdue(self, environment: str) -> None:
        await self._write_all("expire_queued", environment=environment, failure=_OVERDUE)

    async def advance(self) -> None:
        await self._database.write(partial(transactions.advance, self._time()))

    async def expire(self, kept_ms: int) -> list[str]:
        return await self._database.write(partial(transactions.expire, {"kept": kept_ms}))

    async def prune(self, before: int) -> list[str]:
        return [row["id"] for row in await self._write_all("prune", before=before)]

    async def conversation(self, conversation: str) -> Conversation | None:
        found = await self._conversations(id=conversation)
        return found[0] if found else None

    async def named_conversation(self, principal: str, project: str, name: str) -> Conversation | None:
        found = await self._conversations(principal=principal, project=project, name=name)
        return found[0] if found else None

    async def conversations(self, project: str | None, principal: str | None) -> list[Conversation]:
        return await self._conversations(project=project, principal=principal)

    async def _conversations(self, **wanted: str | None) -> list[Conversation]:
        values = {**dict.fromkeys(("id", "principal", "project", "name")), **wanted}
        return [conversation_from_row(row) for row in await self._read_all("conversations", **values)]

    async def history(self, conversation: Conversation) -> History:
        rows = await self._read_all("sizes", conversation=conversation.id)
        return History(conversation, tuple(size_from_row(row) for row in rows))

    async def turns(self, conversation: str) -> list[Turn]:
        return [turn_from_row(row) for row in await self._read_all("turns", conversation=conversation)]

    async def delete_conversation(self, conversation: str) -> None:
        await self._database.write(partial(conversing.delete, conversation))

    async def spent(self, task: str, scope: Scope) -> Spent:
        return await self._database.read(partial(sending.spent, scope, {**self._time(), "task": task}))

    async def spending(self, days: int) -> list[Line]:
        rows = await self._read_all("spending", days=days, **self._time())
        return [Line(**dict(row)) for row in rows]

    async def changes(self) -> int:
        version: int = (await self._read_all("data_version"))[0][0]
        return self._database.openings << 32 | version

    async def checkpoint(self) -> None:
        """Moves the write-ahead log into the file; for one process at a time."""
        await self._database.read(sqlite_file.checkpoint)

    def _time(self) -> dict[str, int]:
        return {"now": self._clock.wall(), "tick": self._clock.tick()}

    async def _write_all(self, name: str, **values: Any) -> list[sqlite3.Row]:
        return await self._database.write(partial(transactions.fetch_all, name, {**self._time(), **values}))

    async def _read_all(self, name: str, /, **values: Any) -> list[sqlite3.Row]:
        return await self._database.read(partial(transactions.fetch_all, name, values))


@asynccontextmanager
async def open_sqlite_store(path: Path, *, clock: Clock | None = None) -> AsyncGenerator[SqliteStore]:
    """Opens the task store in the file `path`, made if need be.

    Raises:
        StoreError: the store cannot be used; the sentence says why and what to do.
    """
    async with open_database(path) as database:
        yield SqliteStore(database, clock)
