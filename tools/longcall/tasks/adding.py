"""What a new request leads to, in one transaction: tasks of its own, or an earlier one that answers it."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from longcall.call import OnInterrupt
from longcall.errors import CallError, KeyConflictError
from longcall.models import TaskState
from longcall.tasks import conversing
from longcall.tasks.added import Added, Attached
from longcall.tasks.queries import load_queries
from longcall.tasks.store import NewTask

_SQL = load_queries()


def add(
    tasks: Sequence[NewTask],
    fresh: bool,  # noqa: FBT001
    time: Mapping[str, Any],
    connection: sqlite3.Connection,
) -> Added:
    """Adds tasks unless an earlier one answers the same request."""
    heard = tasks[0].heard
    if heard is not None:
        conversing.begin(heard, time, connection)
    if (earlier := _earlier(tasks[0], connection, fresh=fresh)) is not None:
        return earlier
    for task in tasks:
        if task.call is not None and task.call.obstacle is not None:
            raise CallError(task.call.obstacle)
    if heard is not None:
        conversing.demand_current(heard, connection)
    left = tasks[0].at_once
    for task in tasks:
        held = _held(task, tasks[0], left, connection)
        if left is not None and task.parent is not None and not held["held"]:
            left -= 1
        row = {**_row(task, tasks[0].principal), **held, **conversing.columns(task.heard), **time}
        connection.execute(_SQL["add_task"], row)
    return Added(tasks[0].id)


def may_answer(state: TaskState, on_interrupt: OnInterrupt) -> bool:
    """Whether a task that ended so answers for another with the same key: what may have been paid is not paid again."""
    if state is TaskState.INTERRUPTED:
        return on_interrupt == "report"
    return state in (TaskState.COMPLETED, TaskState.NEEDS_REVIEW)


def _row(task: NewTask, principal: str) -> dict[str, Any]:
    values = {name: getattr(task, name) for name in NewTask.__slots__}
    call = task.call
    values |= {
        "kind": task.kind,
        "principal": principal,
        "call": None if call is None else call.model_dump_json(exclude_none=True),
        "timeout_ms": None if call is None else max(1, round(call.timeout_s * 1000)),
        "on_interrupt": "report" if call is None else call.on_interrupt,
        "member_key": None,
        "member_request": None,
    }
    if task.parent is not None:
        key, request = task.idempotency_key, task.request
        values |= {"request": None, "idempotency_key": None, "member_key": key, "member_request": key and request}
    return values


def _held(task: NewTask, group: NewTask, left: int | None, connection: sqlite3.Connection) -> dict[str, Any]:
    """Returns what a new task waits for besides a worker, of a group in which `left` places are free."""
    if task.parent is None or task.call is None:
        return {"held_for": None, "held": 0, "twin": None}
    if task.call.combine is not None:
        return {"held_for": "members", "held": 1, "twin": None}
    rows = [] if task.idempotency_key is None else _with_key(task, group, connection)
    twin = _answering(rows, task.call.on_interrupt)
    if twin is not None and not TaskState(twin["state"]).is_final:
        return {"held_for": "twin", "held": 1, "twin": twin["id"]}
    place = None if left is None else "place"
    return {"held_for": place, "held": int(left == 0), "twin": twin and twin["id"]}


def _answering(rows: Sequence[sqlite3.Row], on_interrupt: OnInterrupt) -> sqlite3.Row | None:
    """Returns which of the tasks with one key, oldest first, answers for another: one that has, or the last that may.

    None when each of them failed or was cancelled.
    """
    ended = [row for row in rows if may_answer(TaskState(row["state"]), on_interrupt)]
    answered = [row for row in ended if row["state"] != TaskState.INTERRUPTED]
    going = [row for row in rows if not TaskState(row["state"]).is_final and not row["cancel_requested"]]
    return next(iter([*answered, *reversed(going), *ended]), None)


def _with_key(task: NewTask, group: NewTask, connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """Returns the tasks of the same principal that have the key of `task`, oldest first.

    Raises:
        KeyConflictError: one of them asks something else.
    """
    values = {"principal": group.principal, "environments": json.dumps([task.environment, *task.older])}
    rows = connection.execute(_SQL["same_key"], {**values, "idempotency_key": task.idempotency_key}).fetchall()
    for row in rows:
        if (row["request"], row["conversation"]) != (task.request, task.heard and task.heard.conversation.id):
            raise KeyConflictError(str(task.idempotency_key), row["id"])
    return rows


def _earlier(task: NewTask, connection: sqlite3.Connection, *, fresh: bool) -> Added | None:
    if task.idempotency_key is not None:
        rows = _with_key(task, task, connection)
        own = [row for row in rows if row["parent"] is None]
        on_interrupt = "report" if task.call is None else task.call.on_interrupt
        earlier = own[0] if own else _answering(rows, on_interrupt)
        return None if earlier is None else Added(earlier["id"], Attached.KEY)
    values = {"request": task.request, "principal": task.principal}
    values["environments"] = json.dumps([task.environment, *task.older])
    values["conversation"] = task.heard and task.heard.conversation.id
    for row in connection.execute(_SQL["same_request"], values).fetchall():
        running = not TaskState(row["state"]).is_final
        # Nothing new can be asked in a conversation while a task is at work in it.
        if not fresh or (running and task.heard is not None):
            return Added(row["id"], Attached.RUNNING if running else Attached.UNDELIVERED)
    return None
