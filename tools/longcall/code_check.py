"""Checks code for a task: tools and runs first, then judges, who can only lower what these came to."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from longcall.call import Call
from longcall.checking import Judgement
from longcall.errors import CallError
from longcall.judge import Bench
from longcall.text import clip
from longcall.validation import Case, CodeRequest, Report, validate_code
from longcall.validation.feedback import feedback
from longcall.validation.report import Check
from longcall.validation.verdict import verdict
from longcall.validators.base import Answer
from longcall.validators.judge import Judge

_DETAIL_CHARS = 2_000


async def check_code(call: Call, bench: Bench) -> Report:
    """Returns the report on the code that `call` carries; `bench` asks its judges.

    Raises:
        CallError: the request cannot be carried out as it stands.
    """
    request = CodeRequest.model_validate_json(call.check or "{}")
    report = await validate_code(request)
    for judge in call.judges:
        report = await _judged(report, request, judge, call, replace(bench, prove=_Proof(request).reproduces))
    return report


async def _judged(report: Report, request: CodeRequest, judge: Judge, call: Call, bench: Bench) -> Report:
    models = ", ".join(judge.models)
    if report.verdict == "fail":
        told = Check("judge", "skipped", models, reason="failed_before", detail="the code had failed without a judge")
        return _with(report, request, told)
    begun = time.monotonic()
    answer = Answer(_text(request), call.original_prompt or "(not told)", findings=report.feedback)
    judgement = await bench.judge(judge, answer)
    return _with(report, request, _check_of(judgement, models, (time.monotonic() - begun) * 1000))


def _check_of(judgement: Judgement, models: str, ms: float) -> Check:
    if judgement.issues:
        said = "; ".join(f"{issue.path}: {issue.message}".removeprefix(": ") for issue in judgement.issues)
        return Check("judge", "fail", models, ms=round(ms, 1), reason="judged", detail=clip(said, _DETAIL_CHARS))
    if judgement.errors:
        detail = clip("; ".join(judgement.errors), _DETAIL_CHARS)
        return Check("judge", "error", models, ms=round(ms, 1), reason="no_verdict", detail=detail)
    said = "; ".join(vote.reason for vote in judgement.votes if vote.reason)
    return Check("judge", "pass", models, ms=round(ms, 1), detail=clip(said, _DETAIL_CHARS) or None)


def _with(report: Report, request: CodeRequest, judged: Check) -> Report:
    checks = (*report.checks, judged)
    decided = verdict(checks, {*(request.checks or ()), "judge"})
    told = feedback(decided, checks, report.diagnostics, report.tests)
    return replace(report, checks=checks, verdict=decided, feedback=told)


def _text(request: CodeRequest) -> str:
    if request.code is not None:
        return request.code
    return "\n\n".join(f"File {path}:\n{text}" for path, text in request.files.items())


class _Proof:
    """Runs what a judge says goes wrong."""

    def __init__(self, request: CodeRequest) -> None:
        self._request = request

    async def reproduces(self, example: Any) -> bool | None:
        """Whether the code fails a judge's counterexample; None when that cannot be found out."""
        try:
            case = Case.model_validate(example)
            kept = ("code", "files", "main", "language", "entry_point", "limits")
            asked = {name: value for name, value in self._request if name in kept and value is not None}
            asked |= {"cases": (case,), "checks": ("expected",)}
            report = await validate_code(CodeRequest.model_validate(asked))
        except (ValidationError, CallError):
            return None
        return _outcome(report.checks)


def _outcome(checks: Sequence[Check]) -> bool | None:
    [ran] = [check.status for check in checks if check.check == "expected"] or ["skipped"]
    return {"fail": True, "pass": False}.get(ran)
