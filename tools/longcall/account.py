"""The account of a task's requests: what was asked, what checks found, what it cost. Pure."""

import json
from dataclasses import asdict
from typing import Any, cast

from longcall.models import Attempt, AttemptState, Role, Task, TaskKind, Usage
from longcall.text import clip
from longcall.validators.base import Issue

_MOST_BYTES = 5_000
"""Failed calls are cut at 10,000 characters by Claude Code, and the text needs room too."""
_ISSUES = 8
_ISSUES_EACH = 4
_ATTEMPTS = 10
_STEPS = 20
_LAST_CHARS = 2_000
_WORDS_CHARS = 80


def usage_of(task: Task) -> dict[str, int] | None:
    """Returns the tokens of all requests together; None when nobody counted any."""
    told = [task.completion.usage] if task.completion and not task.attempts else [one.usage for one in task.attempts]
    counted = [usage for usage in told if usage is not None]
    columns = {name: [getattr(usage, name) for usage in counted] for name in Usage.__slots__}
    totals = {name: [value for value in values if value is not None] for name, values in columns.items()}
    return {name: sum(values) for name, values in totals.items() if values} or None


def cost_of(task: Task) -> float | None:
    """Returns the price of all requests together, but those turned away; None when that of any is unknown."""
    if task.kind is TaskKind.GROUP:
        return None  # its members tell
    paid = [attempt.cost_usd for attempt in task.attempts if not _is_free(attempt, task)]
    if not paid:
        return task.completion.cost_usd if task.completion else None
    known = [cost for cost in paid if cost is not None]
    return sum(known) if len(known) == len(paid) else None


def _is_free(attempt: Attempt, task: Task) -> bool:
    # The one that ended its task was at work when a deadline came, for example.
    return attempt.state is AttemptState.FAILED and (attempt.failure is None or attempt.failure != task.failure)


def stage_of(task: Task) -> str:
    """Returns which attempt a task is at, and what was wrong with the one before, in words; empty for the first."""
    asked = [attempt for attempt in task.attempts if attempt.series == task.series]
    answers = [attempt for attempt in asked if attempt.role is Role.ANSWER]
    if task.steps and task.call is not None:
        return f", {len(task.steps)} uses of tools, the last {task.steps[-1].tool} ({task.steps[-1].state})"
    if task.call is None or not task.call.validators:
        return f", attempt {len(task.attempts)}" if len(task.attempts) > 1 else ""
    checked = [attempt for attempt in answers if attempt.checked is not None]
    number = len(checked) + (not checked or answers[-1].checked is None)
    said = f", attempt {min(number, task.call.policy.max_attempts)}/{task.call.policy.max_attempts}"
    if checked and checked[-1].checked is not None:
        faults = len(checked[-1].checked.faults)
        said += f": {faults} issue{'s' if faults != 1 else ''} before"
    if asked and asked[-1].role is Role.JUDGE and asked[-1].state is AttemptState.SENT:
        said += f", judged by {asked[-1].model}"
    return said


def steps_of(task: Task) -> list[dict[str, Any]]:
    """Returns the last uses of tools, as results show them."""
    turns = sorted({step.attempt for step in task.steps})
    return [
        {
            "turn": turns.index(step.attempt) + 1,
            "tool": step.tool,
            "arguments": clip(step.arguments, 200),
            "state": step.state.value,
            "result": None if step.result is None else clip(step.result, 120),
            "ms": step.ms,
        }
        for step in task.steps[-_STEPS:]
    ]


def validation_of(task: Task) -> dict[str, Any] | None:
    """Returns what became of the checks, as results show it; None where nothing was checked."""
    checked = [attempt for attempt in task.attempts if attempt.checked is not None and attempt.series == task.series]
    validation = task.validation
    if validation is None and not checked:
        return None
    told: dict[str, Any] = {"valid": validation.valid if validation else None}
    if validation is not None:
        told |= {
            "returned": validation.returned,
            "stopped": validation.stopped and clip(validation.stopped, 600),
            "issues": [_issue(issue) for issue in validation.issues[:_ISSUES]],
            "more_issues": max(0, len(validation.issues) - _ISSUES),
            "best": validation.best,
            "last": validation.last,
            "last_text": _last_text(task),
            "repaired": validation.repaired,
        }
    told["attempts"] = [_attempt(attempt) for attempt in checked[-_ATTEMPTS:]]
    told["votes"] = [asdict(vote) | {"reason": clip(vote.reason, 200)} for vote in _votes(checked)]
    if validation is not None:
        told["feedback_next"] = validation.feedback_next
    return _fitting({name: value for name, value in told.items() if value or name == "valid"})


def _votes(checked: list[Attempt]) -> tuple[Any, ...]:
    return checked[-1].checked.votes[:_ISSUES] if checked and checked[-1].checked else ()


def _last_text(task: Task) -> str | None:
    validation = task.validation
    if validation is None or validation.last == validation.best or validation.returned == "last":
        return None
    texts = [attempt.text for attempt in task.attempts if attempt.number == validation.last]
    return clip(texts[0], _LAST_CHARS) if texts and texts[0] is not None else None


def _issue(issue: Issue) -> dict[str, str]:
    told = {name: clip(value, 300) for name, value in asdict(issue).items() if value}
    return told if issue.on_fail != "retry" else {name: value for name, value in told.items() if name != "on_fail"}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    assert attempt.checked is not None
    issues = attempt.checked.issues
    told = [clip(f"{issue.validator}: {issue.message}", 120) for issue in issues[:_ISSUES_EACH]]
    told += [f"({len(issues) - _ISSUES_EACH} more)"] if len(issues) > _ISSUES_EACH else []
    told += [clip(f"not checked: {error}", 200) for error in attempt.checked.errors[:_ISSUES_EACH]]
    usage = attempt.usage
    return {
        "n": attempt.number,
        "model": attempt.model,
        "valid": attempt.checked.valid,
        "issues": told,
        "usage": None if usage is None else [usage.input_tokens, usage.output_tokens],
        "ms": attempt.checked.ms,
    }


def _fitting(told: dict[str, Any]) -> dict[str, Any]:
    """Returns it without what there is no room for: first what can be had elsewhere, then the oldest attempts."""
    for name in ("feedback_next", "last_text", "votes", None, None, None, None):
        if size_of(told) <= _MOST_BYTES:
            return told
        told = _halved(told) if name is None else {key: value for key, value in told.items() if key != name}
    return told if size_of(told) <= _MOST_BYTES else _clipped(told)


def size_of(told: Any) -> int:
    """Returns the bytes of something as JSON, which is how hosts count; of None it is 0."""
    return 0 if told is None else len(json.dumps(told, ensure_ascii=False).encode(errors="replace"))


def _clipped(told: Any) -> Any:
    match told:
        case str():
            return clip(told, _WORDS_CHARS)
        case list():
            return [_clipped(value) for value in cast("list[Any]", told)]
        case dict():
            return {name: _clipped(value) for name, value in cast("dict[str, Any]", told).items()}
        case _:
            return told


def _halved(told: dict[str, Any]) -> dict[str, Any]:
    attempts, issues = told.get("attempts", []), told.get("issues", [])
    kept = (len(issues) + 1) // 2
    fewer: dict[str, Any] = {"attempts": attempts[len(attempts) // 2 :], "issues": issues[:kept]}
    fewer["more_issues"] = told.get("more_issues", 0) + len(issues) - kept
    return told | {name: value for name, value in fewer.items() if value}
