# /// script
# requires-python = ">=3.11"
# dependencies = ["pydantic-ai-slim[mcp,openai]>=2.68,<3"]
# ///
"""A Pydantic AI agent that asks other models through longcall's MCP server."""

import asyncio
import os
import sys

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset

MODEL = "openai:gpt-4o-mini"
LONGCALL = StdioTransport(
    # In another folder than longcall's checkout it is: uvx --from FROM longcall
    command="uv",
    args=["run", "--quiet", "longcall"],
    # MCP clients hand on a few variables only, and longcall needs the keys of the models that it is to ask.
    env=dict(os.environ),
)


async def main(task):
    """Lets the agent do the task with longcall's tools, and prints its last word."""
    agent = Agent(MODEL, toolsets=[MCPToolset(LONGCALL)])
    async with agent:
        done = await agent.run(task)
    print(done.output)


if len(sys.argv) != 2:
    sys.exit("Say in one argument, in quotes, what the agent is to do.")
asyncio.run(main(sys.argv[1]))
