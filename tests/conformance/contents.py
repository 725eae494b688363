"""What the conformance suite asks of a server beside our own tools: contents, resources, prompts, logs."""

import struct
import wave
import zlib
from base64 import b64encode
from io import BytesIO
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import (
    AudioContent,
    CallToolResult,
    Completion,
    ContentBlock,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)

Ctx = Context[Any, Any]
_STEP_S = 0.05
"""Seconds between two notifications; the suite wants them apart."""


def _png() -> bytes:
    """Returns a picture of one red pixel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">2I5B", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\0\xff\0\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


def _wav() -> bytes:
    """Returns a sound of one silent sample."""
    written = BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0")
    return written.getvalue()


PNG = _png()
IMAGE = ImageContent(type="image", data=b64encode(PNG).decode(), mime_type="image/png")
AUDIO = AudioContent(type="audio", data=b64encode(_wav()).decode(), mime_type="audio/wav")


def text(words: str) -> TextContent:
    """Returns a text block."""
    return TextContent(type="text", text=words)


def shown(*blocks: ContentBlock) -> CallToolResult:
    """Returns a tool's result that has these blocks and nothing else."""
    return CallToolResult(content=list(blocks))


def embedded(uri: str, words: str, mime_type: str = "text/plain") -> EmbeddedResource:
    """Returns a resource as a block."""
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, text=words, mime_type=mime_type))


async def _simple_text() -> CallToolResult:
    """Answers with a text."""
    return shown(text("This is a simple text response for testing."))


async def _image() -> CallToolResult:
    """Answers with a picture."""
    return shown(IMAGE)


async def _audio() -> CallToolResult:
    """Answers with a sound."""
    return shown(AUDIO)


async def _resource() -> CallToolResult:
    """Answers with a resource."""
    return shown(embedded("test://embedded-resource", "This is an embedded resource content."))


async def _several() -> CallToolResult:
    """Answers with a text, a picture and a resource."""
    resource = embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json")
    return shown(text("Multiple content types test:"), IMAGE, resource)


async def _failing() -> CallToolResult:
    """Fails."""
    raise ToolError("This tool intentionally returns an error for testing")


async def _with_progress(ctx: Ctx) -> CallToolResult:
    """Reports progress three times."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100)
        await anyio.sleep(_STEP_S)
    return shown(text("done"))


async def _with_logs(ctx: Ctx) -> CallToolResult:
    """Logs three times."""
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.log("info", words)  # pyright: ignore[reportDeprecated]  # the older era still has it
        await anyio.sleep(_STEP_S)
    return shown(text("done"))


async def _tools_change(ctx: Ctx) -> CallToolResult:
    """Tells subscribers that the tools changed."""
    await ctx.notify_tools_changed()
    return shown(text("told"))


async def _prompts_change(ctx: Ctx) -> CallToolResult:
    """Tells subscribers that the prompts changed."""
    await ctx.notify_prompts_changed()
    return shown(text("told"))


_TOOLS = {
    "test_simple_text": _simple_text,
    "test_image_content": _image,
    "test_audio_content": _audio,
    "test_embedded_resource": _resource,
    "test_multiple_content_types": _several,
    "test_error_handling": _failing,
    "test_tool_with_progress": _with_progress,
    "test_tool_with_logging": _with_logs,
    "test_logging_tool": _with_logs,
    "test_trigger_tool_change": _tools_change,
    "test_trigger_prompt_change": _prompts_change,
}


def add_contents(server: MCPServer[Any], without: str | None = None) -> None:
    """Adds the suite's tools, resources and prompts to a server, but not the tool named `without`."""
    for name, function in _TOOLS.items():
        if name != without:
            server.add_tool(function, name=name)
    _add_resources(server)
    _add_prompts(server)
    _add_handlers(server)


def _add_resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", description="A text.", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", description="A picture.", mime_type="image/png")
    def static_binary() -> bytes:
        return PNG

    @server.resource("test://template/{id}/data", description="Data by id.", mime_type="application/json")
    def template(id: str) -> dict[str, Any]:  # noqa: A002  # the suite names the variable
        return {"id": id, "templateTest": True, "data": f"Data for ID: {id}"}

    @server.resource("test://watched-resource", description="What is subscribed to.", mime_type="text/plain")
    def watched() -> str:
        return "Watched resource content"

    del static_text, static_binary, template, watched


def _add_prompts(server: MCPServer[Any]) -> None:
    @server.prompt("test_simple_prompt", description="Has no arguments.")
    def simple() -> str:
        return "This is a simple prompt for testing."

    @server.prompt("test_prompt_with_arguments", description="Has two arguments.")
    def with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt("test_prompt_with_embedded_resource", description="Embeds a resource.")
    def with_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803  # the suite names the argument
        resource = embedded(resourceUri, "Embedded resource content for testing.")
        return [UserMessage(resource), UserMessage("Please process the embedded resource above.")]

    @server.prompt("test_prompt_with_image", description="Shows a picture.")
    def with_image() -> list[UserMessage]:
        return [UserMessage(IMAGE), UserMessage("Please analyze the image above.")]

    @server.completion()
    async def complete(*_: Any) -> Completion:
        return Completion(values=["paris", "park"], total=2, has_more=False)

    del simple, with_arguments, with_resource, with_image, complete


def _add_handlers(server: MCPServer[Any]) -> None:
    """Adds what the SDK's server has no decorator for."""

    async def accept(*_: Any) -> EmptyResult:
        return EmptyResult()

    inner = server._lowlevel_server  # pyright: ignore[reportPrivateUsage]
    inner.add_request_handler("logging/setLevel", SetLevelRequestParams, accept)
    inner.add_request_handler("resources/subscribe", SubscribeRequestParams, accept)
    inner.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, accept)
