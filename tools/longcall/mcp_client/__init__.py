"""MCP servers as their client: started once, kept warm, and their tools handed to models.

Knows the SDK's client side alone, and nothing of models or tasks.
"""
