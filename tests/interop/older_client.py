# /// script
# requires-python = ">=3.11"
# dependencies = ["mcp>=1.26,<2"]
# ///
"""The official Python client of the 1.x line against a server, in an environment of its own.

Reads where the server is from stdin as JSON, `{url}` or `{command, args, env}`, and writes what it saw to stdout as
JSON.
"""

import json
import sys
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version

import anyio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

PATIENCE = timedelta(seconds=60)


@asynccontextmanager
async def attached(where):
    """Attaches a session to the server."""
    reached = streamable_http_client(where["url"]) if "url" in where else stdio_client(StdioServerParameters(**where))
    async with reached as (read, write, *_), ClientSession(read, write, PATIENCE) as session:
        yield session


async def look(session):
    """Returns what the server shows to whoever attaches, calls a model, and follows a task."""
    hello = await session.initialize()
    heard = []

    async def hear(progress, total, message):
        heard.append(message)

    async def call(tool, **arguments):
        return await session.call_tool(tool, arguments, progress_callback=hear)

    answered = await call("llm_call", prompt="Grüße\naus 1.x", model="demo/echo", fresh=True)
    await call("llm_call", prompt="slow", model="demo/slow-2.5", fresh=True)
    started = await call("start_task", prompt="a story", model="demo/slow-0.5", fresh=True)
    polled = await call("poll_task", task_id=started.structuredContent["task_id"], wait_s=45)
    refused = await call("llm_call", prompt=" ", model="demo/echo")
    return {
        "client": version("mcp"),
        "protocol": hello.protocolVersion,
        "server": hello.serverInfo.name,
        "tasks": hello.capabilities.model_dump().get("tasks"),
        "tools": [tool.name for tool in (await session.list_tools()).tools],
        "answered": answered.structuredContent,
        "progress": heard,
        "started": started.structuredContent,
        "polled": polled.structuredContent,
        "refused": [refused.isError, refused.content[0].text],
    }


async def main():
    """Does it all."""
    async with attached(json.load(sys.stdin)) as session:
        sys.stdout.write(json.dumps(await look(session)))


anyio.run(main)
