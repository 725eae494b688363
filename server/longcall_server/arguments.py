"""Arguments that a tool does not take are refused, and every complaint is one sentence."""

from typing import Any, Generic, TypeVar

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.stdio import stdio_server
from mcp_types import CallToolResult, InputRequiredResult, Tool
from pydantic import ValidationError

from longcall.complaint import first_complaint
from longcall_server.connection import WaitingEndedError, while_connected
from longcall_server.stdin import open_stdin

State = TypeVar("State")


class StrictServer(MCPServer[State], Generic[State]):
    """An MCPServer that, where the SDK's drops an unknown argument, says so: a misspelt one may be one that matters."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[State, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Calls a tool by name; see the SDK.

        Raises:
            ToolError: also for arguments that the tool does not take.
        """
        taken = next(
            (tool.input_schema.get("properties", {}) for tool in await self.list_tools() if tool.name == name), None
        )
        if taken is not None and (unknown := [argument for argument in arguments if argument not in taken]):
            raise ToolError(f"{name} does not take {_named(unknown)}. It takes {_named(list(taken))}.")
        try:
            if context is None:
                return await super().call_tool(name, arguments)
            async with while_connected(getattr(context.request_context.request, "scope", {})):
                return await super().call_tool(name, arguments, context)
        except WaitingEndedError as error:
            raise ToolError(str(error)) from error
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(first_complaint(error.__cause__)) from error.__cause__
            if isinstance(error.__cause__, ToolError):  # the SDK sets words of its own before ours
                raise error.__cause__ from error.__cause__.__cause__
            raise

    async def list_tools(self) -> list[Tool]:
        """Lists the tools, their schemas as short as they can be: hosts pay context for every byte."""
        told: dict[str, tuple[str, Any]] = {}
        tools = await super().list_tools()
        return [tool.model_copy(update={"input_schema": _once(tool, told)}) for tool in tools]

    async def run_stdio_async(self) -> None:
        """Serves over stdin and stdout; see the SDK, which reads a stdin of its own."""
        async with stdio_server(stdin=open_stdin()) as (receiving, sending):
            await self._lowlevel_server.run(receiving, sending, self._lowlevel_server.create_initialization_options())


def shortened(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns a schema of arguments without what tells a model nothing: titles, and that null is taken too."""
    properties = {name: _plain(argument) for name, argument in schema.get("properties", {}).items()}
    return {key: value for key, value in schema.items() if key != "title"} | {"properties": properties}


def _once(tool: Tool, told: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    """Returns a tool's schema; what an earlier tool says of the same argument is not said again."""
    schema = shortened(tool.input_schema)
    for name, argument in schema["properties"].items():
        first, known = told.setdefault(name, (tool.name, argument))
        if first != tool.name and known == argument:
            schema["properties"][name] = {key: value for key, value in argument.items() if key != "description"}
    return schema


def _plain(argument: dict[str, Any]) -> dict[str, Any]:
    kept = {key: _plain(value) if key == "items" else value for key, value in argument.items() if _tells(key, value)}
    kinds = [kind for kind in kept.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return kept
    del kept["anyOf"]
    return {**_plain(kinds[0]), **kept}


def _tells(key: str, value: Any) -> bool:
    """Whether a keyword says more than what holds anyway: it may be left out, and an object may hold any key."""
    holds_anyway = [("additionalProperties", True), ("default", False), ("default", None), ("default", "")]
    return key != "title" and (key, value) not in holds_anyway


def _named(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
