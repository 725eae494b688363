"""A schema for the answer, as each provider takes it: as its own constraint, or in words.

Whether the answer fits is checked afterwards all the same: a constraint can be ignored, or the answer cut short.
"""

import json
from typing import Any, cast

from longcall.call import Call
from longcall.message import Message

_CONSTRAINING = frozenset({"hosted_vllm", "lm_studio", "ollama", "ollama_chat"})
"""Servers that take any schema for any model, of which LiteLLM's list knows none."""
_WORDS = (
    "Answer with one JSON value that fits this JSON Schema, and with nothing else: no text around it, no code"
    " fence.\n{schema}"
)


def constraint(litellm: Any, call: Call, model: str, provider: str) -> dict[str, Any]:
    """Returns the arguments by which LiteLLM has the provider keep to the call's schema; none where it does not."""
    schema = call.response_schema
    if schema is None or call.background:
        return {}
    if provider not in _CONSTRAINING and not litellm.supports_response_schema(model, provider):
        return {}
    named = {"name": "answer", "schema": schema, "strict": _is_strict(schema)}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def in_words(call: Call) -> Call:
    """Returns the call with its schema as a system text."""
    told = _WORDS.format(schema=json.dumps(call.response_schema, ensure_ascii=False))
    return call.model_copy(update={"messages": (Message(role="system", content=told), *call.messages)})


def _names(value: Any) -> set[str]:
    # Whatever stands there: it may be a property that is itself called `required`.
    return {str(name) for name in cast("list[Any]", value)} if isinstance(value, list | dict) else set()


def _is_strict(schema: Any) -> bool:
    """Whether a schema is of the kind that OpenAI can hold an answer to: every object closed, every field required."""
    if isinstance(schema, list):
        return all(_is_strict(part) for part in cast("list[Any]", schema))
    if not isinstance(schema, dict):
        return True
    known = cast("dict[str, Any]", schema)
    is_object = known.get("type") == "object" or "properties" in known
    is_closed = known.get("additionalProperties") is False
    is_complete = _names(known.get("required")) == _names(known.get("properties"))
    return (not is_object or (is_closed and is_complete)) and all(_is_strict(part) for part in known.values())
