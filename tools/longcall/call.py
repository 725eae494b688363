"""What is asked of a model: Call and Message, and how a caller's arguments become them."""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, Field

from longcall.combine import Combine
from longcall.message import Message
from longcall.retry import Retry
from longcall.settings import TaskCaps
from longcall.text import head
from longcall.validators import Validator
from longcall.validators.judge import Judge

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high"]
OnInterrupt = Literal["report", "retry"]
Urgency = Literal["now", "batch"]
_JUDGING_S = 3600.0

OutputPart = Literal["text", "code", "json"]


class OutputFile(BaseModel, frozen=True, extra="forbid"):
    """Where the answer is written to once it is there."""

    path: str
    part: OutputPart = "text"
    """All of it, its first code block, or its JSON."""
    overwrite: bool = False


_HOW = {
    "timeout_s", "first_byte_s", "idle_s", "fallbacks", "long_running", "poll_s", "on_interrupt", "background", "caps",
    "obstacle",
}  # fmt: skip
"""What says how a call is made, and not what is asked."""


class Call(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """What is asked of a model. Validated once, at the door; stored with the task as JSON."""

    model: str = Field(min_length=1)
    messages: tuple[Message, ...] = Field(min_length=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    reasoning_effort: ReasoningEffort | None = None
    response_schema: dict[str, Any] | None = None
    """A JSON Schema that the answer's JSON must fit; given to the provider where it constrains its answers by one."""
    servers: tuple[str, ...] = ()
    """Names of the operator's MCP servers whose tools the model may use."""
    mcp_config: dict[str, Any] | None = None
    """MCP servers of the caller's own, `{"mcpServers": {…}}`; for callers in Python alone, since it names commands."""
    tools: tuple[str, ...] = Field(default=(), max_length=100)
    """The tools of these servers that the model is given; none named gives all that it may use."""
    max_turns: int | None = Field(default=None, ge=1, le=100)
    """Requests at most for one answer with tools; None is 10."""
    roots: tuple[str, ...] = ()
    """The folders in which its files are written and its servers work; set by the door, never by a tool's argument."""
    output: OutputFile | None = None
    obstacle: str | None = None
    """Why no task may be made of it, as a sentence: an earlier one may answer it all the same; set by the door."""
    validators: tuple[Validator, ...] = Field(default=(), max_length=50)
    """What a good answer is; see `longcall.validators`."""
    check: str | None = None
    """What validate_code is asked, as JSON whose nulls count; then no model is asked, but judges."""
    combine: Combine | None = None
    """How the answers of its group become one; then no model is asked, but one that chooses."""
    original_prompt: str | None = None
    """What judges are shown as the request; None shows them the last user message."""
    retry: Retry | None = None
    """What to do when the answer is not; None is the default Retry where there are validators."""
    timeout_s: float = Field(default=3600.0, gt=0, le=31_536_000, allow_inf_nan=False)
    """Seconds from creation, or the last guidance, after which the work is cancelled and fails with code `timeout`."""
    first_byte_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Seconds from the sending of a request within which its answer must begin."""
    idle_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Seconds that may pass between two signs of life of an answer that has begun."""
    fallbacks: tuple[str, ...] = Field(default=(), max_length=10)
    """Models that are asked instead, in order, when one turns the request away; see `longcall.fallback`."""
    long_running: bool = False
    """Whether it is known to need long, so that nobody waits for it who can be handed the task."""
    poll_s: float | None = Field(default=None, gt=0, le=3600)
    """Seconds that whoever looks at the task should leave between two looks."""
    on_interrupt: OnInterrupt = "report"
    """What to do when the worker dies after the request left: tell, or send it again and pay again."""
    traceparent: str | None = Field(default=None, pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
    """The W3C trace context of whoever asked; set by the door, never by a tool's argument."""
    caps: TaskCaps | None = None
    """What may be spent; set by the door, never by a tool's argument, and no part of what is asked."""
    background: bool = False
    """Whether the provider is to work on it by itself and keep the answer, so that even a dead worker loses nothing."""
    urgency: Urgency = "now"
    """`batch` lets the provider answer within 24 h, together with others, for a lower price."""

    @property
    def request(self) -> str:
        """A hash of all that decides the answer: two calls with the same one ask the same."""
        apart = _HOW | {"traceparent"} | ({"urgency"} if self.urgency == "now" else set[str]())
        dumped = self.model_dump(mode="json", exclude=apart, exclude_none=True)
        # What is empty counts as absent, so that a new option changes the hash of no call that does without it.
        asked = {name: value for name, value in dumped.items() if value != []}
        canonical = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return request_hash(canonical)

    @property
    def is_watched(self) -> bool:
        """Whether signs of life are waited for with a limit."""
        return self.first_byte_s is not None or self.idle_s is not None

    @property
    def policy(self) -> Retry:
        """How it is asked again."""
        return self.retry or Retry()

    @property
    def judging_s(self) -> float:
        """Seconds that one judge is given: judges are asked now, whatever the call can wait for."""
        return self.timeout_s if self.urgency == "now" else min(self.timeout_s, _JUDGING_S)

    @property
    def judges(self) -> tuple[Judge, ...]:
        """Those of its validators that ask a model."""
        return tuple(check for check in self.validators if isinstance(check, Judge))

    @property
    def prompt(self) -> str:
        """The text of the last user message; empty when there is none."""
        return next((turn.text for turn in reversed(self.messages) if turn.role == "user"), "")

    @property
    def names_commands(self) -> bool:
        """Whether it names commands to run: only a caller on the operator's side may."""
        stage = self.policy.tool_stage
        configs = [self.mcp_config, stage and stage.mcp_config, *(judge.mcp_config for judge in self.judges)]
        return any(configs)

    @property
    def head(self) -> str:
        """The first words of what is asked, to know the task by."""
        return head(self.original_prompt or self.prompt or self.messages[-1].text)


def request_hash(canonical: str) -> str:
    """Returns 24 hex digits (96 bits) that stand for what is asked; short, since the store has an index of them."""
    return hashlib.sha256(canonical.encode()).hexdigest()[:24]
