"""The config dicts of longcall's predecessor, as calls of today.

A key whose feature is missing here is a clear error; none is dropped in silence.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from longcall.errors import CallError
from longcall.question import Question

_ASKED = ("messages", "model", "temperature", "max_tokens", "mcp_config")
_ORIGINAL = "original_user_prompt"
_STAGES = (
    "max_attempts_before_tool_use",
    "max_attempts_before_human",
    "debug_tool_name",
    "debug_tool_mcp_config",
)
_CHECKED = ("validation", "retry_config", "default_validate", "response_format")
_TAKEN = frozenset({*_ASKED, *_STAGES, *_CHECKED, _ORIGINAL, "question", "timeout"})
_IGNORED_RETRY = frozenset({"debug_mode", "enable_cache", "use_jitter", "jitter_range", "enable_circuit_breaker"})
"""What changes nothing: delays here are between answers, and a provider that turns requests away is waited for."""
_DELAYS: Mapping[str, float] = {"initial_delay": 1.0, "backoff_factor": 2.0, "max_delay": 60.0}
_HARMLESS: Mapping[str, tuple[object, ...]] = {
    "polling": (False, None),
    "wait_for_completion": (True, None),
    "long_running": (True, False, None),
    "stream": (False, None),
    "debug_mode": (True, False, None),
}
"""Keys that change nothing with these values: every call streams, is durable, and is waited for without a limit."""
_JSON_ONLY = "Answer with one JSON object and nothing else."


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
    question: dict[str, Any] = {name: config[name] for name in _ASKED if config.get(name) not in (None, {})}
    question["timeout_s"] = config.get("timeout")
    question["validate"] = _validators(config)
    question["retry"] = _retry(config)
    question["original_prompt"] = config.get(_ORIGINAL)
    if config.get("response_format") is not None:
        question["system"] = _json_system(config)
    return config.get("question"), cast("Question", question)


def _validators(config: Mapping[str, Any]) -> list[Any] | None:
    given: Any = config.get("validation") or []
    validators: list[Any] = [given] if isinstance(given, Mapping | str) else list(given)
    if config.get("response_format") is not None and not validators:
        validators = ["json"]
    if config.get("default_validate") and not validators:
        validators = ["not_empty"]
    return validators or None


def _retry(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns how to retry; the thresholds are taken beside `retry_config` and inside it."""
    within = cast("Mapping[str, Any]", config.get("retry_config") or {})
    given: dict[str, Any] = {key: value for key, value in within.items() if key not in _IGNORED_RETRY}
    given |= {name: config[name] for name in _STAGES if config.get(name) is not None}
    if not given and not config.get("validation"):
        return None
    # There, running out of attempts always asked for a person.
    attempts = given.setdefault("max_attempts", 3)
    given.setdefault("max_attempts_before_human", attempts)
    return {**_DELAYS, **given}


def _json_system(config: Mapping[str, Any]) -> str | None:
    """Returns the system text that `response_format` asks for, if any."""
    match config["response_format"]:
        case {"type": "json_object"}:
            return json_only(cast("Sequence[Mapping[str, Any]]", config.get("messages") or ()))
        case _:
            raise CallError('`response_format` must be {"type": "json_object"}; for a schema give `response_schema`.')


def json_only(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """Returns the system text that asks for a JSON object alone; None when the caller's own does."""
    said = " ".join(str(turn.get("content", "")) for turn in messages if turn.get("role") == "system").casefold()
    return None if "json object" in said or "valid json" in said else _JSON_ONLY
