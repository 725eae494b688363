"""The answer of list_models."""

from collections.abc import Sequence

from mcp_types import CallToolResult, TextContent

from longcall.catalog import Model


def models_reply(found: list[Model], limit: int, default: str | None, servers: Sequence[str]) -> CallToolResult:
    """Returns models as one line each for models to read, and structured for programs; and the names of `servers`."""
    shown = found[:limit]
    lines = [f"default: {default or 'none (set LONGCALL_MODEL, or name a model in every call)'}"]
    lines += [_line(model) for model in shown] or ["Nothing matches. Any LiteLLM name provider/model can be tried."]
    if len(found) > limit:
        lines.append(f"… and {len(found) - limit} more; narrow the query.")
    if servers:
        lines.insert(1, f"MCP servers for the `servers` of a max/… call: {', '.join(servers)}")
    structured = {
        "default": default,
        "servers": list(servers),
        "total": len(found),
        "models": [{name: getattr(model, name) for name in Model.__slots__} for model in shown],
    }
    return CallToolResult(content=[TextContent(type="text", text="\n".join(lines))], structured_content=structured)


def _line(model: Model) -> str:
    key = "" if model.callable else " (no key here)"
    window = _unknown(model.context_window)
    prices = f"${_unknown(model.usd_per_1m_input)} in, ${_unknown(model.usd_per_1m_output)} out per 1M tokens"
    return f"{model.name}{key}: window {window}, {prices}"


def _unknown(value: float | None) -> str:
    return "?" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
