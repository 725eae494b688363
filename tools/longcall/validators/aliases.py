"""The names and parameters of older configurations, turned into ours.

A specification may keep its parameters in a `params` of its own. What stands here is renamed; everything else passes
through, so that what nobody knows is refused by the validator itself.
"""

import re
from collections.abc import Callable
from typing import Any, cast

from longcall.validators.judge import PLACEHOLDERS
from longcall.validators.pointer import point

Spec = dict[str, Any]
SQL_UNSAFE = ["drop", "delete", "truncate", "alter", "grant", "revoke"]
TYPES = {
    "response_not_empty": "not_empty",
    "json_string": "json",
    "schema": "json_schema",
    "agent_task": "judge",
    "sql_safe": "sql",
    "sql_safety": "sql",
    "openapi_spec": "openapi",
    "ai_contradiction_check": "judge",
    "ai_contradiction": "judge",
}
_RENAMED: dict[str, dict[str, str]] = {
    "length": {"min_length": "min", "max_length": "max"},
    "contains": {"required_text": "all"},
    "judge": {
        "task_prompt_to_claude": "prompt",
        "task_prompt": "prompt",
        "validation_model_alias": "models",
        "validation_model": "models",
        "required_mcp_tools": "servers",
    },
}


def modern(spec: Spec) -> list[Spec]:
    """Returns the specifications, in our words, that an older or a modern one stands for: mostly one.

    Raises:
        ValueError: two names of one parameter are given.
    """
    spec = _flat(spec)
    name = spec.get("type")
    if not isinstance(name, str):
        return [spec]
    older = _OLDER.get(name)
    if older is not None:
        spec = older(spec)
    ours = spec["type"] = TYPES.get(name, str(spec["type"]))
    spec = _renamed(spec, _RENAMED.get(ours, {}))
    change = _CHANGES.get(ours)
    return change(spec) if change else [spec]


def _flat(spec: Spec) -> Spec:
    params = spec.get("params")
    if not isinstance(params, dict):
        return {key: value for key, value in spec.items() if key != "params" or value is not None}
    twice = sorted(spec.keys() & params.keys())
    if twice:
        raise ValueError(f"`{twice[0]}` is given both beside `params` and in it")
    return {**{key: value for key, value in spec.items() if key != "params"}, **params}


def _renamed(spec: Spec, names: dict[str, str]) -> Spec:
    made: Spec = {}
    for key, value in spec.items():
        name = names.get(key, key)
        if name in made:
            raise ValueError(f"`{key}` means `{name}`, which is given too")
        made[name] = value
    return made


def _sql_safe(spec: Spec) -> Spec:
    return {"deny": SQL_UNSAFE, **spec}


def _json_string(spec: Spec) -> Spec:
    strict = spec.pop("strict", None)
    if strict is None:
        return spec
    return {"fenced": False, **spec} if strict else {"repair": "safe", **spec}


def _python(spec: Spec) -> Spec:
    return spec if "code" in spec else {"language": "python", **spec, "type": "code"}


def _agent_task(spec: Spec) -> Spec:
    if spec.get("success_criteria") in ({}, None):
        spec.pop("success_criteria", None)
    told = spec.get("task_prompt")
    # Under this name the answer was always put at the end; under the other the caller had to place it.
    if isinstance(told, str) and not any(name in told for name in PLACEHOLDERS[:2]):
        spec["task_prompt"] = told + "\n\nThe text to validate:\n{TEXT_TO_VALIDATE}"
    return {key: value for key, value in spec.items() if value is not None}


def _contradictions(spec: Spec) -> Spec:
    text, topic = spec.pop("text_to_check", None), spec.pop("topic_context", None)
    about = f" about {topic}" if topic else ""
    if not text or text in PLACEHOLDERS:
        held = f"Nothing that the text says{about} contradicts what is known."
        return {"criteria": ["The text does not contradict itself.", held], **spec}
    # It checked this text instead of the answer; the answer is shown all the same, since a judge has to see it.
    shown = re.sub(r"[{}]", "", str(text))
    prompt = (
        f"Look for contradictions{about} in the text below, within it and with what is known. Report"
        " validation_passed as false when there are any.\n\nThe text:\n"
        f"{shown}\n\nFor the context, the answer that was given:\n{{TEXT_TO_VALIDATE}}"
    )
    return {"prompt": prompt, **spec}


_OLDER: dict[str, Callable[[Spec], Spec]] = {
    "sql_safe": _sql_safe,
    "sql_safety": _sql_safe,
    "json_string": _json_string,
    "json": _json_string,
    "python": _python,
    "agent_task": _agent_task,
    "ai_contradiction_check": _contradictions,
    "ai_contradiction": _contradictions,
}


def _lists(*names: str) -> Callable[[Spec], list[Spec]]:
    """Returns what makes lists of these parameters where they are single texts."""

    def change(spec: Spec) -> list[Spec]:
        return [{key: [value] if key in names and isinstance(value, str) else value for key, value in spec.items()}]

    return change


def _regex(spec: Spec) -> list[Spec]:
    flags = spec.get("flags")
    if isinstance(flags, int) and not isinstance(flags, bool):
        known = {re.IGNORECASE.value: "i", re.MULTILINE.value: "m", re.DOTALL.value: "s"}
        rest = flags & ~(sum(known) | re.UNICODE.value)
        if rest:
            raise ValueError(f"`flags` {flags} holds more than IGNORECASE (2), MULTILINE (8) and DOTALL (16)")
        spec["flags"] = "".join(letter for value, letter in known.items() if flags & value)
    return [spec]


def _field_present(spec: Spec) -> list[Spec]:
    names: Any = spec.pop("required_fields", None)
    for key in ("field_name", "field_path"):
        if names is None:
            names = spec.pop(key, None)
    for key in ("should_exist", "present"):
        if spec.pop(key, True) is False:
            spec["absent"] = True
    # A null here was the default: it asked for nothing.
    expected = spec.pop("expected_value", None)
    if expected is not None:
        spec["equals"] = expected
    if isinstance(names, str):
        names = names.split(",")
    return [_field(dict(spec), str(name).strip()) for name in cast("list[Any]", names)] if names else [spec]


def _field(spec: Spec, name: str) -> Spec:
    """Makes a pointer of a dotted name. `content` alone meant the content of the model's message: that there is any."""
    if name == "content" and not spec.keys() & {"absent", "equals"}:
        return {**spec, "type": "not_empty"}
    dotted = re.sub(r"\[(\d+)\]", r".\1", name.removeprefix("$."))
    return {**spec, "path": name if name.startswith("/") else point(*dotted.strip(".").split("."))}


_CHANGES: dict[str, Callable[[Spec], list[Spec]]] = {
    "judge": _lists("models", "servers", "criteria"),
    "contains": _lists("all", "any", "none"),
    "regex": _regex,
    "field_present": _field_present,
}
