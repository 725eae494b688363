"""What is asked of a model: Call and Message, and how a caller's arguments become them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from pydantic import BaseModel, Field, ValidationError, field_validator

from longcall.errors import CallError
from longcall.retry import Retry, plain_retry
from longcall.routing import Route, route
from longcall.settings import TaskCaps
from longcall.text import clean, head
from longcall.validators import Validator, parse_validators
from longcall.validators.judge import Judge

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


OutputPart = Literal["text", "code", "json"]


class OutputFile(BaseModel, frozen=True, extra="forbid"):
    """Where the answer is written to once it is there."""

    path: str
    part: OutputPart = "text"
    """All of it, its first code block, or its JSON."""
    overwrite: bool = False


_HOW = {
    "timeout_s", "first_byte_s", "idle_s", "fallbacks", "long_running", "poll_s", "on_interrupt", "background", "caps",
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
    validators: tuple[Validator, ...] = Field(default=(), max_length=50)
    """What a good answer is; see `longcall.validators`."""
    check: str | None = None
    """What validate_code is asked, as JSON whose nulls count; then no model is asked, but judges."""
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

    @property
    def request(self) -> str:
        """A hash of all that decides the answer: two calls with the same one ask the same."""
        dumped = self.model_dump(mode="json", exclude=_HOW | {"traceparent"}, exclude_none=True)
        # What is empty counts as absent, so that a new option changes the hash of no call that does without it.
        asked = {name: value for name, value in dumped.items() if value != []}
        canonical = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return request_hash(canonical)

    @property
    def policy(self) -> Retry:
        """How it is asked again."""
        return self.retry or Retry()

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
    given = _output({name: value for name, value in options.items() if value is not None})
    try:
        call = Call(model=model.strip(), messages=_turns(prompt, messages, system), **_checks(given))
    except ValidationError as error:
        raise CallError(first_complaint(error)) from None
    _demand_asked(call)
    demand_served(call)
    return call


def _output(options: dict[str, Any]) -> dict[str, Any]:
    """Returns the options with `output_file`, `output_part` and `overwrite`, a caller's words, as Call takes them."""
    words = {"output_file": "path", "output_part": "part", "overwrite": "overwrite"}
    said = {words[name]: value for name, value in options.items() if name in words}
    rest = {name: value for name, value in options.items() if name not in words}
    if "path" in said:
        return {**rest, "output": said}
    if said.get("overwrite") or said.get("part"):
        raise CallError("`overwrite` and `output_part` go with `output_file`, which names the file to write.")
    return rest


def _checks(options: dict[str, Any]) -> dict[str, Any]:
    """Returns the options with `validate` and `retry`, a caller's words, as Call takes them.

    Raises:
        CallError: a validator that is none, or cannot be built; the sentence says why.
    """
    given = dict(options)
    if (retry := given.get("retry")) is not None and not isinstance(retry, Retry):
        if not isinstance(retry, Mapping):
            raise CallError('`retry` must be an object, for example {"max_attempts": 3}.')
        given["retry"] = plain_retry(cast("Mapping[str, Any]", retry))
    try:
        validators = parse_validators(given.pop("validate", None) or ())
    except ValueError as error:
        raise CallError(f"`validate` cannot be used: {error}") from None
    if given.get("response_schema") is not None and not any(check.type == "json_schema" for check in validators):
        try:
            validators = (*validators, *parse_validators([{"type": "json_schema", "schema": given["response_schema"]}]))
        except ValueError as error:
            raise CallError(f"`response_schema` cannot be used: {error}") from None
    return {**given, "validators": validators}


def demand_served(call: Call) -> None:
    """Sees that whoever is to be asked can be asked.

    Raises:
        CallError: a model is not served, or not in this way; the sentence says which.
    """
    for model in (*(model for judge in call.judges for model in judge.models), *call.policy.escalate):
        if route(model) in (Route.GIVEN, Route.CHECK):
            raise CallError(f"{model!r} is no model that can be asked.")
    _demand_fallbacks(call)
    for judge in call.judges:
        if judge.servers or judge.mcp_config:
            _demand_tools(judge.models or (call.model,), (Route.CLAUDE,), "as a judge; models named max/… can")
    stage = call.policy.tool_stage
    if call.servers or call.mcp_config or (stage and (stage.servers or stage.mcp_config)):
        served = (Route.CLAUDE, Route.LITELLM)
        _demand_tools((call.model, *call.policy.escalate), served, "; models named max/… and those of LiteLLM can")


def _demand_fallbacks(call: Call) -> None:
    uses_tools = bool(call.servers or call.mcp_config)
    for model in call.fallbacks:
        if route(model) in (Route.GIVEN, Route.CHECK):
            raise CallError(f"{model!r} is no model that can be asked, and so no fallback.")
        if uses_tools and route(model) is not route(call.model):
            raise CallError(
                f"{model!r} cannot stand in for {call.model!r} where tools are used: models named max/… use them"
                " in another way. Name a fallback of the same kind, or none."
            )


def _demand_tools(models: Sequence[str], served: Sequence[Route], who_can: str) -> None:
    for model in models:
        if route(model) not in served:
            raise CallError(f"{model!r} cannot be handed tools {who_can}.".replace(" ;", ";"))


def _demand_asked(call: Call) -> None:
    """Sees that there is a model to ask, or a text to validate and somebody to judge it.

    Raises:
        CallError: there is not.
    """
    if route(call.model) is Route.CHECK:
        raise CallError("validate_code is a tool of its own, and no model: call it by its name.")
    if route(call.model) is not Route.GIVEN:
        return
    if not call.validators:
        raise CallError(f"{call.model!r} asks no model but validates the text that is given: say in `validate` how.")
    if not all(judge.models for judge in call.judges):
        raise CallError(f"{call.model!r} is no judge: name the `models` that are to judge the text.")


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
    if not any(turn.content.strip() if isinstance(turn.content, str) else turn.content for turn in turns):
        raise CallError("There is nothing to ask: `prompt` (or the text of `messages`) is empty.")
    if turns[-1].role in ("system", "developer"):
        raise CallError("There is nothing to answer: `messages` must end with a user or an assistant turn.")
    if system:
        turns.insert(0, Message(role="system", content=system))
    return tuple(turns)


def first_complaint(error: ValidationError) -> str:
    """Returns what is wrong with the first value that is, as one sentence."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the call"
    return f"`{where}` cannot be used: {first['msg'].removeprefix('Value error, ')}."
