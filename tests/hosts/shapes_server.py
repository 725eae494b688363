"""An MCP server whose tools answer in the shapes that a host may show in different ways."""

from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, TextContent

TEXT = 'the text block, line one\nline "two"'
STRUCTURED = {"status": "completed", "text": 'structured, line one\nline "two"'}


def _blocks() -> list[TextContent]:
    return [TextContent(type="text", text=TEXT)]


def text() -> CallToolResult:
    """Answer with a text block alone."""
    return CallToolResult(content=list(_blocks()))


def both() -> CallToolResult:
    """Answer with a text block and structured content, without an output schema."""
    return CallToolResult(content=list(_blocks()), structured_content=STRUCTURED)


def meta() -> CallToolResult:
    """Answer with a text block, and with the structured content as metadata."""
    return CallToolResult(content=list(_blocks()), _meta={"longcall/result": STRUCTURED})


def error() -> CallToolResult:
    """Answer with a text block and structured content, as an error."""
    return CallToolResult(content=list(_blocks()), structured_content=STRUCTURED, is_error=True)


if __name__ == "__main__":
    server = MCPServer("shapes", version="1")
    for tool in (text, both, meta, error):
        server.add_tool(tool)
    server.run("stdio")
