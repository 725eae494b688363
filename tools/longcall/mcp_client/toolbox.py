"""The tools of some servers as a model is given them: named, filtered, guarded, their results in text."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from longcall.errors import CallError
from longcall.files.roots import Roots
from longcall.mcp_client import filesystem
from longcall.mcp_client.warm import ServerError, ServerGoneError, WarmServer
from longcall.text import clean

RESULT_CHARS = 60_000
"""Longest result of a tool, about 15,000 tokens; the model sees it again with every further turn."""
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_CHARS = 64


@dataclass(frozen=True, slots=True)
class Offer:
    """A server whose tools a model may use."""

    server: WarmServer
    may_write: bool
    guard: Roots | None = None
    """Where it is a filesystem server: the folders of the task, below which secrets are refused by name."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as a model sees it."""

    name: str
    description: str
    schema: dict[str, Any]
    offer: Offer
    real_name: str
    """As its server knows it."""
    reads: bool
    """Whether it changes nothing, so that it may be called again."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool said."""

    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of one call."""

    tools: tuple[Tool, ...]

    def schemas(self) -> list[dict[str, Any]]:
        """Returns the tools in the OpenAI chat form."""
        return [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
            }
            for tool in self.tools
        ]

    def reads(self, name: str) -> bool:
        """Whether a tool changes nothing; one that there is not changes nothing either."""
        return all(tool.reads for tool in self.tools if tool.name == name)

    async def call(self, name: str, arguments: str) -> ToolResult:
        """Calls a tool for a model; whatever goes wrong is told to the model in the result."""
        tool = next((tool for tool in self.tools if tool.name == name), None)
        if tool is None:
            there = ", ".join(tool.name for tool in self.tools)
            return ToolResult(f"There is no tool {name!r}. There are: {there}.", is_error=True)
        try:
            given: Any = json.loads(arguments or "{}")
        except ValueError as error:
            return ToolResult(f"The arguments are no valid JSON: {error}.", is_error=True)
        if not isinstance(given, dict):
            return ToolResult("The arguments must be a JSON object.", is_error=True)
        asked = cast("dict[str, Any]", given)
        if tool.offer.guard is not None and (refused := filesystem.refusal(asked, tool.offer.guard)):
            return ToolResult(refused, is_error=True)
        return await _called(tool, asked)


async def _called(tool: Tool, asked: dict[str, Any]) -> ToolResult:
    try:
        result = await tool.offer.server.call(tool.real_name, asked, again=tool.reads)
    except ServerGoneError as error:
        told = "" if tool.reads else " It may have been done or not: look before you do it again."
        return ToolResult(f"{error}{told}", is_error=True)
    except ServerError as error:
        return ToolResult(str(error), is_error=True)
    texts = [getattr(block, "text", None) or f"[{block.type}, not shown]" for block in result.content]
    return ToolResult(_cut(clean("\n".join(texts))), is_error=bool(result.is_error))


def _cut(text: str) -> str:
    if len(text) <= RESULT_CHARS:
        return text
    return f"{text[:RESULT_CHARS]}\n[cut: {len(text) - RESULT_CHARS} more characters; ask for a smaller part]"


async def boxed(offers: Sequence[Offer], allowed: Sequence[str]) -> Toolbox:
    """Returns the tools of servers that a model may use: those that read, and others where the operator allows them.

    Raises:
        CallError: none is left, or one that was named is not among them.
        ServerError: a server does not start.
    """
    tools = [tool for offer in offers for tool in await _tools(offer)]
    known = {spelling for tool in tools for spelling in _spellings(tool)}
    if missing := [name for name in allowed if name not in known]:
        raise CallError(
            f"`tools` names {', '.join(map(repr, missing))}, which the model may not use or no server has. There are:"
            f" {', '.join(sorted(tool.real_name for tool in tools))}. Writing tools need LONGCALL_WRITABLE_SERVERS."
        )
    kept = tuple(tool for tool in tools if not allowed or _spellings(tool) & set(allowed))
    if not kept:
        raise CallError("The servers have no tool that only reads; writing ones need LONGCALL_WRITABLE_SERVERS.")
    return Toolbox(kept)


def _spellings(tool: Tool) -> set[str]:
    return {tool.real_name, f"{tool.offer.server.name}/{tool.real_name}", tool.name}


async def _tools(offer: Offer) -> list[Tool]:
    found: list[Tool] = []
    for tool in await offer.server.tools():
        hinted = tool.annotations is not None and tool.annotations.read_only_hint is True
        reads = tool.name in filesystem.READING if offer.guard is not None else hinted
        if reads or offer.may_write:
            name = _NOT_IN_NAMES.sub("_", f"mcp__{offer.server.name}__{tool.name}")[:_NAME_CHARS]
            schema = {key: value for key, value in tool.input_schema.items() if key != "$schema"}
            found.append(Tool(name, tool.description or "", schema, offer, tool.name, reads))
    return found
