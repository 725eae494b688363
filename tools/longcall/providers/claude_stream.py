"""What Claude's command line writes while it works, one JSON object a line, and what an answer is made of.

The answer is the text of the last message: what Claude says between uses of tools is no part of it. Without tools there
is one message, and its text is passed on as it comes. With tools, or where a schema makes the answer a tool's argument,
nobody can tell the last message before it has ended, so its text comes as one piece.
"""

import json
import logging
from collections.abc import Iterator
from typing import Any, cast

from longcall.call import Call
from longcall.models import Completion, Usage
from longcall.providers.litellm_errors import redact
from longcall.text import clip

log = logging.getLogger(__name__)

_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",  # the tool is the one that takes the answer in the form of a schema
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
_TOLD = 3
"""Lines that are no JSON and are told in the log; the rest are counted."""
Record = dict[str, Any]


class Heard:
    """What one run has told so far."""

    def __init__(self, call: Call, *, streams: bool) -> None:
        self._call = call
        self._streams = streams
        self._model: str | None = None
        self._parts: list[str] = []
        self._ended: str | None = None
        self._anew = False
        self._garbage = 0
        self._unstarted: list[str] = []
        self._last: tuple[str, str] = ("", "")
        """Id and text of the last message."""
        self.initialised = False
        """Whether it came as far as its session, after which a request may leave at any time."""
        self.began = False
        """Whether an answer began, so that something was paid."""
        self.complaint: Record = {}
        """The message by which it says that a request failed."""
        self.resets_at: float | None = None
        """When a limit that stopped it will be over, in seconds since the epoch."""
        self.result: Record | None = None

    def take(self, line: bytes) -> Iterator[str]:
        """Notes what a line tells and yields the text in it that belongs to the answer."""
        record = self._parsed(line)
        match record.get("type"):
            case "system":
                self._note(record)
            case "stream_event" if record.get("parent_tool_use_id") is None:
                yield from self._event(_part(record, "event"))
            case "assistant":
                self._message(record)
            case "rate_limit_event":
                self._limit(_part(record, "rate_limit_info"))
            case "result":
                self.result = record
                self._limit(_part(_part(self.complaint, "api_error_params"), "rate_limit_info"))
            case _:
                pass

    def rest(self) -> str:
        """Returns what of the answer has not been yielded: all of it, or nothing."""
        text = self._said()
        return "" if self._ends_with(text) else ("\n\n" if self._parts else "") + text

    def completion(self, notes: list[str]) -> Completion:
        """Returns how the answer ended; `notes` are warnings of other origin."""
        result = self.result or {}
        reason = _REASONS.get(str(result.get("stop_reason")), "stop")
        if result.get("api_error") == "max_output_tokens":
            reason = "length"
        used = list(_part(result, "modelUsage").items())
        usage = _usage([cast("Record", entry) for _, entry in used])
        warnings = [*notes, *self._warnings(reason, usage)]
        known = all(entry.get("costBasis") != "unknown" for _, entry in used)
        cost: Any = result.get("total_cost_usd") if usage and known else None
        name = self._model or (str(used[0][0]) if used else self._call.model)
        return Completion(name, reason, usage, cost, tuple(warnings))

    def is_answer(self) -> bool:
        """Whether the result is an answer; one that was cut at its limit of tokens is."""
        result = self.result or {}
        is_cut = result.get("api_error") == "max_output_tokens" and bool(self._parts)
        return not result.get("is_error") or is_cut or self._has_passed_budget()

    def _parsed(self, line: bytes) -> Record:
        try:
            record: Any = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict):
            return cast("Record", record)
        if line.strip():
            self._garbage += 1
            if self._garbage <= _TOLD:
                said = redact(clip(line.decode("utf-8", "replace").strip(), 200))
                log.warning("Claude's command line wrote a line that is no message: %s", said)
        return {}

    def _note(self, record: Record) -> None:
        if record.get("subtype") == "init":
            self.initialised = True
            log.info("claude session %s", record.get("session_id"))
            servers: list[Record] = record.get("mcp_servers") or []
            self._unstarted = [str(server.get("name")) for server in servers if server.get("status") != "connected"]
        elif record.get("subtype") == "api_retry":
            log.warning("Claude's command line asks again after %s", record.get("error_status") or record.get("error"))

    def _event(self, event: Record) -> Iterator[str]:
        delta = _part(event, "delta")
        self._ended = delta.get("stop_reason") or self._ended
        if event.get("type") == "message_start":
            self.began = True
            self._model = _part(event, "message").get("model") or self._model
            if self._parts and _REASONS.get(str(self._ended)) != "length":  # otherwise it goes on in mid-sentence
                self._anew = True
                self._parts.append("\n\n")
                yield "\n\n"
        if self._streams and delta.get("type") == "text_delta" and (text := str(delta.get("text") or "")):
            self._parts.append(text)
            yield text

    def _message(self, record: Record) -> None:
        if record.get("is_api_error_message") or record.get("error"):
            self.complaint = record
        elif (message := _part(record, "message")).get("model") != "<synthetic>":
            self.began = True
            blocks: list[Record] = message.get("content") or []
            text = "".join(str(block.get("text") or "") for block in blocks if block.get("type") == "text")
            told, name = self._last[1], str(message.get("id"))  # a message comes in one record for each block
            self._last = (name, told + text if name == self._last[0] else text)

    def _limit(self, info: Record) -> None:
        if info.get("status") == "rejected" and isinstance(info.get("resetsAt"), int | float):
            self.resets_at = float(info["resetsAt"])

    def _has_passed_budget(self) -> bool:
        """Whether the answer is whole, and only its last request passed the budget, which counts as an error there."""
        result = self.result or {}
        ended = result.get("subtype") == "error_max_budget_usd" and result.get("stop_reason") == "end_turn"
        return ended and bool(self._last[1].strip())

    def _said(self) -> str:
        result = self.result or {}
        if self._has_passed_budget():
            return self._last[1]
        return "" if result.get("is_error") else str(result.get("result") or "")

    def _ends_with(self, text: str) -> bool:
        return "".join(self._parts).strip().endswith(text.strip())

    def _warnings(self, reason: str, usage: Usage | None) -> Iterator[str]:
        if self._unstarted:
            names = ", ".join(sorted(self._unstarted))
            yield f"These MCP servers were not ready when Claude began, so it had none of their tools: {names}."
        if self._parts and not self._ends_with(self._said()):
            yield "What Claude's command line calls its answer is not what it streamed; both are in the text."
        if self._anew:
            yield "Claude began its answer anew; what it had said before stands at the head of the text."
        if usage is None:
            yield "No tokens were counted; usage and cost are unknown."
        if reason == "length":
            yield "The answer was cut at its token limit (finish_reason `length`)."
        if reason == "content_filter":
            yield "Claude refused to answer or to go on (finish_reason `content_filter`)."


def _part(record: Record, name: str) -> Record:
    """Returns the object under `name`; an empty one where there is none, whatever else is there."""
    part: Any = record.get(name)
    return cast("Record", part) if isinstance(part, dict) else {}


def _usage(entries: list[Record]) -> Usage | None:
    """Returns the tokens of all requests of the run, or None when nobody counted."""

    def total(name: str) -> int:
        return sum(int(entry.get(name) or 0) for entry in entries)

    cached, answered = total("cacheReadInputTokens"), total("outputTokens")
    asked = total("inputTokens") + total("cacheCreationInputTokens") + cached
    if not asked and not answered:
        return None
    return Usage(asked, answered, cached, total("thinkingTokens") or None)
