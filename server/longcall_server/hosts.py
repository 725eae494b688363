"""How long each host lets a tool call run before it gives up."""

UNKNOWN_S = 45.0
"""The reference client of the MCP TypeScript SDK, which most hosts use, gives up after 60 s."""

_PATIENCE_S = {
    # Moves a call to the background after 120 s, and stops it after 30 idle minutes.
    "claude-code": 100.0,
    # 600 s in its source.
    "gemini-cli": 240.0,
}
"""Part of the name in `clientInfo` → seconds. Codex (300 s, earlier 60 s) and Claude Desktop (60 s or 240 s, by
surface) cannot be told from their impatient editions, so they are left at the careful figure."""


_READ_TEXT = ("claude-code",)
"""Hosts that show their model the structured result, as JSON with every line break escaped, in place of the text."""


def reads_text(client: str | None) -> bool:
    """Whether the host `client` serves its model better when a result comes as text alone."""
    return any(part in (client or "").lower() for part in _READ_TEXT)


def patience(client: str | None) -> float:
    """Returns the seconds after which a call from the host `client` should be answered, whatever the answer."""
    name = (client or "").lower()
    return next((seconds for part, seconds in _PATIENCE_S.items() if part in name), UNKNOWN_S)
