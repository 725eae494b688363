# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "langchain>=1.5,<2",
#     "langchain-mcp-adapters>=0.3,<0.4",
#     "langchain-openai>=1.7,<2",
#     "langgraph>=1.2,<2",
# ]
# ///
"""A LangGraph agent that asks other models through longcall's MCP server."""

import asyncio
import os
import sys

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools

MODEL = "openai:gpt-4o-mini"
LONGCALL = {
    "transport": "stdio",
    # In another folder than longcall's checkout it is: uvx --from FROM longcall
    "command": "uv",
    "args": ["run", "--quiet", "longcall"],
    # MCP clients hand on a few variables only, and longcall needs the keys of the models that it is to ask.
    "env": dict(os.environ),
}


async def main(task):
    """Lets the agent do the task with longcall's tools, and prints its last word."""
    client = MultiServerMCPClient({"longcall": LONGCALL})
    # One session for all tool calls; without it each call would start a server of its own.
    async with client.session("longcall") as session:
        agent = create_agent(MODEL, await load_mcp_tools(session))
        done = await agent.ainvoke({"messages": [{"role": "user", "content": task}]})
    print(done["messages"][-1].text)


if len(sys.argv) != 2:
    sys.exit("Say in one argument, in quotes, what the agent is to do.")
asyncio.run(main(sys.argv[1]))
