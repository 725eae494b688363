"""What becomes of conversations, as plain functions of the raw connection."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from longcall.call import Call
from longcall.conversation import WITHOUT_FILES, Content, Heard, bare_of, in_order, tokens_in
from longcall.errors import ConversationBusyError
from longcall.estimate import tokens_of
from longcall.message import Message
from longcall.tasks.conversation_store import ConversationMovedError
from longcall.tasks.queries import load_queries

_SQL = load_queries()


def columns(heard: Heard | None) -> dict[str, Any]:
    """Returns what a task's row says of what was heard."""
    return {
        "conversation": heard and heard.conversation.id,
        "heard": heard and heard.last,
        "heard_from": heard and heard.first,
        "files_from": heard and heard.files_from,
        "trimmed": heard and heard.note,
    }


def begin(heard: Heard, time: Mapping[str, Any], connection: sqlite3.Connection) -> None:
    """Sees that the conversation is there; one of which nothing was heard begins.

    Raises:
        ConversationMovedError: it is gone, or another one has its name.
    """
    of = heard.conversation
    values = {"id": of.id, "principal": of.principal, "project": of.project, "name": of.name}
    if not heard.last:
        connection.execute(_SQL["begin_conversation"], {**values, **time})
    if not connection.execute(_SQL["use_conversation"], {**values, **time}).rowcount:
        raise ConversationMovedError(f"the conversation {of.id} is another one now")


def demand_current(heard: Heard, connection: sqlite3.Connection) -> None:
    """Sees that a task may go on with what was heard.

    Raises:
        ConversationBusyError: another task is at work.
        ConversationMovedError: more was said meanwhile.
    """
    demand_free(heard.conversation.id, "demand_free", connection)
    (last,) = connection.execute(_SQL["last_turn"], {"conversation": heard.conversation.id}).fetchone()
    if last != heard.last:
        raise ConversationMovedError(f"more was said in the conversation {heard.conversation.id}")


def demand_free(conversation: str | None, which: str, connection: sqlite3.Connection) -> None:
    """Sees that no task stands in the way: one at work (`demand_free`), or for `demand_done` one to be reviewed too.

    Raises:
        ConversationBusyError: one does.
    """
    for row in connection.execute(_SQL[which], {"conversation": conversation}).fetchall():
        raise ConversationBusyError(row["name"], row["id"])


def with_history(call: Call, row: sqlite3.Row, connection: sqlite3.Connection) -> Call:
    """Returns a call with what its task is to hear of its conversation before it; `row` tells what."""
    if row["conversation"] is None:
        return call
    values = {name: row[name] for name in ("conversation", "heard", "heard_from")}
    told = connection.execute(_SQL["heard_turns"], values).fetchall()
    if not told and row["heard"] >= row["heard_from"]:
        raise ValueError("what was said before is gone")
    earlier = [Message(role=turn["role"], content=_content(turn, row["files_from"])) for turn in told]
    return call.model_copy(update={"messages": in_order(earlier, call.messages)})


def _content(turn: sqlite3.Row, files_from: int) -> Content:
    if turn["bare"] is not None and turn["number"] < files_from:
        return f"{turn['bare']}\n\n{WITHOUT_FILES}"
    return json.loads(turn["content"])


def append(values: Mapping[str, Any], connection: sqlite3.Connection) -> None:
    """Adds what a completed task was asked, and its answer, to the conversation that it went on with, if any.

    An answer that says nothing adds nothing: no provider would take such a turn.
    """
    rows = connection.execute(_SQL["said"], values).fetchall()
    if not rows or not rows[0]["text"].strip():
        return
    said = rows[0]
    # The JSON itself is read: a call that another edition wrote keeps what this one does not know.
    asked = json.loads(said["call"])
    of = {**values, "conversation": said["conversation"]}
    for message in asked["messages"]:
        _add(of, message["role"], message["content"], None, asked.get("original_prompt"), connection)
    _add(of, "assistant", said["text"], said["model"], None, connection)
    connection.execute(_SQL["touch_conversation"], of)


def _add(
    values: Mapping[str, Any], role: str, content: Content, model: str | None, prompt: str | None,
    connection: sqlite3.Connection,
) -> None:  # fmt: skip
    bare = bare_of(content, prompt) if role == "user" else None
    turn = {
        "role": role,
        "model": model,
        "content": json.dumps(content, ensure_ascii=False),
        "tokens": tokens_in(content),
        "bare": bare,
        "bare_tokens": None if bare is None else tokens_of(bare),
    }
    connection.execute(_SQL["add_turn"], {**values, **turn})


def delete(conversation: str, connection: sqlite3.Connection) -> None:
    """Deletes a conversation.

    Raises:
        ConversationBusyError: a task of it has not come to its end.
    """
    demand_free(conversation, "demand_done", connection)
    connection.execute(_SQL["delete_conversation"], {"conversation": conversation})
