"""The SDK's server with one empty tool: what any MCP server on it costs at least."""

from mcp.server.mcpserver import MCPServer

server = MCPServer("bare")


@server.tool()
async def nothing() -> str:
    """Do nothing."""
    return ""


if __name__ == "__main__":
    server.run("stdio")
