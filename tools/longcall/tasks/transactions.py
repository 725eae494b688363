"""What the SQLite store does in each transaction, as plain functions of the raw connection."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from pydantic import ValidationError

from longcall.backoff import SENT_AT_MOST
from longcall.call import Call
from longcall.clock import elapsed_ms
from longcall.errors import Failure
from longcall.models import Attempt, AttemptState, Checked, Completion, Role, Step, Task, TaskState, Validation
from longcall.tasks import conversing
from longcall.tasks.adding import may_answer
from longcall.tasks.queries import load_queries
from longcall.tasks.recovery import Recovery
from longcall.tasks.rows import attempt_from_row, step_from_row, task_from_row
from longcall.tasks.store import Claim, Ending
from longcall.text import clean

Values = Mapping[str, Any]
"""The parameters of a statement; `now` (wall) and `tick` (machine) are in milliseconds."""
BOOT_MS = 24 * 3_600_000
"""How much of the time that a machine was off counts at most, since only the wall's clock tells of it."""
LOST = Failure(
    "interrupted",
    "The worker died while the provider was at it. The request may have been billed; its answer is lost beyond the text"
    " kept here. It was not sent again: call again to pay for a new answer.",
)

UNJUDGED = Failure(
    "interrupted",
    "The worker died while a judge was at the answer, which is kept here unjudged. The judge's request may have been"
    " billed and was not sent again: use the answer as it is, or call again to pay for new ones.",
)

UNCHOSEN = Failure(
    "interrupted",
    "The worker died while a model was choosing the best answer. Its request may have been billed and was not sent"
    " again; the answers are kept with the members: use them, or call again to pay for new ones.",
)

_UNREADABLE = Ending(
    TaskState.FAILED,
    AttemptState.FAILED,
    failure=Failure("rejected", "This edition of longcall cannot read the call. Nothing was sent; ask anew."),
)
_UNREADABLE_PAST = Ending(
    TaskState.FAILED,
    AttemptState.FAILED,
    failure=Failure("rejected", "This edition of longcall cannot read what was asked for this task; its text is kept."),
)

_SQL = load_queries()


def fetch_all(name: str, values: Values, connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """Runs a named statement and returns its rows."""
    return connection.execute(_SQL[name], values).fetchall()


def run_all(names: Sequence[str], values: Values, connection: sqlite3.Connection) -> None:
    """Runs named statements in order."""
    for name in names:
        connection.execute(_SQL[name], values)


def claim(values: Values, connection: sqlite3.Connection) -> list[Claim]:
    """Takes tasks for a worker, with what was asked for each: what cannot be handed out whole is not taken."""
    rows = fetch_all("claim", values, connection)
    claims: list[Claim] = []
    for row in sorted(rows, key=lambda row: (row["created_at"], row["place"])):
        twin = _twin(row, connection)
        if twin is not None and not TaskState(twin["state"]).is_final:
            run_all(("hold_again",), {"task": row["id"]}, connection)
            continue
        try:
            claims.append(_claim(row, twin, values, connection))
        except (ValueError, TypeError, KeyError):  # written by an edition that understood calls otherwise
            ending = _UNREADABLE_PAST if row["was_tried"] else _UNREADABLE
            finish({**values, "task": row["id"]}, ending, connection)
    return claims


def _twin(claimed: sqlite3.Row, connection: sqlite3.Connection) -> sqlite3.Row | None:
    """Returns the task that had the key of a claimed one before; None once that one was asked itself."""
    if claimed["twin"] is None or claimed["was_tried"] or claimed["handle"] is not None:
        return None
    (row,) = fetch_all("task", {"task": claimed["twin"]}, connection)
    return row


def _claim(row: sqlite3.Row, twin: sqlite3.Row | None, values: Values, connection: sqlite3.Connection) -> Claim:
    call = conversing.with_history(Call.model_validate_json(row["call"]), row, connection)
    waited = elapsed_ms(values["now"] - row["asked_at"], values["tick"] - row["asked_tick"])
    past = fetch_all("past", {"task": row["id"]}, connection) if row["was_tried"] else []
    # What waited for others has its time before it.
    spent_s = min(waited / 1000, call.timeout_s) if row["held_for"] is None else 0.0
    attempts = tuple(attempt_from_row(attempt) for attempt in past)
    steps = _steps(row["id"], connection) if any(attempt.role is Role.TURN for attempt in attempts) else ()
    members = _answers(row["parent"], connection) if call.combine is not None else ()
    return Claim(
        row["id"], spent_s, call, row["handle"], row["asked"], attempts, steps, row["project"], members,
        _earlier(twin, call),
    )  # fmt: skip


def _answers(group: str, connection: sqlite3.Connection) -> tuple[Task, ...]:
    rows = fetch_all("answers", {"task": group}, connection)
    return tuple(replace(task_from_row(row), text=row["text"] or "") for row in rows)


def _earlier(twin: sqlite3.Row | None, call: Call) -> Task | None:
    """Returns the task with the same key whose answer is taken over; None where the claimed one is to be asked."""
    if twin is None or not may_answer(TaskState(twin["state"]), call.on_interrupt):
        return None
    return replace(task_from_row(twin), text=twin["text"] or "")


def _steps(task: str, connection: sqlite3.Connection) -> tuple[Step, ...]:
    return tuple(step_from_row(row) for row in fetch_all("steps", {"task": task}, connection))


def end_attempt(
    values: Values,
    state: AttemptState,
    completion: Completion | None,
    failure: Failure | None,
    connection: sqlite3.Connection,
    *,
    text: str | None = None,
    is_free: bool = False,
) -> int | None:
    """Ends the open attempt of a task; returns its number, if any. Its `text` is kept where it is to be checked.

    What is known of its cost takes the place of the estimate; where `is_free`, it cost nothing.
    """
    usage = completion.usage if completion else None
    outcome = {
        "is_free": is_free,
        "tokens": None if usage is None else usage.input_tokens + usage.output_tokens,
        "state": state,
        "usage": None if usage is None else json.dumps(asdict(usage)),
        "cost_usd": completion.cost_usd if completion else None,
        "failure": as_json(failure),
        "text": text,
        "completion": None if text is None else as_json(completion),
    }
    rows = fetch_all("end_attempt", {**values, **outcome}, connection)
    return rows[0]["number"] if rows else None


def answer(values: Values, text: str, completion: Completion, connection: sqlite3.Connection) -> int | None:
    """Ends the open attempt with its answer, of which the text so far is then made; returns its number, if any."""
    number = end_attempt(values, AttemptState.ANSWERED, completion, None, connection, text=text)
    if number is not None and values["is_answer"]:
        run_all(("drop_pieces", "add_piece"), {**values, "text": text}, connection)
    return number


def turn(
    values: Values, text: str, completion: Completion, steps: Sequence[Step], connection: sqlite3.Connection
) -> int | None:
    """Ends the open attempt as one that asked for tools, and adds these; returns its number, if any."""
    number = answer(values, text, completion, connection)
    if number is None:
        return None
    connection.execute(_SQL["make_turn"], {**values, "number": number})
    for step in steps:
        told = {"number": step.number, "id": step.id, "tool": step.tool, "arguments": step.arguments}
        valid = {name: clean(value) if isinstance(value, str) else value for name, value in told.items()}
        connection.execute(_SQL["add_step"], {**values, **valid, "attempt": number})
    return number


def add_pieces(worker: str, pieces: Sequence[tuple[str, str]], connection: sqlite3.Connection) -> None:
    """Adds streamed text to tasks."""
    for task, text in pieces:
        connection.execute(_SQL["add_piece"], {"task": task, "worker": worker, "text": text})


def finish(values: Values, ending: Ending, connection: sqlite3.Connection) -> bool:
    """Ends a running task; whether it was the worker's to end."""
    end_attempt(values, ending.attempt, ending.completion, ending.failure, connection, is_free=ending.refused)
    outcome = {
        "state": ending.state,
        "text": ending.text,
        "completion": as_json(ending.completion),
        "failure": as_json(ending.failure),
        "validation": as_json(ending.validation),
    }
    if connection.execute(_SQL["finish"], {**values, **outcome}).rowcount == 0:
        return False
    connection.execute(_SQL["drop_pieces"], values)
    if ending.state is TaskState.COMPLETED:
        conversing.append(values, connection)
    return True


def recover(values: Values, connection: sqlite3.Connection) -> Recovery:
    """Settles the running tasks of dead workers."""
    found = dict.fromkeys(Recovery.__slots__, 0)
    for orphan in fetch_all("orphans", values, connection):
        fate = _fate(orphan)
        settle = {**values, "task": orphan["id"], "failure": None}
        match fate:
            case "interrupted":
                lost = UNCHOSEN if orphan["combines"] else LOST if orphan["role"] == Role.ANSWER else UNJUDGED
                settle |= {"state": TaskState.INTERRUPTED, "failure": as_json(lost)}
                run_all(("lose_attempt", "end_orphan", "drop_pieces"), settle, connection)
            case "cancelled":
                settle |= {"state": TaskState.CANCELLED}
                run_all(("lose_attempt", "end_orphan", "drop_pieces"), settle, connection)
            case "resent":
                # An answer that waits for its judge stays the text so far.
                drop = ("drop_pieces",) if orphan["role"] == Role.ANSWER else ()
                run_all(("lose_attempt", *drop, "requeue"), settle, connection)
            case "resumable":
                run_all(("drop_pieces", "requeue"), settle, connection)
            case _:
                run_all(("requeue",), settle, connection)
        found[fate] += 1
    return Recovery(**found)


def _fate(orphan: sqlite3.Row) -> str:
    if not orphan["was_sent"]:
        return "cancelled" if orphan["cancel_requested"] else "requeued"
    if orphan["handle"] is not None:
        return "resumable"
    if orphan["cancel_requested"]:
        return "interrupted"
    wanted = orphan["on_interrupt"] == "retry" and orphan["unanswered"] < SENT_AT_MOST
    return "resent" if wanted else "interrupted"


def whole_task(task: str, connection: sqlite3.Connection) -> Task | None:
    """Returns a task with its text, attempts and members."""
    rows = fetch_all("task", {"task": task}, connection)
    if not rows:
        return None
    text = rows[0]["text"]
    if text is None:
        text = "".join(row["text"] for row in fetch_all("pieces", {"task": task}, connection))
    attempts = tuple(attempt_from_row(row) for row in fetch_all("attempts", {"task": task}, connection))
    found = task_from_row(rows[0])
    if found.validation is not None and found.validation.last != found.validation.best:
        attempts = tuple(_with_text(attempt, found, connection) for attempt in attempts)
    members = tuple(task_from_row(row) for row in fetch_all("members", {"task": task}, connection))
    steps = _steps(task, connection) if any(attempt.role is Role.TURN for attempt in attempts) else ()
    call = _call(rows[0]["call"])
    return replace(found, call=call, text=text, attempts=attempts, steps=steps, members=members)


def _with_text(attempt: Attempt, task: Task, connection: sqlite3.Connection) -> Attempt:
    """Returns the last attempt with its text, where that is not the task's; any other as it is."""
    if task.validation is None or attempt.number != task.validation.last:
        return attempt
    rows = fetch_all("attempt_text", {"task": task.id, "number": attempt.number}, connection)
    return replace(attempt, text=rows[0]["text"])


def _call(text: str | None) -> Call | None:
    if text is None:
        return None
    try:
        return Call.model_validate_json(text)
    except ValidationError:  # written by an edition that understood calls otherwise
        return None


def expire(values: Values, connection: sqlite3.Connection) -> list[str]:
    """Deletes what is no longer kept, members of groups included; returns their ids."""
    names = ("expiring_members", "expire")
    return [row["id"] for name in names for row in fetch_all(name, values, connection)]


def advance(time: Values, connection: sqlite3.Connection) -> None:
    """Counts the time that has really gone by since the last count."""
    (last,) = fetch_all("clock", {}, connection)
    wall, tick = time["now"] - last["wall_ms"], time["tick"] - last["tick_ms"]
    gone = 0 if last["wall_ms"] == 0 else elapsed_ms(wall, tick) if tick >= 0 else min(max(0, wall), BOOT_MS)
    connection.execute(_SQL["set_clock"], {**time, "spent": last["spent_ms"] + gone})


def as_json(value: Completion | Failure | Checked | Validation | None) -> str | None:
    """Returns a value as a JSON column holds it."""
    return None if value is None else clean(json.dumps(asdict(value), ensure_ascii=False))
