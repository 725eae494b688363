"""Conversations: what was said in turn, with whatever models, and the part of it that a call is asked with. Pure."""

import base64
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from longcall.errors import CallError
from longcall.estimate import IMAGE_TOKENS, tokens_of, tokens_of_pdf
from longcall.message import ContentPart, Message
from longcall.text import clean

SYSTEM = ("system", "developer")
NAME_CHARS = 100
WITHOUT_FILES = "(The files that were shown with this were left out for want of room.)"
_ID = re.compile(r"[0-9a-f]{32}")

Content = str | list[ContentPart]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation, without what was said in it. Times are milliseconds since the epoch."""

    id: str
    name: str
    principal: str
    """Whose it is: empty for the user of this machine."""
    project: str
    created_at: int = 0
    used_at: int = 0
    """When it was last asked or answered."""
    turns: int = 0
    """Turns of users and models; system texts do not count."""
    tokens: int = 0
    """Of all that was said in it, by estimate."""
    task: str | None = None
    """The task that is at work in it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What was said at one time by one side."""

    number: int
    role: str
    content: Content
    task: str
    """The task in which it was said; it may be gone."""
    said_at: int
    tokens: int
    """By estimate."""
    model: str | None = None
    """Who said it, for an answer."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a turn is."""

    number: int
    role: str
    task: str
    tokens: int
    bare_tokens: int | None = None
    """Without the files that were shown with it; None where none were."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Turns that were said in one task: a question and its answer."""

    last: int
    """Number of its last turn."""
    tokens: int
    bare: int
    """Tokens without files."""


@dataclass(frozen=True, slots=True)
class History:
    """A conversation with the sizes of its turns."""

    conversation: Conversation
    sizes: tuple[Size, ...] = ()

    @property
    def last(self) -> int:
        """Number of the last turn; 0 when nothing was said."""
        return self.sizes[-1].number if self.sizes else 0

    @property
    def talk(self) -> list[Size]:
        """The turns of users and models."""
        return [size for size in self.sizes if size.role not in SYSTEM]

    @property
    def system_tokens(self) -> int:
        """Of the system texts that hold now."""
        texts = [size for size in self.sizes if size.role in SYSTEM]
        return sum(size.tokens for size in texts if size.task == texts[-1].task)

    @property
    def exchanges(self) -> list[Exchange]:
        """Its questions with their answers, the oldest first."""
        grouped = [list(turns) for _, turns in groupby(self.talk, key=lambda size: size.task)]
        return [
            Exchange(
                turns[-1].number,
                sum(turn.tokens for turn in turns),
                sum(turn.tokens if turn.bare_tokens is None else turn.bare_tokens for turn in turns),
            )
            for turns in grouped
        ]


@dataclass(frozen=True, slots=True)
class Heard:
    """The part of a conversation that a call is asked with."""

    conversation: Conversation
    """With name, principal and project: where there is none of this id, it begins."""
    last: int = 0
    """The newest turn that had been said."""
    first: int = 1
    """The oldest that is told to the model."""
    files_from: int = 1
    """The oldest whose files are shown to the model."""
    tokens: int = 0
    """Of what is told, by estimate."""
    note: str | None = None
    """What was left out, as a sentence."""


def is_id(said: str) -> bool:
    """Whether a caller means a conversation by its id."""
    return _ID.fullmatch(said) is not None


def name_of(said: str) -> str:
    """Returns the name that a caller means.

    Raises:
        CallError: it is none.
    """
    name = unicodedata.normalize("NFC", clean(said)).strip()
    if not name or len(name) > NAME_CHARS or not name.isprintable():
        raise CallError(f"`conversation` must be a name of 1 to {NAME_CHARS} characters on one line, or an id.")
    return name


def in_order(earlier: Sequence[Message], new: Sequence[Message]) -> tuple[Message, ...]:
    """Returns what a model is asked: system texts first, the new ones in place of the earlier, then all turns."""
    system = [turn for turn in new if turn.role in SYSTEM] or [turn for turn in earlier if turn.role in SYSTEM]
    return (*system, *(turn for turn in (*earlier, *new) if turn.role not in SYSTEM))


def bare_of(content: Content, prompt: str | None) -> str | None:
    """Returns what a turn says without the files that were put before it; None where none were.

    `prompt` is what was asked, files not included, as `longcall.attaching.attach` leaves it in `original_prompt`.
    """
    if not prompt:
        return None
    if isinstance(content, str):
        return prompt if content.endswith(f"\n{prompt}") else None
    texts = [part.get("text") for part in content]
    return prompt if len(texts) > 1 and texts[-1] == prompt else None


def tokens_in(content: Content) -> int:
    """Returns about how many tokens a turn has."""
    return tokens_of(content) if isinstance(content, str) else sum(_part_tokens(part) for part in content)


def _part_tokens(part: ContentPart) -> int:
    text, file = part.get("text"), part.get("file")
    if isinstance(text, str):
        return tokens_of(text)
    data: Any = file.get("file_data") if isinstance(file, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return _pdf_tokens(data) if isinstance(data, str) else IMAGE_TOKENS


def _pdf_tokens(url: str) -> int:
    try:
        return tokens_of_pdf(base64.b64decode(url.partition(",")[2]))
    except ValueError:
        return tokens_of_pdf(b"")
