"""validate_code as a task: what is asked of it as a Call, and its report in place of a text."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from pydantic import ValidationError

from longcall.call import Call
from longcall.calling import demand_served
from longcall.complaint import first_complaint
from longcall.errors import CallError
from longcall.message import Message
from longcall.models import Task, TaskState
from longcall.routing import CHECK
from longcall.text import clean, head
from longcall.validators import fault_of, parse_validators

_JUDGED = ("models", "prompt", "require", "success_criteria", "servers", "mcp_config", "max_tokens", "criteria")
_Told = Callable[[Callable[[Any], Any], Any], Any]
_VALUES: tuple[tuple[str, _Told], ...] = (
    ("args", lambda tell, values: [tell(value) for value in values]),
    ("kwargs", lambda tell, values: {name: tell(value) for name, value in values.items()}),
    ("expected", lambda tell, value: tell(value)),
)
"""Which parts of a case are values of the language, and how each of them is told."""


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
        raise CallError(first_complaint(error, whole="The request")) from None
    shown = request.code if request.code is not None else ", ".join(request.files)
    call = Call(
        model=CHECK,
        messages=(Message(role="user", content=head(f"{request.language or 'code'}: {clean(shown)}")),),
        check=_portable(request.model_dump(exclude_unset=True)),
        validators=_judges(criteria, judge),
        original_prompt=task,
        timeout_s=timeout_s,
    )
    demand_served(call)
    return call


def _judges(criteria: list[str] | None, judge: Mapping[str, Any] | None) -> tuple[Any, ...]:
    if not criteria and not judge:
        return ()
    asked = dict(judge or {})
    if unknown := [name for name in asked if name not in _JUDGED]:
        raise CallError(f"`judge` takes no `{unknown[0]}`; it takes {', '.join(_JUDGED)}.")
    if not asked.get("models"):
        raise CallError('Name who judges in `judge`, as in {"models": ["anthropic/claude-sonnet-4-5"]}.')
    try:
        return parse_validators([{"type": "judge", **asked, **({"criteria": criteria} if criteria else {})}])
    except ValueError as error:
        raise CallError(f"`judge` cannot be used: {fault_of(error)}") from None


def _portable(request: dict[str, Any]) -> str:
    """Returns a request as JSON that says the same: values that JSON has no words for take a form of their own."""
    from longcall.validation.inside.values import decode, encode  # noqa: PLC0415  # as above

    for case in request.get("cases", ()):
        for name, told in _VALUES:
            if name in case:
                case[name] = told(lambda value: encode(decode(value)), case[name])
    return clean(json.dumps(request, ensure_ascii=False))


def with_report(task: Task) -> Task:
    """Returns a task with its report and, in place of its text, what the code's author should be told; others as is."""
    if task.model != CHECK or task.state is not TaskState.COMPLETED or task.report is not None:
        return task
    try:
        report = cast("dict[str, Any]", json.loads(task.text))
    except ValueError:  # listed without its text
        return task
    return replace(task, text=str(report.pop("feedback", "")), report=_said(report))


def _said(value: Any) -> Any:
    """Returns what a report says, without what it leaves open."""
    if isinstance(value, dict):
        known = cast("dict[str, Any]", value)
        return {name: _said(part) for name, part in known.items() if part is not None}
    return [_said(part) for part in cast("list[Any]", value)] if isinstance(value, list) else value


def sarif_of(report: dict[str, Any]) -> dict[str, Any]:
    """Returns a report, as results carry it, as a SARIF 2.1.0 log."""
    from pydantic import TypeAdapter  # noqa: PLC0415  # few ask for it

    from longcall.validation import Report, sarif  # noqa: PLC0415  # a front that checks no code starts without it

    told = {"language": None, "tests": None, "sandbox": None, "feedback": "", **report}
    return sarif(TypeAdapter(Report).validate_python(told))


def fitting(report: dict[str, Any], most_bytes: int) -> dict[str, Any]:
    """Returns a report in at most about so many bytes: fixes go first, then lines of code, then the last findings."""
    told: dict[str, Any] = report
    for name in ("fix", "excerpt", "url"):
        if _size(told) <= most_bytes:
            return told
        found = [{key: value for key, value in one.items() if key != name} for one in told["diagnostics"]]
        told = {**told, "diagnostics": found}
    while _size(told) > most_bytes and told["diagnostics"]:
        kept = told["diagnostics"][: len(told["diagnostics"]) // 2]
        left_out = told["truncated"].get("diagnostics", 0) + len(told["diagnostics"]) - len(kept)
        told = {**told, "diagnostics": kept, "truncated": {**told["truncated"], "diagnostics": left_out}}
    return told


def _size(report: dict[str, Any]) -> int:
    return len(json.dumps(report).encode())
