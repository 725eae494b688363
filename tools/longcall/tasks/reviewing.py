"""What becomes of an answer that needs review, in one transaction."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from longcall.errors import CallError
from longcall.message import Message
from longcall.models import Decision
from longcall.tasks import conversing
from longcall.tasks.queries import load_queries

ACCEPTED = "accepted by a reviewer although its checks failed"

_SQL = load_queries()


def review(values: Mapping[str, Any], decision: Decision, guidance: str | None, connection: sqlite3.Connection) -> bool:
    """Decides what becomes of an answer that needs review; whether it still needed one.

    Raises:
        CallError: the answers of its group are being made one just now.
        ConversationBusyError: another task is at work in the conversation of one that is to be guided.
    """
    if decision is not Decision.STOP and connection.execute(_SQL["being_combined"], values).fetchone():
        raise CallError(
            "The answers of its group are being made one just now, without this one: decide again when the group has"
            " ended, and they are combined anew."
        )
    match decision:
        case Decision.ACCEPT:
            done = connection.execute(_SQL["accept"], {**values, "warning": ACCEPTED})
            if done.rowcount:
                conversing.append(values, connection)
        case Decision.STOP:
            done = connection.execute(_SQL["stop"], values)
        case Decision.GUIDE:
            rows = connection.execute(_SQL["under_review"], values).fetchall()
            if not rows:
                return False
            conversing.demand_free(rows[0]["conversation"], "demand_free", connection)
            call = _guided(rows[0]["call"], rows[0]["text"], guidance or "")
            done = connection.execute(_SQL["guide"], {**values, "call": call})
    return done.rowcount == 1


def _guided(call: str, answer: str, guidance: str) -> str:
    # The JSON itself is extended: a call that another edition wrote keeps what this one does not know.
    asked = json.loads(call)
    turns = [Message(role="assistant", content=answer), Message(role="user", content=guidance)]
    if asked.get("validators"):
        # Judges are shown what was asked first, with the guidance, and not the guidance alone.
        asked["original_prompt"] = f"{asked.get('original_prompt') or _prompt(asked['messages'])}\n\n{guidance}".strip()
    # Providers refuse a turn that says nothing.
    asked["messages"] += [turn.model_dump(mode="json") for turn in turns if turn.text.strip()]
    return json.dumps(asked, ensure_ascii=False)


def _prompt(messages: list[dict[str, Any]]) -> str:
    said = (Message.model_validate(turn).text for turn in reversed(messages) if turn["role"] == "user")
    return next(said, "")
