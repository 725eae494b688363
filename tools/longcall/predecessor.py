"""The config dicts of longcall's predecessor, as calls of today.

A key whose feature is missing here is a clear error; none is dropped in silence.
"""

from collections.abc import Mapping
from typing import Any, cast

from longcall.errors import CallError
from longcall.session import Question

_TAKEN = frozenset({"model", "messages", "question", "temperature", "max_tokens", "timeout"})
_HARMLESS: Mapping[str, tuple[object, ...]] = {
    "polling": (False, None),
    "wait_for_completion": (True, None),
    "long_running": (True, False, None),
    "stream": (False, None),
    "debug_mode": (True, False, None),
    "default_validate": (False, None),
    "validation": ([], None),
    "retry_config": ({}, None),
    "mcp_config": ({}, None),
    "response_format": (None,),
}
"""Keys that change nothing with these values: every call streams, is durable, and is waited for without a limit."""


def question_from_config(config: Mapping[str, Any]) -> tuple[str | None, Question]:
    """Returns the prompt and the question in a config dict, which is left as it was.

    Raises:
        CallError: a key asks for something that this version does not do, or is unknown; the sentence names it.
    """
    for key, value in config.items():
        if key not in _TAKEN and not (key in _HARMLESS and value in _HARMLESS[key]):
            raise CallError(
                f"The config key {key!r} with what it asks for is not supported by this version; leave it out."
            )
    if config.get("question") is not None and config.get("messages"):
        raise CallError("Give either `question` or `messages`, not both.")
    question = {name: config[name] for name in ("messages", "model", "temperature", "max_tokens") if name in config}
    question["timeout_s"] = config.get("timeout")
    return config.get("question"), cast("Question", question)
