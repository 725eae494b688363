"""What was asked and answered, as the conventions write messages down; only for operators who ask for it. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from longcall.message import Message
from longcall.models import Completion
from longcall.providers import Talk, ToolCall


def asked(messages: Sequence[Message], talk: Talk | None) -> str:
    """Returns `gen_ai.input.messages` as JSON; images and other parts that are no text are named without their data."""
    turns = [{"role": message.role, "parts": _parts(message)} for message in messages]
    return _json([*turns, *(_turn(turn) for turn in (talk.turns if talk else ()))])


def answered(text: str, completion: Completion, wanted: Sequence[ToolCall]) -> str:
    """Returns `gen_ai.output.messages` as JSON."""
    said = [_text(text)] if text or not wanted else []
    parts = [*said, *(_tool_call(tool.id, tool.name, tool.arguments) for tool in wanted)]
    return _json([{"role": "assistant", "parts": parts, "finish_reason": completion.finish_reason}])


def _parts(message: Message) -> list[dict[str, Any]]:
    if isinstance(message.content, str):
        return [_text(message.content)]
    return [
        _text(part["text"]) if isinstance(part.get("text"), str) else {"type": str(part.get("type"))}
        for part in message.content
    ]


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a use of tools, or what one said, which `Talk` has in the OpenAI chat form."""
    if turn["role"] == "tool":
        said = {"type": "tool_call_response", "id": turn["tool_call_id"], "response": turn["content"]}
        return {"role": "tool", "parts": [said]}
    said = [_text(turn["content"])] if turn.get("content") else []
    functions = [(call["id"], call["function"]) for call in turn.get("tool_calls", ())]
    calls = [_tool_call(name, function["name"], function["arguments"]) for name, function in functions]
    return {"role": turn["role"], "parts": [*said, *calls]}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "content": text}


def _tool_call(name: str, tool: str, arguments: str) -> dict[str, Any]:
    return {"type": "tool_call", "id": name, "name": tool, "arguments": _object(arguments)}


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # the model wrote no JSON, and this is what it wrote
        return text


def _json(messages: list[dict[str, Any]]) -> str:
    return json.dumps(messages, ensure_ascii=False)
