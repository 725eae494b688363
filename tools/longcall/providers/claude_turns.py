"""A conversation in the form that Claude's command line takes with all its roles.

Its input holds one turn of the user's; a second one would be asked, and paid, apart. So the turns before the last go
into a transcript in the form of its own session files, which it is told to resume: seen with 2.1.330, they reach the
model turn by turn, each in its role. System texts become one, wherever they stood.
"""

import json
import re
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from longcall.call import Call
from longcall.errors import CallError
from longcall.message import Message

Block = dict[str, Any]
GO_ON = "Go on exactly where your last message ends, without repeating any of it."
"""Asked when the conversation ends with a turn of Claude's, for which its command line has no form."""
_DATA_URL = re.compile(r"data:(image/[\w.+-]+);base64,(.+)", re.DOTALL)
_WHEN = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Turns:
    """What is asked, in parts."""

    system: str
    earlier: str
    """The turns before the last, one JSON object a line; empty when there are none."""
    last: str
    """The turn that is asked, one line of JSON."""
    goes_on: bool
    """Whether the last turn is one that we added."""


def turns(call: Call, system: str = "") -> Turns:
    """Returns what `call` asks, with `system` before the system texts of its own.

    Raises:
        CallError: a message has a part that is neither text nor an image.
    """
    texts = [message.text for message in call.messages if _is_system(message)]
    talk = [message for message in call.messages if not _is_system(message)]
    goes_on = talk[-1].role == "assistant"
    last = Message(role="user", content=GO_ON) if goes_on else talk.pop()
    return Turns(
        system="\n\n".join(text for text in (system, *texts) if text.strip()),
        earlier=_transcript(talk),
        last=_line({"type": "user", "message": {"role": "user", "content": _asked(last)}}),
        goes_on=goes_on,
    )


def _is_system(message: Message) -> bool:
    return message.role in ("system", "developer")


def _asked(message: Message) -> list[Block]:
    """Returns the blocks of the turn that is asked, none of which begins like a command of the command line's."""
    blocks = _blocks(message)
    for block in blocks:
        if block.get("text", "").startswith("/"):
            block["text"] = "\n" + block["text"]  # /compact and others run even when slash commands are switched off
    return blocks


def _transcript(talk: Sequence[Message]) -> str:
    session, parent, lines = str(uuid.uuid4()), None, list[str]()
    for message in talk:
        said: dict[str, Any] = {"role": message.role, "content": _blocks(message)}
        if message.role == "assistant":
            said |= {"id": f"msg_{secrets.token_hex(12)}", "type": "message", "model": "unknown"}
            said |= {"stop_reason": "end_turn", "stop_sequence": None}
            said |= {"usage": {"input_tokens": 0, "output_tokens": 0}}
        turn = {"uuid": str(uuid.uuid4()), "parentUuid": parent, "sessionId": session, "type": message.role}
        turn |= {"message": said, "isSidechain": False, "userType": "external", "timestamp": _WHEN}
        lines.append(_line(turn))
        parent = turn["uuid"]
    return "".join(lines)


def _line(value: Any) -> str:
    return json.dumps(value) + "\n"


def _blocks(message: Message) -> list[Block]:
    """Returns a message's content in Anthropic's form, without empty texts, which Anthropic refuses."""
    parts = [{"type": "text", "text": message.content}] if isinstance(message.content, str) else message.content
    blocks = [_block(part) for part in parts]
    return [block for block in blocks if block.get("text", "x").strip()] or [{"type": "text", "text": "(empty)"}]


def _block(part: Block) -> Block:
    if isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    image: Any = part.get("image_url")
    url: Any = image.get("url") if isinstance(image, dict) else image  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(url, str):
        raise CallError(
            f"Claude's command line takes text and images; a part of type {part.get('type')!r} cannot be sent. Leave it"
            " out, or name an API model that takes it."
        )
    found = _DATA_URL.fullmatch(url)
    if found is None:
        return {"type": "image", "source": {"type": "url", "url": url}}
    return {"type": "image", "source": {"type": "base64", "media_type": found[1], "data": found[2]}}
