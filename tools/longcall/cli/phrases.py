"""Sentences that speak of a tool's arguments and of tools, as somebody at a command line knows them."""

import re
from collections.abc import Mapping

_OPTIONS: Mapping[str, str] = {
    "at_once": "--at-once",
    "background": "--background",
    "combine": "--combine",
    "conversation": "--conversation",
    "days": "--days",
    "files": "--file",
    "max_cost_usd": "--max-cost",
    "max_tokens": "--max-tokens",
    "model": "--model",
    "models": "--models",
    "output_file": "--output",
    "overwrite": "--overwrite",
    "prompts": "--prompts-file",
    "response_schema": "--schema",
    "servers": "--server",
    "temperature": "--temperature",
    "timeout_s": "--timeout",
    "urgency": "--urgency",
    "validate": "--validate",
}
"""A tool's argument → the option that is it."""
_COMMANDS: Mapping[str, str] = {
    "poll_task without an id": "longcall tasks",
    "poll_task": "longcall tasks show",
    "cancel_task": "longcall tasks cancel",
    "list_models": "longcall models",
}
"""A tool → the command that does the same."""
_ARGUMENT = re.compile(rf"`({'|'.join(_OPTIONS)})`")
_TOOL = re.compile(rf"(?<![`\w])({'|'.join(_COMMANDS)})(?![`\w(])")


def in_shell(sentence: str) -> str:
    """Returns a sentence with options in place of arguments, and commands in place of tools."""
    told = _ARGUMENT.sub(lambda found: f"`{_OPTIONS[found[1]]}`", sentence)
    return _TOOL.sub(lambda found: f"`{_COMMANDS[found[1]]}`", told)
