"""What a request to /v1/chat/completions asks, as one of longcall's calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, Field, ValidationError

from longcall.complaint import first_complaint
from longcall.predecessor import json_only
from longcall.question import Question
from longcall_server.proxy.problems import ProblemError

HOLD_S = 10.0
VIA = "longcall"
"""What a longcall that passes a call on writes into the header Via."""
_UNCHANGED = object()
_HARMLESS: Mapping[str, object | tuple[object, ...]] = {
    "frequency_penalty": (0,),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "metadata": _UNCHANGED,
    "modalities": (["text"],),
    "n": (1,),
    "parallel_tool_calls": _UNCHANGED,
    "presence_penalty": (0,),
    "prompt_cache_key": _UNCHANGED,
    "prompt_cache_retention": _UNCHANGED,
    "safety_identifier": _UNCHANGED,
    "service_tier": _UNCHANGED,
    "stop": ([], ""),
    "store": _UNCHANGED,
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
    "top_p": (1,),
    "user": _UNCHANGED,
    "verbosity": ("medium",),
}
"""What is not done here, with the values that ask for nothing; _UNCHANGED where none changes the answer."""
_JSON_CHECKS = ("json", "json_schema", "schema", "json_string")


class _Body(BaseModel, extra="allow"):
    model: str | None = None
    messages: list[dict[str, Any]] | None = None
    question: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    reasoning_effort: str | None = None
    response_format: dict[str, Any] | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    checks: list[str | dict[str, Any]] | str | dict[str, Any] | None = Field(default=None, alias="validate")
    retry: dict[str, Any] | None = None
    servers: list[str] | None = None
    mcp_config: list[str] | dict[str, Any] | None = None
    polling_mode: bool | None = None
    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    timeout_s: float | None = None
    on_interrupt: str | None = None
    background: bool | None = None
    fresh: bool | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for."""

    prompt: str | None
    question: Question
    stream: bool = False
    include_usage: bool = False
    """Whether the stream ends with the tokens that were counted."""
    polling: bool = False
    """Whether the answer is the task's id, at once."""
    wait_s: float | None = None
    """Seconds to wait; None waits for as long as it takes."""
    fresh: bool = False
    hold_s: float = HOLD_S
    """Seconds for which a stream's status is held back, so that a task that fails soon can still say so by it."""
    json_alone: bool = False
    """Whether the content of the answer is to be JSON without anything around it."""


def read_asked(body: Any, *, passed_on: bool = False) -> Asked:
    """Returns what the body of a request asks; `passed_on` when it comes from another longcall.

    Raises:
        ProblemError: it cannot be asked so; the error names the parameter.
    """
    try:
        given = _Body.model_validate(body)
    except ValidationError as error:
        param = next((str(part) for part in error.errors()[0]["loc"]), None)
        raise ProblemError(400, first_complaint(error, whole="The body of the request"), param=param) from None
    _refuse_unknown(given.model_extra or {})
    messages = [_tidied(message) for message in given.messages or ()] or None
    checks, schema, system = _format(given, messages or [])
    question: dict[str, Any] = {
        "messages": messages,
        "model": given.model,
        "system": system,
        "max_tokens": given.max_completion_tokens or given.max_tokens,
        "validate": checks,
        "response_schema": schema,
        "servers": _servers(given),
        **{name: getattr(given, name) for name in ("temperature", "reasoning_effort", "retry")},
        **{name: getattr(given, name) for name in ("timeout_s", "on_interrupt", "background")},
    }
    return Asked(
        prompt=given.question,
        question=cast("Question", question),
        stream=bool(given.stream),
        include_usage=bool((given.stream_options or {}).get("include_usage")),
        polling=bool(given.polling_mode),
        wait_s=given.timeout,
        fresh=bool(given.fresh),
        hold_s=0 if passed_on else HOLD_S,  # it wants to know the task at once, and reads the status from the stream
        json_alone=given.response_format is not None and given.response_format.get("type") != "text",
    )


def _refuse_unknown(extra: Mapping[str, Any]) -> None:
    for name, value in extra.items():
        harmless = _HARMLESS.get(name)
        if value is None or harmless is _UNCHANGED or (isinstance(harmless, tuple) and value in harmless):
            continue
        cannot = "has a value that cannot be honoured here" if harmless is not None else "is not known here"
        raise ProblemError(
            400,
            f"`{name}` {cannot}, and ignoring it could change the answer. Leave it out.",
            param=name,
            code="unsupported_parameter",
        )


def _tidied(message: dict[str, Any]) -> dict[str, Any]:
    """Returns a message without what says nothing: clients send back the ones that they were sent."""
    kept = {name: value for name, value in message.items() if name == "content" or value not in (None, [], {})}
    if kept.get("role") in ("tool", "function") or "tool_calls" in kept:
        raise ProblemError(
            400,
            "Tools of the caller's own cannot be used here; leave out turns with `tool_calls` or of the role tool.",
            param="messages",
        )
    return kept


def _format(given: _Body, messages: list[dict[str, Any]]) -> tuple[list[Any] | None, dict[str, Any] | None, str | None]:
    """Returns the checks, the schema and the system text that the answer's format asks for."""
    checks = [given.checks] if isinstance(given.checks, str | dict) else list(given.checks or ())
    match given.response_format:
        case None | {"type": "text"}:
            return checks or None, None, None
        case {"type": "json_object"}:
            named = [check if isinstance(check, str) else check.get("type") for check in checks]
            wanted = [] if any(name in _JSON_CHECKS for name in named) else ["json"]
            return [*checks, *wanted], None, json_only(messages)
        case {"type": "json_schema", "json_schema": {"schema": schema}} if isinstance(schema, dict):
            return checks or None, cast("dict[str, Any]", schema), None
        case _:
            raise ProblemError(
                400,
                "`response_format` must be of type text, json_object, or json_schema with a `json_schema.schema`.",
                param="response_format",
            )


def _servers(given: _Body) -> list[str] | None:
    """Returns the names of the operator's MCP servers that a request wants."""
    match given.mcp_config:
        case None:
            return given.servers
        case list(names):
            return [*(given.servers or ()), *names]
        case {"mcpServers": found, **rest} if not rest and isinstance(found, dict):
            named = cast("dict[str, Any]", found)
            described = [name for name, value in named.items() if value not in (None, True, {})]
            if not described:
                return [*(given.servers or ()), *named]
            told = f"it says more of {', '.join(map(repr, described))}"
        case _:
            told = "it has another form"
    raise ProblemError(
        400,
        'Name servers of the operator\'s in `mcp_config`, as ["name"] or {"mcpServers": {"name": {}}}: a request may'
        f" not say what is run, and {told}.",
        param="mcp_config",
    )
