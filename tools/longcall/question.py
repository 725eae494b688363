"""What may be said of a call besides its prompt, at every door."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from longcall.call import OnInterrupt, OutputPart, ReasoningEffort, Urgency
from longcall.message import Message


class Question(TypedDict, total=False):
    """What may be said of a call besides its prompt; see `longcall.call.Call`."""

    messages: Sequence[Message] | Sequence[dict[str, Any]] | None
    model: str | None
    system: str | None
    temperature: float | None
    max_tokens: int | None
    reasoning_effort: ReasoningEffort | None
    timeout_s: float | None
    fallbacks: Sequence[str] | None
    """Models that are asked instead when a provider turns the request away; empty for none."""
    max_cost_usd: float | None
    """US dollars that the task may cost at most, all its requests together; lowers `caps.call_usd`, never raises it."""
    on_interrupt: OnInterrupt | None
    background: bool | None
    urgency: Urgency | None
    response_schema: dict[str, Any] | None
    validate: Sequence[str | Mapping[str, Any]] | str | Mapping[str, Any] | None
    """What a good answer is; see `longcall.validators`."""
    original_prompt: str | None
    retry: Mapping[str, Any] | None
    """What to do when the answer is not; see `longcall.retry.Retry`."""
    files: Sequence[str] | None
    """Paths, folders and patterns of files that the model is shown; see `longcall.files`."""
    output_file: str | None
    """Where the answer is to be written."""
    output_part: OutputPart | None
    overwrite: bool | None
    tools: Sequence[str] | None
    max_turns: int | None
    servers: Sequence[str] | None
    mcp_config: dict[str, Any] | None
    conversation: str | None
    """Name or id of the conversation to go on with; a new name begins one."""


def without(question: Question, *names: str) -> Question:
    """Returns the question without some of its parts."""
    return {name: value for name, value in question.items() if name not in names}  # pyright: ignore[reportReturnType]
