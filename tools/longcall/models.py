"""The words: Completion, Usage, Attempt, Task and their states."""

import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from longcall.call import Call
from longcall.clock import Clock
from longcall.combine import Combined
from longcall.errors import Failure
from longcall.routing import Route, route
from longcall.validators.base import Issue


def new_task_id() -> str:
    """Returns 32 random hex digits, of which nobody can guess another's and the first few tell tasks apart."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The file that an answer, or the part of it that was wanted, was written to."""

    path: str
    bytes: int
    sha256: str
    head: str
    """Its first words."""


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
    written: Written | None = None
    """Of a task's: where the answer was written to."""
    combined: Combined | None = None
    """Of a group's: how it came about."""


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


class Role(StrEnum):
    """What a request is for."""

    ANSWER = "answer"
    JUDGE = "judge"
    TURN = "turn"
    """One that was answered by asking for tools: on the way to an answer. Until it is answered it is an ANSWER."""


class AttemptState(StrEnum):
    """What has become of one request to a provider."""

    SENT = "sent"
    """Committed before the request left; no answer is known yet."""
    ANSWERED = "answered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """It may have been billed, and its answer will not come: its worker died, or (with a failure) it broke off."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one judge said of an answer."""

    judge: str
    """The validator's name."""
    model: str
    verdict: Literal["pass", "fail", "unsure", "error"]
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks found of an answer."""

    issues: tuple[Issue, ...] = ()
    errors: tuple[str, ...] = ()
    """Why checks could not be made, or came to no verdict: the answer is neither good nor bad for that."""
    votes: tuple[Vote, ...] = ()
    warnings: tuple[str, ...] = ()
    ms: int = 0
    stage: int = 0
    """How far it came: the cost of the last validators that were heard."""
    repaired: str | None = None
    """The answer's JSON as it was mended, where a validator was allowed to."""

    @property
    def valid(self) -> bool:
        """Whether the answer passes."""
        return not self.errors and not self.faults

    @property
    def faults(self) -> tuple[Issue, ...]:
        """The issues for which the answer does not pass."""
        return tuple(issue for issue in self.issues if issue.on_fail != "warn")


@dataclass(frozen=True, slots=True)
class Validation:
    """What became of an answer's checks in the end."""

    valid: bool
    returned: Literal["passed", "best", "last"]
    """Which answer the task's text is."""
    stopped: str | None = None
    """Why it was not asked again; None when it passed."""
    issues: tuple[Issue, ...] = ()
    """What is wrong with the text."""
    best: int | None = None
    """Number of the attempt with the best answer; None for a text that was given."""
    last: int | None = None
    feedback_next: str | None = None
    """What would be said to the model next, for a caller who goes on by itself."""
    repaired: bool = False
    """Whether the text is the answer's JSON as it was mended; the answer itself is the attempt's."""


class StepState(StrEnum):
    """What has become of one use of a tool."""

    ASKED = "asked"
    """The model wants it; it was not called yet."""
    BEGUN = "begun"
    """It is being called, and may have been done."""
    DONE = "done"
    FAILED = "failed"
    """It said that it failed; the model is told."""


@dataclass(frozen=True, slots=True)
class Step:
    """One use of a tool, as a model asked for it in a turn."""

    attempt: int
    """Number of the turn's attempt."""
    number: int
    """Of the tools that this turn asked for, from 1."""
    id: str
    """By which the model knows the result."""
    tool: str
    arguments: str
    """JSON, as the model wrote it."""
    state: StepState = StepState.ASKED
    result: str | None = None
    ms: int | None = None


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
    role: Role = Role.ANSWER
    series: int = 0
    """How often its task had been guided when it was sent."""
    completion: Completion | None = None
    """None where the task's own completion tells it."""
    checked: Checked | None = None
    text: str | None = None
    """Only where the texts of attempts were asked for."""
    request: str | None = None
    """A hash of what a judge was asked."""


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
    validation: Validation | None = None
    """None for a call without validators, and for one that ended before its checks did."""
    series: int = 0
    """How often it was guided."""
    conversation: str | None = None
    """Id of the conversation that it goes on with."""
    trimmed: str | None = None
    """What of the conversation was left out for want of room, as a sentence."""
    report: dict[str, Any] | None = None
    """What validate_code found; only where it was asked for."""
    attempts: tuple[Attempt, ...] = field(default=())
    steps: tuple[Step, ...] = field(default=())
    """The tools that were used, in order."""
    members: tuple["Task", ...] = field(default=())
    """The tasks of a group, in order; empty for a call."""

    @property
    def combines(self) -> bool:
        """Whether it asks nothing of its own: it makes one answer of those of its group."""
        return route(self.model) is Route.COMBINE

    @property
    def is_held(self) -> bool:
        """Whether its text is not to be shown yet: nobody knows whether an answer that is to be checked is the one."""
        return not self.state.is_final and self.call is not None and bool(self.call.validators)

    def age_s(self) -> float:
        """Seconds from creation to the end, or to now; never negative, whatever the clock did."""
        return max(0, (self.finished_at or Clock().wall()) - self.created_at) / 1000
