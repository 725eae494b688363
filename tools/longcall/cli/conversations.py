"""`longcall conversations`: what is being talked about, with whatever models."""

import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated, Any, TypeVar

import typer

from longcall.access import open_session
from longcall.cli.exits import run
from longcall.cli.terminal import count, is_terminal, remark, say, seconds, table, tell
from longcall.clock import Clock
from longcall.conversation import Conversation, Turn
from longcall.message import Message
from longcall.session import Session
from longcall.settings import read_settings

T = TypeVar("T")
Everywhere = Annotated[bool, typer.Option("--all", help="Those of every folder, not only of this one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Name = Annotated[str, typer.Argument(help="A conversation's name in this folder, or its id.", metavar="NAME")]

app = typer.Typer(help="Lists, shows and deletes conversations, which `longcall call -c NAME` begins and goes on with.")


@app.callback(invoke_without_command=True)
def conversations(context: typer.Context, everywhere: Everywhere = False, as_json: AsJson = False) -> None:
    """Lists, shows and deletes conversations. Without a command, lists them."""
    if context.invoked_subcommand is None:
        list_conversations(everywhere, as_json)


@app.command("list")
def list_conversations(everywhere: Everywhere = False, as_json: AsJson = False) -> None:
    """Lists the conversations of this folder, the last used first."""
    found = _run(lambda session: session.conversations.all(everywhere=everywhere))
    if as_json:
        _say_json([asdict(one) for one in found])
        return
    columns = ("name", "id", ">turns", ">tokens", ">used", "project")
    table(columns, [_row(one) for one in found])
    if not found:
        where = "" if everywhere else " in this folder"
        remark(f"There is no conversation{where} yet; `longcall call -c NAME` begins one.", "dim")


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Writes all that was said in a conversation."""
    found = _run(lambda session: session.conversations.find(name))
    said = _run(lambda session: session.conversations.turns(found.id))
    if as_json:
        _say_json({**asdict(found), "said": [asdict(turn) for turn in said]})
        return
    for turn in said:
        tell(f"{turn.model or turn.role}:", "bold")
        say(f"{_text(turn)}\n\n")
    remark(f"{count(found.turns, 'turn')} · about {found.tokens:,} tokens · conversation {found.id}", "dim")


@app.command()
def delete(name: Name) -> None:
    """Deletes a conversation; its tasks stay for as long as tasks are kept."""
    gone = _run(lambda session: session.conversations.delete(name))
    remark(f"The conversation {gone.name!r} with {count(gone.turns, 'turn')} is gone.")


def _run(work: Callable[[Session], Awaitable[T]]) -> T:
    return run(partial(_in_session, work))


async def _in_session(work: Callable[[Session], Awaitable[T]]) -> T:
    async with open_session(read_settings(os.environ), os.environ) as session:
        return await work(session)


def _row(one: Conversation) -> tuple[str, ...]:
    if is_terminal(sys.stdout):
        used = seconds(max(0, Clock().wall() - one.used_at) / 1000)
        return one.name, one.id, str(one.turns), f"{one.tokens:,}", used, one.project
    used = datetime.fromtimestamp(one.used_at / 1000).astimezone().isoformat(timespec="seconds")
    return one.name, one.id, str(one.turns), str(one.tokens), used, one.project


def _text(turn: Turn) -> str:
    if isinstance(turn.content, str):
        return turn.content
    others = sum("text" not in part for part in turn.content)
    text = Message(role="user", content=turn.content).text
    return f"{text}\n({count(others, 'attachment')})" if others else text


def _say_json(told: Any) -> None:
    say(json.dumps(told, ensure_ascii=False, indent=2) + "\n")
