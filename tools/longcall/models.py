"""The words: Call, Completion, Usage, Attempt, Task and their states."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from longcall.clock import Clock
from longcall.errors import CallError, Failure
from longcall.text import clean, head

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high"]
OnInterrupt = Literal["report", "retry"]
ContentPart = dict[str, Any]
"""One part of a message in the OpenAI chat form: `{"type": "text", "text": …}`, `{"type": "image_url", …}`."""


class Message(BaseModel, frozen=True, extra="forbid"):
    """One turn of a conversation, in the OpenAI chat form."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[ContentPart]

    @field_validator("content")
    @classmethod
    def _is_valid_unicode(cls, content: str | list[ContentPart]) -> str | list[ContentPart]:
        if isinstance(content, str):
            return clean(content)
        try:
            return json.loads(clean(json.dumps(content, ensure_ascii=False)))
        except (TypeError, ValueError):
            raise ValueError("the parts of a message must be JSON, without bytes or other objects") from None

    @property
    def text(self) -> str:
        """The text of the message; parts that are no text are left out."""
        if isinstance(self.content, str):
            return self.content
        return " ".join(part["text"] for part in self.content if isinstance(part.get("text"), str))


class Call(BaseModel, frozen=True, extra="forbid"):
    """What is asked of a model. Validated once, at the door; stored with the task as JSON."""

    model: str = Field(min_length=1)
    messages: tuple[Message, ...] = Field(min_length=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    reasoning_effort: ReasoningEffort | None = None
    timeout_s: float = Field(default=3600.0, gt=0, le=31_536_000, allow_inf_nan=False)
    """Seconds from creation, or the last guidance, after which the work is cancelled and fails with code `timeout`."""
    on_interrupt: OnInterrupt = "report"
    """What to do when the worker dies after the request left: tell, or send it again and pay again."""
    background: bool = False
    """Whether the provider is to work on it by itself and keep the answer, so that even a dead worker loses nothing."""

    @property
    def request(self) -> str:
        """A hash of all that decides the answer: two calls with the same one ask the same."""
        asked = self.model_dump(mode="json", exclude={"timeout_s", "on_interrupt", "background"}, exclude_none=True)
        canonical = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return request_hash(canonical)

    @property
    def head(self) -> str:
        """The first words of the last user message, to know the task by."""
        asked = [message.text for message in self.messages if message.role == "user"]
        return head(asked[-1] if asked else self.messages[-1].text)


def request_hash(canonical: str) -> str:
    """Returns 24 hex digits (96 bits) that stand for what is asked; short, since the store has an index of them."""
    return hashlib.sha256(canonical.encode()).hexdigest()[:24]


def new_task_id() -> str:
    """Returns 32 random hex digits, of which nobody can guess another's and the first few tell tasks apart."""
    return secrets.token_hex(16)


def new_call(
    *,
    model: str | None,
    prompt: str | None = None,
    messages: Sequence[Message] | Sequence[dict[str, Any]] | None = None,
    system: str | None = None,
    **options: Any,
) -> Call:
    """Builds a Call from what a caller gave at any door.

    Takes exactly one of `prompt` (text) and `messages` (chat turns), an optional `system` text put before them, and
    any other field of Call; options that are None count as not given.

    Raises:
        CallError: nothing to ask, two things to ask, no model, or a value out of range; the sentence says which.
    """
    if not model:
        raise CallError(
            "No model was named and no default model is configured. Name one in `model` (list_models shows what can be"
            " called here), or set LONGCALL_MODEL."
        )
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Call(model=model.strip(), messages=_turns(prompt, messages, system), **given)
    except ValidationError as error:
        raise CallError(first_complaint(error)) from None


def _turns(
    prompt: str | None, messages: Sequence[Message] | Sequence[dict[str, Any]] | None, system: str | None
) -> tuple[Message, ...]:
    if prompt is not None and messages:
        raise CallError("Give either `prompt` or `messages`, not both.")
    if messages is not None and not isinstance(messages, list | tuple):
        raise CallError("`messages` must be a list of chat turns.")
    turns: list[Message] = [Message.model_validate(message) for message in messages or ()]
    if prompt is not None:
        turns = [Message(role="user", content=prompt)]
    if not any(_says_something(turn) for turn in turns):
        raise CallError("There is nothing to ask: `prompt` (or the text of `messages`) is empty.")
    if turns[-1].role in ("system", "developer"):
        raise CallError("There is nothing to answer: `messages` must end with a user or an assistant turn.")
    if system:
        turns.insert(0, Message(role="system", content=system))
    return tuple(turns)


def _says_something(turn: Message) -> bool:
    return bool(turn.content.strip() if isinstance(turn.content, str) else turn.content)


def first_complaint(error: ValidationError) -> str:
    """Returns what is wrong with the first value that is, as one sentence."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the call"
    return f"`{where}` cannot be used: {first['msg']}."


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """How one answer ended; its text travels apart from it, piece by piece."""

    model: str
    """The model that really answered, as the provider named it."""
    finish_reason: str
    usage: Usage | None = None
    cost_usd: float | None = None
    """None when the price is unknown, never 0 for that reason."""
    warnings: tuple[str, ...] = ()


class TaskState(StrEnum):
    """What has become of a task. Every UPDATE names the state it leaves."""

    QUEUED = "queued"
    """Durable, not yet taken by a worker."""
    RUNNING = "running"
    """A worker is at it."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    """The request may have been billed, but its worker died and the answer is lost. Never sent again by itself."""
    NEEDS_REVIEW = "needs_review"
    """There is an answer, but it failed its checks: somebody has to decide."""

    @property
    def is_final(self) -> bool:
        """Whether the work is at its end; nothing but a review of what needs one changes it after that."""
        return self not in (TaskState.QUEUED, TaskState.RUNNING)


class Decision(StrEnum):
    """What becomes of an answer that needs review."""

    ACCEPT = "accept"
    """It is good enough: the task is completed with it."""
    GUIDE = "guide"
    """The model is asked again, with the answer and what to do better."""
    STOP = "stop"
    """The task is cancelled; its text is kept."""


class TaskKind(StrEnum):
    """Whether a task asks a model or stands for several that do."""

    CALL = "call"
    GROUP = "group"


class AttemptState(StrEnum):
    """What has become of one request to a provider."""

    SENT = "sent"
    """Committed before the request left; no answer is known yet."""
    ANSWERED = "answered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """Its worker died before the answer was stored."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to a provider."""

    number: int
    model: str
    state: AttemptState
    sent_at: int
    """Milliseconds since the epoch."""
    ended_at: int | None
    usage: Usage | None
    cost_usd: float | None
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Task:
    """One Call and its fate, as the store knows it now. Times are milliseconds since the epoch."""

    id: str
    kind: TaskKind
    parent: str | None
    state: TaskState
    environment: str
    """Fingerprint of the variables under which it runs; see `longcall.environment`."""
    project: str
    model: str
    head: str
    created_at: int
    started_at: int | None
    finished_at: int | None
    delivered_at: int | None
    cancel_requested: bool
    chars: int
    """Characters of text so far."""
    principal: str = ""
    """Who made it: empty for the user of this machine, otherwise a name that the HTTP server knows."""
    call: Call | None = None
    text: str = ""
    completion: Completion | None = None
    failure: Failure | None = None
    attempts: tuple[Attempt, ...] = field(default=())
    members: tuple["Task", ...] = field(default=())
    """The tasks of a group, in order; empty for a call."""

    def age_s(self) -> float:
        """Seconds from creation to the end, or to now; never negative, whatever the clock did."""
        return max(0, (self.finished_at or Clock().wall()) - self.created_at) / 1000
