"""From what a caller gave at any door to a Call."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from longcall.call import Call
from longcall.complaint import first_complaint
from longcall.errors import CallError
from longcall.message import Message
from longcall.retry import Retry, plain_retry
from longcall.routing import BATCHING, Route, may_batch, route
from longcall.validators import fault_of, parse_validators


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
            raise CallError(f"In `response_schema`, {fault_of(error)}") from None
    return {**given, "validators": validators}


def demand_served(call: Call) -> None:
    """Sees that whoever is to be asked can be asked.

    Raises:
        CallError: a model is not served, or not in this way; the sentence says which.
    """
    chooser = (call.combine.model,) if call.combine and call.combine.model else ()
    _demand_names(call)
    for model in (*(model for judge in call.judges for model in judge.models), *call.policy.escalate, *chooser):
        if route(model) in (Route.GIVEN, Route.CHECK, Route.COMBINE):
            raise CallError(f"{model!r} is no model that can be asked; name one as provider/model.")
    _demand_fallbacks(call)
    for judge in call.judges:
        if judge.servers or judge.mcp_config:
            _demand_tools(judge.models or (call.model,), (Route.CLAUDE,), " as a judge; models named max/… can")
    stage = call.policy.tool_stage
    uses_tools = call.servers or call.mcp_config or (stage and (stage.servers or stage.mcp_config))
    if call.urgency == "batch":
        _demand_batch(call, uses_tools=bool(uses_tools))
    if uses_tools:
        served = (Route.CLAUDE, Route.LITELLM)
        _demand_tools((call.model, *call.policy.escalate), served, "; models named max/… and those of LiteLLM can")


def _demand_names(call: Call) -> None:
    for model in models_of(call):
        if "://" in model:
            raise CallError(
                f"{model!r} has an address in it, and where models are asked is the operator's to say: set it in"
                " [providers] of longcall.toml."
            )


def models_of(call: Call) -> tuple[str, ...]:
    """Returns every model that a call names."""
    judges = (model for judge in call.judges for model in judge.models)
    chooser = (call.combine.model,) if call.combine is not None and call.combine.model else ()
    return (call.model, *call.fallbacks, *call.policy.escalate, *judges, *chooser)


def _demand_fallbacks(call: Call) -> None:
    stage = call.policy.tool_stage
    uses_tools = bool(call.servers or call.mcp_config or (stage and (stage.servers or stage.mcp_config)))
    for model in call.fallbacks:
        if route(model) in (Route.GIVEN, Route.CHECK, Route.COMBINE):
            raise CallError(f"{model!r} in `fallbacks` is no model that can be asked; name one as provider/model.")
        if uses_tools and route(model) is not route(call.model):
            raise CallError(
                f"{model!r} cannot stand in for {call.model!r} where tools are used: models named max/… use them"
                " in another way. Name a fallback of the same kind, or none."
            )


def _demand_batch(call: Call, *, uses_tools: bool) -> None:
    if uses_tools or call.background:
        raise CallError("A call with `urgency` batch takes neither `servers` nor `background`; leave one of them out.")
    if call.first_byte_s or call.idle_s:
        raise CallError(
            "A call with `urgency` batch can wait, and takes neither `first_byte_s` nor `idle_s`; leave them out."
        )
    for model in (call.model, *call.policy.escalate, *call.fallbacks):
        if not may_batch(model):
            raise CallError(
                f"{model!r} cannot be asked with `urgency` batch: only models of {' and '.join(BATCHING)} can. Leave"
                " `urgency` out, or name another model."
            )


def _demand_tools(models: Sequence[str], served: Sequence[Route], who_can: str) -> None:
    for model in models:
        if route(model) not in served:
            raise CallError(f"{model!r} cannot be handed tools{who_can}. Name one of those, or leave `servers` out.")


def _demand_asked(call: Call) -> None:
    """Sees that there is a model to ask, or a text to validate and somebody to judge it.

    Raises:
        CallError: there is not.
    """
    if route(call.model) is Route.CHECK:
        raise CallError("validate_code is a tool of its own, and no model: call it by its name.")
    if route(call.model) is Route.COMBINE:
        raise CallError(f"{call.model!r} is no model: say `combine` with several prompts or models.")
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
        raise CallError('`messages` must be a list of chat turns, as in [{"role": "user", "content": "…"}].')
    turns = [_turn(message, at) for at, message in enumerate(messages or ())]
    if prompt is not None:
        turns = [Message(role="user", content=prompt)]
    if not any(turn.content.strip() if isinstance(turn.content, str) else turn.content for turn in turns):
        raise CallError("There is nothing to ask: give a text in `prompt`, or in `messages`.")
    if turns[-1].role in ("system", "developer"):
        raise CallError("There is nothing to answer: end `messages` with a user's or an assistant's turn.")
    if system:
        turns.insert(0, Message(role="system", content=system))
    return tuple(turns)


def _turn(message: Message | dict[str, Any], at: int) -> Message:
    try:
        return Message.model_validate(message)
    except ValidationError as error:
        raise CallError(first_complaint(error, within=f"messages.{at}")) from None
