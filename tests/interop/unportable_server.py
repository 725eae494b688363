"""An MCP server with a tool whose schema some hosts cannot take: for checks that must notice it."""

from typing import Any

import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp_types import ListToolsResult, Tool

ANYTHING = {"type": "object", "properties": {"anything": True}}


async def _list_tools(*_: Any) -> ListToolsResult:
    return ListToolsResult(tools=[Tool(name="take", description="Take anything.", input_schema=ANYTHING)])


async def _serve() -> None:
    server = Server("unportable", on_list_tools=_list_tools)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(_serve)
