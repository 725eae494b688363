"""How a model is asked again when its answer fails the checks, as the caller wants it."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator


class Budget(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """Limits over everything a task asks, judges included. What is None is not limited.

    No request leaves once a limit is reached, so what is spent passes it by one request at most.
    """

    tokens: int | None = Field(default=None, ge=1)
    """Tokens in and out, as the providers count them; what nobody counted is estimated from the texts."""
    usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """A request whose price nobody knows is the last one under this limit."""
    seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """From the task's creation, or its last guidance; the request in flight is not cut off (`timeout_s` does that)."""


class ToolStage(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """Tools that the model is handed once it has failed without them."""

    after: int = Field(ge=1)
    """Answers without them; the next one is asked with them."""
    name: str | None = None
    """The tool that the feedback tells the model to use."""
    servers: tuple[str, ...] = ()
    """Names of the operator's MCP servers."""
    mcp_config: dict[str, Any] | None = None
    """MCP servers of the caller's own; for callers in Python alone, since it names commands."""


class Retry(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """When to ask again, whom, with what, and what to do when there is no good answer in the end.

    Only answers that failed their checks count here. A request that the provider turned away is repeated apart from
    that (`LONGCALL_ATTEMPTS`), and one that may have been billed is not, unless `resend_broken` says so.
    """

    max_attempts: int = Field(default=3, ge=1, le=20)
    """Answers at most, the first included."""
    budget: Budget = Budget()
    """What all of it may cost."""
    context: Literal["fresh_with_last", "conversation"] = "fresh_with_last"
    """What the model sees of its failed answers: the last one, or all of them."""
    escalate: tuple[str, ...] = Field(default=(), max_length=10)
    """Models to go on with, in order: each at least once at the end, and sooner where a model makes no progress."""
    on_exhausted: Literal["error", "return_best", "return_last"] = "error"
    """`error` fails the task, whose text is the best answer; the others complete it with a warning."""
    stop_without_progress: bool = True
    """Whether the same answer, or the same faults, twice in a row end it (or lead to the next model)."""
    tool_stage: ToolStage | None = None
    """Tools for the later answers."""
    max_attempts_before_human: int | None = Field(default=None, ge=1)
    """Failed answers after which a person, or the calling agent, has to decide: status `needs_review`."""
    first_delay_s: float = Field(default=0, ge=0, le=3600)
    """Seconds before the second answer is asked for."""
    delay_factor: float = Field(default=2, ge=1, le=10)
    """By how much each further pause is longer than the one before."""
    longest_delay_s: float = Field(default=60, ge=0, le=3600)
    """Seconds that no pause exceeds."""
    resend_broken: bool = False
    """Whether a request whose answer broke off may be sent again, and paid again."""

    @field_validator("max_attempts_before_human", mode="before")
    @classmethod
    def _zero_is_never(cls, value: Any) -> Any:
        return value or None

    def delay(self, failed: int) -> float:
        """Returns the seconds to wait after so many failed answers."""
        return min(self.longest_delay_s, self.first_delay_s * self.delay_factor ** (failed - 1))


_DELAYS = {"initial_delay": "first_delay_s", "backoff_factor": "delay_factor", "max_delay": "longest_delay_s"}
_STAGE = {
    "max_attempts_before_tool_use": "after",
    "debug_tool_name": "name",
    "debug_tool_servers": "servers",
    "debug_tool_mcp_config": "mcp_config",
}


def plain_retry(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what Retry takes, from a caller's dict that may use the predecessor's flat names too.

    With a threshold for tools or for a person it is the threshold that ends a stage, not a lack of progress, unless the
    caller says otherwise.
    """
    taken = {_DELAYS.get(name, name): value for name, value in raw.items() if name not in _STAGE}
    stage = {_STAGE[name]: value for name, value in raw.items() if name in _STAGE and value}
    if "after" in stage and len(stage) > 1:
        taken["tool_stage"] = stage
    if taken.get("tool_stage") or taken.get("max_attempts_before_human"):
        taken.setdefault("stop_without_progress", False)
    return taken
