"""Rows of the database as the words of `longcall.models`."""

import json
import sqlite3
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from longcall.combine import Combined
from longcall.conversation import Conversation, Size, Turn
from longcall.errors import Failure
from longcall.models import (
    Attempt,
    AttemptState,
    Checked,
    Completion,
    Role,
    Step,
    StepState,
    Task,
    TaskKind,
    TaskState,
    Usage,
    Validation,
    Written,
)

T = TypeVar("T")


def usage_from_json(text: str | None) -> Usage | None:
    """Returns the usage in a JSON column."""
    return None if text is None else Usage(**json.loads(text))


def completion_from_json(text: str | None) -> Completion | None:
    """Returns the completion in a JSON column."""
    if text is None:
        return None
    found: dict[str, Any] = json.loads(text)
    found["usage"] = None if found["usage"] is None else Usage(**found["usage"])
    found["warnings"] = tuple(found["warnings"])
    if found.get("written") is not None:
        found["written"] = Written(**found["written"])
    if found.get("combined") is not None:
        found["combined"] = Combined(**found["combined"] | {"chosen": tuple(found["combined"]["chosen"])})
    return Completion(**found)


def failure_from_json(text: str | None) -> Failure | None:
    """Returns the failure in a JSON column."""
    return None if text is None else Failure(**json.loads(text))


@cache
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    # Made on first use: most stores never hold one, and a front must start fast.
    return TypeAdapter(kind)


def checked_from_json(text: str | None) -> Checked | None:
    """Returns what checks found, as a JSON column has it."""
    return _read(Checked, text)


def validation_from_json(text: str | None) -> Validation | None:
    """Returns what became of checks, as a JSON column has it."""
    return _read(Validation, text)


def _read(kind: type[T], text: str | None) -> T | None:
    """Returns what is in a JSON column; None where an edition wrote it that understood it otherwise."""
    try:
        return None if text is None else _adapter(kind).validate_json(text)
    except ValidationError:  # the answer matters more, and can be checked again
        return None


def attempt_from_row(row: sqlite3.Row) -> Attempt:
    """Returns the attempt in a row of `attempts`."""
    return Attempt(
        number=row["number"],
        model=row["model"],
        state=AttemptState(row["state"]),
        sent_at=row["sent_at"],
        ended_at=row["ended_at"],
        usage=usage_from_json(row["usage"]),
        cost_usd=row["cost_usd"],
        failure=failure_from_json(row["failure"]),
        role=Role(row["role"]),
        request=row["request"],
        series=row["series"],
        completion=completion_from_json(row["completion"]),
        checked=checked_from_json(row["checked"]),
        text=row["text"],
    )


def step_from_row(row: sqlite3.Row) -> Step:
    """Returns the step in a row of `steps`."""
    values: dict[str, Any] = {name: row[name] for name in Step.__slots__}
    values["state"] = StepState(row["state"])
    return Step(**values)


def conversation_from_row(row: sqlite3.Row) -> Conversation:
    """Returns the conversation in a row of `conversations` that says what is in it."""
    return Conversation(**{name: row[name] for name in Conversation.__slots__})


def size_from_row(row: sqlite3.Row) -> Size:
    """Returns how large the turn in a row of `turns` is."""
    return Size(**{name: row[name] for name in Size.__slots__})


def turn_from_row(row: sqlite3.Row) -> Turn:
    """Returns the turn in a row of `turns`."""
    return Turn(**{name: row[name] for name in Turn.__slots__} | {"content": json.loads(row["content"])})


def task_from_row(row: sqlite3.Row) -> Task:
    """Returns the task in a row of `tasks` that has the column `chars` beside its own, without call and text."""
    return Task(
        id=row["id"],
        kind=TaskKind(row["kind"]),
        parent=row["parent"],
        state=TaskState(row["state"]),
        environment=row["environment"],
        project=row["project"],
        model=row["model"],
        head=row["head"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        delivered_at=row["delivered_at"],
        cancel_requested=bool(row["cancel_requested"]),
        chars=row["chars"],
        principal=row["principal"],
        completion=completion_from_json(row["completion"]),
        failure=failure_from_json(row["failure"]),
        validation=validation_from_json(row["validation"]),
        series=row["series"],
        conversation=row["conversation"],
        trimmed=row["trimmed"],
    )
