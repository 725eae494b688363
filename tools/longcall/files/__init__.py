"""Files that a call names: which may be read or written at all, which a pattern finds, and how a model is shown them.

Knows nothing of models, calls or MCP.
"""
