"""`longcall tasks`: what has been asked, and what became of it."""

import os
import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from longcall.access import open_session
from longcall.cli.call import facts
from longcall.cli.exits import Exit, run
from longcall.cli.phrases import in_shell
from longcall.cli.prune import prune
from longcall.cli.terminal import complain, is_terminal, remark, say, seconds, status_text, table
from longcall.clock import Clock
from longcall.errors import CallError
from longcall.lines import status_of
from longcall.models import Decision, Task, TaskKind
from longcall.page import Page
from longcall.result import Result, listing, progress_of, result_of
from longcall.session import Session
from longcall.settings import here

_HEX = frozenset("0123456789abcdef")
Everywhere = Annotated[bool, typer.Option("--all", help="Tasks of every folder, not only of this one.")]
Most = Annotated[int, typer.Option("-n", help="How many, newest first.", min=1, metavar="N")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
TaskId = Annotated[str, typer.Argument(help="A task id, or a beginning that no other has.", metavar="ID")]

app = typer.Typer(help="Lists, shows and stops tasks: every call is one.")
app.command()(prune)


@app.callback(invoke_without_command=True)
def tasks(context: typer.Context, everywhere: Everywhere = False, most: Most = 20, as_json: AsJson = False) -> None:
    """Lists, shows and stops tasks: every call is one. Without a command, lists them."""
    if context.invoked_subcommand is None:
        list_tasks(everywhere, most, as_json)


@app.command("list")
def list_tasks(everywhere: Everywhere = False, most: Most = 20, as_json: AsJson = False) -> None:
    """Lists the newest tasks of this folder."""

    async def recent() -> list[Task]:
        async with open_session(here(), os.environ) as session:
            return await session.client.store.recent(None if everywhere else str(Path.cwd()), most)

    found = run(recent)
    if as_json:
        _say_json(listing(found))
        return
    _table(found)
    if not found:
        remark(
            "No task yet." if everywhere else "No task in this folder yet; --all lists those of every folder.", "dim"
        )


@app.command()
def show(task_id: TaskId, as_json: AsJson = False) -> None:
    """Writes a task's text to stdout, whole or so far, and what is known of it to stderr."""
    task = run(partial(_show, task_id, as_json))
    if as_json:
        return
    if task.failure is not None:
        complain(in_shell(task.failure.message))
    what = task.state.value if task.state.is_final else progress_of(task)
    remark(f"{what} · {facts(task)}" if task.state.is_final else f"{what} · task {task.id[:8]}", "dim")


async def _show(start: str, as_json: bool) -> Task:
    async with open_session(here(), os.environ) as session:
        client = session.client
        task = await client.task(await _full_id(session, start))
        if not task.state.is_final and task.environment != client.environment:
            await session.poll_task(task.id)  # only this learns whether the worker of another environment has died
            task = await client.task(task.id)
        if as_json:
            _say_json(result_of(task, Page(), stranded=client.estate.is_stranded(task)))
        elif task.kind is TaskKind.GROUP and not task.text:
            _table(task.members)
        elif task.text:
            say(task.text if task.text.endswith("\n") else f"{task.text}\n")
        client.delivered(task)
        return task


@app.command()
def cancel(task_id: TaskId) -> None:
    """Stops a task, down to the connection to its provider; one that has ended keeps its answer."""

    async def stop() -> Result:
        async with open_session(here(), os.environ) as session:
            return await session.cancel_task(await _full_id(session, task_id))

    result = run(stop)
    if result.status == "cancelled":
        remark(f"Cancelled {result.task_id}.")
        return
    if result.is_final:
        complain(f"Task {result.task_id} had already ended: {result.status}. It keeps what it has.")
    else:
        complain(f"Task {result.task_id} was asked to stop, but its worker has not confirmed it yet.")
    raise typer.Exit(Exit.FAILED)


@app.command()
def review(
    task_id: TaskId,
    decision: Annotated[Decision, typer.Argument(help="accept the answer, guide the model to a better one, or stop.")],
    guidance: Annotated[str | None, typer.Argument(help="For guide: what the model is to do better.")] = None,
) -> None:
    """Decides what becomes of an answer that failed its checks (status needs_review)."""

    async def decide() -> Result:
        async with open_session(here(), os.environ) as session:
            result = await session.review(await _full_id(session, task_id), decision, guidance)
            await session.client.see_to_worker()
            return result

    result = run(decide)
    assert result.task_id is not None
    again = f" `longcall tasks show {result.task_id[:8]}` shows what comes." if not result.is_final else ""
    remark(f"{result.task_id} is {result.status} now.{again}")


async def _full_id(session: Session, start: str) -> str:
    start = start.strip().lower()
    found = await session.client.store.find(start) if start and _HEX.issuperset(start) else []
    if not found:
        raise CallError(f"No task has an id that begins with {start!r}. `longcall tasks --all` lists the newest.")
    if len(found) > 1:
        raise CallError(f"Several task ids begin with {start!r}; give more of it.")
    return found[0]


def _say_json(result: Result) -> None:
    say(result.model_dump_json(indent=2, exclude_none=True) + "\n")


def _table(found: list[Task] | tuple[Task, ...]) -> None:
    columns = ("id", "status", ">age", ">took", ">characters", "model", "asked")
    table(columns, [_row(task) for task in found] if is_terminal(sys.stdout) else [_plain_row(task) for task in found])


def _row(task: Task) -> tuple[str | Text, ...]:
    age_s = max(0, Clock().wall() - task.created_at) / 1000
    chars = f"{task.chars:,}" if task.kind is TaskKind.CALL else ""
    id_text = Text(task.id[:8], style="bold")
    return id_text, status_text(status_of(task)), seconds(age_s), seconds(task.age_s()), chars, task.model, task.head


def _plain_row(task: Task) -> tuple[str, ...]:
    made = datetime.fromtimestamp(task.created_at / 1000).astimezone().isoformat(timespec="seconds")
    return task.id, status_of(task), made, f"{task.age_s():.1f}", str(task.chars), task.model, task.head
