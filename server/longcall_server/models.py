"""The answer of list_models."""

from dataclasses import asdict

from mcp_types import CallToolResult, TextContent

from longcall.catalog import Model
from longcall.mcp_client.offered import ServerLine


def models_reply(found: list[Model], limit: int, default: str | None, servers: list[ServerLine]) -> CallToolResult:
    """Returns models as one line each for models to read, and structured for programs; and the MCP servers."""
    shown = found[:limit]
    lines = [f"default: {default or 'none (set LONGCALL_MODEL, or name a model in every call)'}"]
    lines += [_line(model) for model in shown] or ["Nothing matches. Any LiteLLM name provider/model can be tried."]
    if len(found) > limit:
        lines.append(f"… and {len(found) - limit} more; narrow the query.")
    lines.append("MCP servers for `servers`: " + "; ".join(_server(server) for server in servers))
    structured = {
        "servers": [asdict(server) for server in servers],
        "default": default,
        "total": len(found),
        "models": [{name: getattr(model, name) for name in Model.__slots__} for model in shown],
    }
    return CallToolResult(content=[TextContent(type="text", text="\n".join(lines))], structured_content=structured)


def _line(model: Model) -> str:
    key = "" if model.callable else " (no key here)"
    window = _unknown(model.context_window)
    prices = f"${_unknown(model.usd_per_1m_input)} in, ${_unknown(model.usd_per_1m_output)} out per 1M tokens"
    return f"{model.name}{key}: window {window}, {prices}"


def _server(server: ServerLine) -> str:
    writes = "reads and writes" if server.writes else "reads only"
    tools = f": {', '.join(server.tools)}" if server.tools is not None else ""
    return f"{server.name} ({writes}{tools})"


def _unknown(value: float | None) -> str:
    return "?" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
