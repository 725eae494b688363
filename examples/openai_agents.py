# /// script
# requires-python = ">=3.11"
# dependencies = ["openai-agents>=0.24,<0.25"]
# ///
"""An agent of the OpenAI Agents SDK that asks other models through longcall's MCP server."""

import asyncio
import os
import sys

from agents import Agent, Runner
from agents.mcp import MCPServerStdio

MODEL = "gpt-4o-mini"
LONGCALL = {
    # In another folder than longcall's checkout it is: uvx --from FROM longcall
    "command": "uv",
    "args": ["run", "--quiet", "longcall"],
    # MCP clients hand on a few variables only, and longcall needs the keys of the models that it is to ask.
    "env": dict(os.environ),
}
PATIENCE_S = 60
"""The SDK gives up on a tool after 5 s. longcall waits up to 45 s for an answer, and then tells a task id to poll."""


async def main(task):
    """Lets the agent do the task with longcall's tools, and prints its last word."""
    async with MCPServerStdio(LONGCALL, client_session_timeout_seconds=PATIENCE_S) as longcall:
        agent = Agent(name="Assistant", model=MODEL, mcp_servers=[longcall])
        done = await Runner.run(agent, task)
    print(done.final_output)


if len(sys.argv) != 2:
    sys.exit("Say in one argument, in quotes, what the agent is to do.")
asyncio.run(main(sys.argv[1]))
