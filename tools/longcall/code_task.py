"""validate_code as a task: what is asked of it as a Call, and its report in place of a text."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from pydantic import ValidationError

from longcall.call import Call, Message, first_complaint
from longcall.errors import CallError
from longcall.models import Task, TaskState
from longcall.routing import CHECK
from longcall.text import clean, head
from longcall.validators import parse_validators

_JUDGED = ("models", "prompt", "require", "success_criteria", "servers", "mcp_config", "max_tokens", "criteria")
_VALUES = ("args", "kwargs", "expected")


def check_call(
    given: Mapping[str, Any],
    *,
    criteria: list[str] | None = None,
    judge: Mapping[str, Any] | None = None,
    task: str | None = None,
    timeout_s: float,
) -> Call:
    """Returns what is asked: code, and what to hold it against.

    Args:
        given: what `longcall.validation.CodeRequest` takes; what is None counts as not given.
        criteria: what a judge must find true of the code.
        judge: who judges (`models`), and how; see `longcall.validators.judge.Judge`.
        task: what the code was to do, for the judge.
        timeout_s: seconds after which the work is stopped.

    Raises:
        CallError: it cannot be checked so; the sentence says why. Nothing was stored.
    """
    from longcall.validation import CodeRequest  # noqa: PLC0415  # a front that checks no code starts without it

    try:
        request = CodeRequest.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise CallError(first_complaint(error).replace("`the call`", "The request")) from None
    shown = request.code if request.code is not None else ", ".join(request.files)
    return Call(
        model=CHECK,
        messages=(Message(role="user", content=head(f"{request.language or 'code'}: {clean(shown)}")),),
        check=_portable(request.model_dump(exclude_unset=True)),
        validators=_judges(criteria, judge),
        original_prompt=task,
        timeout_s=timeout_s,
    )


def _judges(criteria: list[str] | None, judge: Mapping[str, Any] | None) -> tuple[Any, ...]:
    if not criteria and not judge:
        return ()
    asked = dict(judge or {})
    if unknown := [name for name in asked if name not in _JUDGED]:
        raise CallError(f"`judge` takes no `{unknown[0]}`; it takes {', '.join(_JUDGED)}.")
    if not asked.get("models"):
        raise CallError('Name who judges, as in judge={"models": ["anthropic/claude-sonnet-4-5"]}.')
    try:
        return parse_validators([{"type": "judge", **asked, **({"criteria": criteria} if criteria else {})}])
    except ValueError as error:
        raise CallError(f"`judge` cannot be used: {error}") from None


def _portable(request: dict[str, Any]) -> dict[str, Any]:
    """Returns a request as JSON that says the same: values that JSON has no words for take a form of their own."""
    from longcall.validation.inside.values import decode, encode  # noqa: PLC0415  # as above

    for case in request.get("cases", ()):
        for name in _VALUES:
            if name in case:
                case[name] = encode(decode(case[name]))
    return json.loads(clean(json.dumps(request, ensure_ascii=False)))


def with_report(task: Task) -> Task:
    """Returns a task with its report and, in place of its text, what the code's author should be told; others as is."""
    if task.model != CHECK or task.state is not TaskState.COMPLETED or task.report is not None:
        return task
    try:
        report = cast("dict[str, Any]", json.loads(task.text))
    except ValueError:  # listed without its text
        return task
    return replace(task, text=str(report.pop("feedback", "")), report=report)
