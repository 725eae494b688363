"""The MCP tools, prompts and resources, as a client is told of them."""

import inspect
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp_types import Prompt, ResourceTemplate, Tool

from longcall.settings import Settings
from longcall_server import code_handler, handlers
from longcall_server.app import build_server
from reference.fields import demand
from reference.markdown import code, doc, escaped, page, table

_ABOUT = """\
Six tools over MCP, with every argument as the server itself tells it. In Python and on the command line the same
words are used. An argument that is not known is an error."""
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


@dataclass(frozen=True, slots=True)
class Listed:
    """What the server tells its clients."""

    tools: Sequence[Tool]
    prompts: Sequence[Prompt]
    templates: Sequence[ResourceTemplate]


def listed() -> Listed:
    """Asks a server of our own, through a client of the protocol, what it has."""
    return anyio.run(_asked)


async def _asked() -> Listed:
    with tempfile.TemporaryDirectory() as home:
        async with Client(build_server(Settings(home=Path(home)))) as client:
            tools = await client.list_tools()
            prompts = await client.list_prompts()
            templates = await client.list_resource_templates()
    return Listed(tools.tools, prompts.prompts, templates.resource_templates)


def tools_page(found: Listed) -> str:
    """Returns the page of the tools.

    Raises:
        SilentError: an argument of a tool lacks a description.
    """
    said = arguments_of(found.tools)
    return page(
        "Tools",
        _ABOUT,
        *(part for tool in found.tools for part in _tool(tool, said)),
        "## Prompts",
        "Hosts offer them as slash commands.",
        table(["prompt", "what it does", "arguments"], [_prompt(one) for one in found.prompts]),
        "## Resources",
        table(["resource", "what it is"], [_template(one) for one in found.templates]),
    )


def arguments_of(tools: Sequence[Tool]) -> dict[str, str]:
    """Returns what is said of every argument. What one tool says of it holds for the tools behind it.

    Raises:
        SilentError: an argument lacks a description.
    """
    said: dict[str, str] = {}
    for tool in tools:
        for name, schema in tool.input_schema.get("properties", {}).items():
            about = said.get(name) or schema.get("description") or ""
            said[name] = demand(about, f"The argument {name!r} of {tool.name}")
    return said


def schema_text(schema: Mapping[str, Any]) -> str:
    """Returns the type that a JSON Schema of an argument allows, in short."""
    match schema:
        case {"anyOf": [*some]}:
            return " | ".join(schema_text(one) for one in some)
        case {"enum": [*some]}:
            return " | ".join(f'"{one}"' for one in some)
        case {"type": "array", "items": {"anyOf": _} as items}:
            return f"({schema_text(items)})[]"
        case {"type": "array", "items": items}:
            return f"{schema_text(items)}[]"
        case {"type": kind, **rest}:
            return kind + "".join(f" {sign} {rest[key]:g}" for key, sign in _BOUNDS.items() if key in rest)
        case _:
            return "any"


def _tool(tool: Tool, said: Mapping[str, str]) -> Iterator[str]:
    handler = getattr(handlers, tool.name, None) or getattr(code_handler, tool.name)
    defaults = inspect.signature(handler).parameters  # what is sent to hosts leaves them out, for its size
    rows = [
        [
            code(name),
            code(schema_text(schema)),
            _default(defaults[name].default),
            escaped(schema.get("description") or said[name]),
        ]
        for name, schema in tool.input_schema.get("properties", {}).items()
    ]
    yield f"## {tool.name}"
    yield doc(tool.description)
    yield table(["argument", "type", "default", "meaning"], rows)


def _default(value: object) -> str:
    if value is inspect.Parameter.empty:
        return "required"
    return "" if value is None or value == "" else code(str(value).lower())


def _prompt(prompt: Prompt) -> list[str]:
    arguments = [f"`{one.name}`: {escaped(one.description or '')}." for one in prompt.arguments or ()]
    return [code(prompt.name), escaped(prompt.description or ""), " ".join(arguments)]


def _template(template: ResourceTemplate) -> list[str]:
    return [code(template.uri_template), escaped(template.description or "")]
