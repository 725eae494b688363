"""The MCP clients that longcall can be registered with: their config files, and how an entry is put into them."""
