"""`longcall tasks prune`: deletes what has ended long ago."""

import os
import re
import sys
from functools import partial
from typing import Annotated

import typer

from longcall.access import open_session
from longcall.cli.exits import Exit, run
from longcall.cli.terminal import count, is_terminal, remark
from longcall.clock import Clock
from longcall.errors import CallError
from longcall.models import Task, TaskKind
from longcall.session import Session
from longcall.settings import here

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_EVERY = 1_000_000_000
"""As many as there may be."""


def prune(
    older_than: Annotated[str, typer.Option(help="Age of their end: 90m, 12h, 7d, 4w.", metavar="AGE")] = "7d",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Deletes tasks that ended long ago, with their answers and result files. Says first what, and asks."""
    before = Clock().wall() - _milliseconds(older_than)
    doomed = run(partial(_ended, before))
    if not doomed:
        remark(f"No task ended more than {older_than} ago; nothing to delete.")
        return
    unread = sum(task.delivered_at is None for task in doomed)
    remark(f"{count(len(doomed), 'task')} ended more than {older_than} ago, {unread} of them never looked at.")
    if not yes:
        _ask()
    deleted = run(partial(_delete, before))
    remark(f"Deleted {count(deleted, 'task')}.")


def _ask() -> None:
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise CallError("Nothing was deleted: without a terminal to ask at, `--yes` is needed.")
    if not typer.confirm("Delete them?", err=True):
        remark("Nothing was deleted.")
        raise typer.Exit(Exit.FAILED)


def _milliseconds(age: str) -> int:
    found = _AGE.fullmatch(age.strip().lower())
    if found is None:
        raise CallError(f"`--older-than` is {age!r}, but must be a number and a unit, as in 90m, 12h, 7d or 4w.")
    return int(float(found[1]) * _UNITS_S[found[2]] * 1000)


async def _ended(before: int) -> list[Task]:
    async with open_session(here(), os.environ) as session:
        return await _ended_in(session, before)


async def _ended_in(session: Session, before: int) -> list[Task]:
    newest = await session.client.store.recent(None, _EVERY)
    return [task for task in newest if task.finished_at is not None and task.finished_at < before]


async def _delete(before: int) -> int:
    settings = here()
    async with open_session(settings, os.environ) as session:
        store = session.client.store
        groups = [task.id for task in await _ended_in(session, before) if task.kind is TaskKind.GROUP]
        members = [member.id for group in groups for member in (await session.client.task(group)).members]
        deleted = await store.prune(before)
    for task_id in (*deleted, *members):
        (settings.results_path / f"{task_id}.md").unlink(missing_ok=True)
    return len(deleted)
