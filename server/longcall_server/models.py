"""The answer of list_models."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from mcp_types import CallToolResult, TextContent

if TYPE_CHECKING:
    from longcall.catalog import Model
    from longcall.listing import Listing
    from longcall.mcp_client.offered import ServerLine
    from longcall.providers.served import Served

_ABILITIES = {"takes_images": "images", "takes_pdfs": "PDFs", "takes_tools": "tools", "reasons": "reasoning"}


def models_reply(listing: "Listing", limit: int, servers: "list[ServerLine]") -> CallToolResult:
    """Returns models as one line each for models to read, and structured for programs; and the MCP servers."""
    shown = listing.models[:limit]
    lines = [f"default: {listing.default or 'none (set LONGCALL_MODEL, or name a model in every call)'}"]
    if listing.aliases:
        lines.append("aliases: " + ", ".join(f"{name} = {model}" for name, model in listing.aliases.items()))
    lines += [_line(model) for model in shown] or ["Nothing matches. Any LiteLLM name provider/model can be tried."]
    if len(listing.models) > limit:
        lines.append(f"… and {len(listing.models) - limit} more; narrow the query.")
    lines += [_said(one) for one in listing.providers]
    lines.append("MCP servers for `servers`: " + "; ".join(_server(server) for server in servers))
    structured = {
        "servers": [asdict(server) for server in servers],
        "default": listing.default,
        "aliases": dict(listing.aliases),
        "total": len(listing.models),
        "models": [asdict(model) for model in shown],
        "providers": [_provider(one) for one in listing.providers],
    }
    return CallToolResult(content=[TextContent(type="text", text="\n".join(lines))], structured_content=structured)


def _line(model: "Model") -> str:
    key = "" if model.callable else " (no key here)"
    key += " (its provider does not list it for this key)" if model.served is False else ""
    prices = f"${_unknown(model.usd_per_1m_input)} in, ${_unknown(model.usd_per_1m_output)} out per 1M tokens"
    abilities = [word for field, word in _ABILITIES.items() if getattr(model, field)]
    able = f"; {', '.join(abilities)}" if abilities else ""
    return f"{model.name}{key}: window {_unknown(model.context_window)}, {prices}{able}"


def _said(one: "Served") -> str:
    ago = f"asked {one.age_s() / 60:.0f} min ago"
    return f"{one.provider}: {one.trouble or f'serves {len(one.models)} models'} ({ago})"


def _provider(one: "Served") -> dict[str, object]:
    told: dict[str, object] = {
        "provider": one.provider,
        "models": len(one.models),
        "asked_s_ago": round(one.age_s(), 1),
    }
    return told | ({} if one.trouble is None else {"trouble": one.trouble})


def _server(server: "ServerLine") -> str:
    writes = "reads and writes" if server.writes else "reads only"
    tools = f": {', '.join(server.tools)}" if server.tools is not None else ""
    return f"{server.name} ({writes}{tools})"


def _unknown(value: float | None) -> str:
    return "?" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
