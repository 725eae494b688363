"""What a new request leads to, in one transaction: tasks of its own, or an earlier one that answers it."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from longcall.errors import KeyConflictError
from longcall.models import TaskState
from longcall.tasks import conversing
from longcall.tasks.queries import load_queries
from longcall.tasks.store import Added, Attached, NewTask

_SQL = load_queries()


def add(tasks: Sequence[NewTask], fresh: bool, time: Mapping[str, Any], connection: sqlite3.Connection) -> Added:  # noqa: FBT001
    """Adds tasks unless an earlier one answers the same request."""
    heard = tasks[0].heard
    if heard is not None:
        conversing.begin(heard, time, connection)
    if (earlier := _earlier(tasks[0], connection, fresh=fresh)) is not None:
        return earlier
    if heard is not None:
        conversing.demand_current(heard, connection)
    for task in tasks:
        values = {name: getattr(task, name) for name in NewTask.__slots__}
        call = task.call
        values |= {
            "kind": task.kind,
            "principal": tasks[0].principal,
            "call": None if call is None else call.model_dump_json(exclude_none=True),
            "timeout_ms": None if call is None else max(1, round(call.timeout_s * 1000)),
            "on_interrupt": "report" if call is None else call.on_interrupt,
        }
        connection.execute(_SQL["add_task"], {**values, **conversing.columns(task.heard), **time})
    return Added(tasks[0].id)


def _earlier(task: NewTask, connection: sqlite3.Connection, *, fresh: bool) -> Added | None:
    values = {name: getattr(task, name) for name in ("request", "principal", "idempotency_key")}
    values["environments"] = json.dumps([task.environment, *task.older])
    values["conversation"] = task.heard and task.heard.conversation.id
    if task.idempotency_key is not None:
        for row in connection.execute(_SQL["same_key"], values).fetchall():
            if (row["request"], row["conversation"]) != (task.request, values["conversation"]):
                raise KeyConflictError(task.idempotency_key, row["id"])
            return Added(row["id"], Attached.KEY)
        return None
    for row in connection.execute(_SQL["same_request"], values).fetchall():
        running = not TaskState(row["state"]).is_final
        # Nothing new can be asked in a conversation while a task is at work in it.
        if not fresh or (running and task.heard is not None):
            return Added(row["id"], Attached.RUNNING if running else Attached.UNDELIVERED)
    return None
