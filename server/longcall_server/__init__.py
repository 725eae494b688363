"""The MCP server over longcall: the front that hosts attach. It speaks MCP and knows nothing of models."""
