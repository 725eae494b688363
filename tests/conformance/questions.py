"""Tools and a prompt that ask back: the suite's fixtures for sampling, elicitation and results that need input."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from conformance.contents import shown, text
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
)
from pydantic import Field

Ctx = Context[Any, Any]
Answer = CallToolResult | InputRequiredResult
_OPTIONS = ["option1", "option2", "option3"]
_TITLED = [{"const": "value1", "title": "First"}, {"const": "value2", "title": "Second"}]


def form(message: str, required: bool = True, **properties: Mapping[str, Any]) -> ElicitRequest:
    """Returns a request that the host's user fill in a form with these properties."""
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(properties)
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sampling(prompt: str) -> CreateMessageRequest:
    """Returns a request that the host's model answer a prompt."""
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[_turn(prompt)], max_tokens=100))


def _turn(prompt: str) -> SamplingMessage:
    return SamplingMessage(role="user", content=text(prompt))


NAME = form("What is your name?", name={"type": "string"})
CAPITAL = sampling("What is the capital of France?")


def asking(state: str | None = None, **questions: InputRequest) -> InputRequiredResult:
    """Returns a result that asks these questions."""
    return InputRequiredResult(input_requests=questions, request_state=state)


def given(ctx: Ctx, question: str, field: str) -> Any:
    """Returns what the host's user put into a field of a form; None when there is no such answer."""
    answer = (ctx.input_responses or {}).get(question)
    if not isinstance(answer, ElicitResult) or answer.action != "accept":
        return None
    return (answer.content or {}).get(field)


async def _older_sampling(prompt: str, ctx: Ctx) -> CallToolResult:
    """Has the host's model answer, in the era in which servers send requests."""
    said = await ctx.session.create_message(  # pyright: ignore[reportDeprecated]
        [_turn(prompt)], max_tokens=100, related_request_id=ctx.request_id
    )
    return shown(text(f"LLM response: {said.content}"))


async def _older_form(ctx: Ctx, message: str, properties: dict[str, Any], required: list[str]) -> CallToolResult:
    schema = {"type": "object", "properties": properties, "required": required}
    answer = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)
    return shown(text(f"Elicitation completed: action={answer.action}, content={answer.content}"))


async def _older_elicitation(message: str, ctx: Ctx) -> CallToolResult:
    """Asks the host's user, in the era in which servers send requests."""
    return await _older_form(
        ctx, message, {"username": {"type": "string"}, "email": {"type": "string"}}, ["username", "email"]
    )


async def _defaults(ctx: Ctx) -> CallToolResult:
    """Asks with a default for each kind of value."""
    properties = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    return await _older_form(ctx, "Please review", properties, [])


async def _choices(ctx: Ctx) -> CallToolResult:
    """Asks for choices of each kind."""
    properties = {
        "untitledSingle": {"type": "string", "enum": _OPTIONS},
        "titledSingle": {"type": "string", "oneOf": _TITLED},
        "legacyEnum": {"type": "string", "enum": _OPTIONS, "enumNames": ["One", "Two", "Three"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": _OPTIONS}},
        "titledMulti": {"type": "array", "items": {"anyOf": _TITLED}},
    }
    return await _older_form(ctx, "Please choose", properties, [])


async def _name(ctx: Ctx) -> Answer:
    """Asks for a name until there is one."""
    name = given(ctx, "user_name", "name")
    return asking(user_name=NAME) if name is None else shown(text(f"Hello, {name}!"))


async def _capital(ctx: Ctx) -> Answer:
    """Has the host's model answer."""
    answer = (ctx.input_responses or {}).get("capital_question")
    return asking(capital_question=CAPITAL) if answer is None else shown(text(str(answer)))


async def _roots(ctx: Ctx) -> Answer:
    """Asks for the host's roots."""
    answer = (ctx.input_responses or {}).get("client_roots")
    return asking(client_roots=ListRootsRequest()) if answer is None else shown(text(str(answer)))


async def _stateful(ctx: Ctx) -> Answer:
    """Asks with a state that must come back as it was."""
    if given(ctx, "confirm", "ok") is None or ctx.request_state != "asked":
        return asking("asked", confirm=form("Please confirm", ok={"type": "boolean"}))
    return shown(text("state-ok"))


async def _three(ctx: Ctx) -> Answer:
    """Asks three questions at once."""
    questions = {"user_name": NAME, "greeting": sampling("Generate a greeting"), "client_roots": ListRootsRequest()}
    if set(questions) - set(ctx.input_responses or {}):
        return asking("asked", **questions)
    return shown(text("answered"))


async def _rounds(ctx: Ctx) -> Answer:
    """Asks one question after the other; the state carries the first answer."""
    if (name := given(ctx, "step1", "name")) is not None:
        return asking(f"named {name}", step2=form("What is your favorite color?", color={"type": "string"}))
    if (color := given(ctx, "step2", "color")) is not None:
        return shown(text(f"{ctx.request_state} likes {color}"))
    return asking("begun", step1=NAME)


async def _allowed(ctx: Ctx) -> Answer:
    """Asks only what the host can be asked."""
    able = ctx.client_capabilities
    can_fill_in = able is not None and able.elicitation is not None
    return asking(user_name=NAME) if can_fill_in else asking(capital_question=CAPITAL)


async def _needs_sampling(ctx: Ctx) -> CallToolResult:
    """Cannot work for a host without sampling."""
    able = ctx.client_capabilities
    if able is None or able.sampling is None:
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY, "This tool needs sampling.", {"requiredCapabilities": {"sampling": {}}}
        )
    return shown(text("served"))


async def _by_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> CallToolResult:
    """Takes an argument that HTTP carries in a header too."""
    return shown(text(region))


async def _for_prompt(ctx: Ctx) -> str | InputRequiredResult:
    """Asks for the context of a prompt."""
    context = given(ctx, "user_context", "context")
    question = form("What context should the prompt use?", context={"type": "string"})
    return asking(user_context=question) if context is None else f"Use this context: {context}"


_TOOLS: dict[str, Callable[..., Awaitable[Answer]]] = {
    "test_sampling": _older_sampling,
    "test_elicitation": _older_elicitation,
    "test_elicitation_sep1034_defaults": _defaults,
    "test_elicitation_sep1330_enums": _choices,
    "test_input_required_result_elicitation": _name,
    "test_streaming_elicitation": _name,
    "test_input_required_result_sampling": _capital,
    "test_input_required_result_list_roots": _roots,
    "test_input_required_result_request_state": _stateful,
    "test_input_required_result_tampered_state": _stateful,
    "test_input_required_result_multiple_inputs": _three,
    "test_input_required_result_multi_round": _rounds,
    "test_input_required_result_capabilities": _allowed,
    "test_missing_capability": _needs_sampling,
    "test_custom_header": _by_header,
}


def add_questions(server: MCPServer[Any]) -> None:
    """Adds the suite's tools and prompt that ask back."""
    for name, function in _TOOLS.items():
        server.add_tool(function, name=name)
    server.prompt("test_input_required_result_prompt", description="Asks for its context.")(_for_prompt)
