"""Cases: inputs go in, results come out, and whether they are right is decided out here, out of reach."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from longcall.validation.compare import ForgedError
from longcall.validation.execution import (
    Execution,
    broken,
    ended_early,
    failed_tests,
    how_it_ended,
    sandbox_or_skip,
    sandbox_report,
)
from longcall.validation.inside.values import decode, encode
from longcall.validation.judging import ClaimError, judged, missing_package, name_of, read_claims
from longcall.validation.report import Check, FailedTest
from longcall.validation.request import Case
from longcall.validation.sandbox import Job, Limits, Outcome, SandboxError
from longcall.validation.sandbox.interpreter import interpreter
from longcall.validation.sandbox.monty import call_in_monty
from longcall.validation.submission import Submission, laid_out

_CALL = ("{python}", "-I", "-S", "-B", "{inside}/start.py", "call_cases", "{spec}", "{in}/config", "{result}")


async def run_cases(submission: Submission, cases: Sequence[tuple[str, Case]], limits: Limits) -> Execution:
    """Calls functions of a Python submission; each case comes with the name of its function.

    Monty, which has no way to the system at all, is asked first: what passes there has passed. What does not may use
    what Monty lacks, and is run in CPython.
    """
    begun = time.monotonic()
    told = await call_in_monty(submission, cases, limits)
    if told is not None and told.records is not None:
        failed = judged(cases, told.records)
        if not failed:
            count, _ = failed_tests([], len(cases))
            return Execution(_check("pass", "monty", begun), count, sandbox_report(told.outcome, limits), "high")
    backend = await sandbox_or_skip("expected")
    if isinstance(backend, Execution):
        return backend
    config = {
        "main": submission.main, "module": module_name(submission.main), "path": [],
        "cases": [_sent(function, case) for function, case in cases],
    }  # fmt: skip
    with laid_out({"code": submission.texts}) as folder:
        try:
            outcome = await backend.run(_job(folder, config, limits))
        except SandboxError as error:
            return broken("expected", backend.name, error)
    return _concluded(cases, outcome, limits, begun)


def _job(folder: Path, config: dict[str, Any], limits: Limits) -> Job:
    python = interpreter()
    config["path"] = [str(path) for path in python.packages]
    (folder / "config").write_text(repr(config), "utf-8")
    (folder / "config").chmod(0o644)
    return Job(_CALL, folder, limits)


def module_name(path: str) -> str:
    """Returns the name under which a file is imported."""
    return path.removesuffix(".py").replace("/", ".")


def _sent(function: str, case: Case) -> dict[str, Any]:
    """Returns what the sandbox learns of a case: everything but what is expected."""
    return {
        "function": function,
        "args": encode(decode(list(case.args))),
        "kwargs": encode(decode(dict(case.kwargs))),
        "printed": case.expected_stdout is not None,
    }


def _check(status: Any, tool: str, begun: float, reason: str | None = None, detail: str | None = None) -> Check:
    return Check("expected", status, tool, ms=round((time.monotonic() - begun) * 1000, 1), reason=reason, detail=detail)


def _concluded(cases: Sequence[tuple[str, Case]], outcome: Outcome, limits: Limits, begun: float) -> Execution:
    report = sandbox_report(outcome, limits)
    ended = ended_early(outcome, limits)
    try:
        records = read_claims(outcome.result, len(cases), whole=ended is None)
        failed = judged(cases, records)
    except (ClaimError, ForgedError) as error:
        detail = f"what came back is not what was asked for: {error}; {how_it_ended(outcome)}"
        return Execution(
            _check("fail", outcome.backend, begun, getattr(error, "reason", "forged"), detail), None, report, "high"
        )
    if missing := missing_package(records):
        detail = f"the package {missing!r} is not installed where code is run"
        return Execution(_check("skipped", outcome.backend, begun, "missing_dependency", detail), None, report)
    unanswered = len(cases) - (len(records) if records and "load" not in records[0] else 0)
    if ended is not None and unanswered:
        failed += [
            FailedTest(
                name_of(number, *cases[number]), ended if number == len(cases) - unanswered else "it was not reached"
            )
            for number in range(len(cases) - unanswered, len(cases))
        ]
    count, left_out = failed_tests(failed, len(cases))
    reason = outcome.ended_by if ended is not None else None
    check = _check(
        "fail" if failed else "pass", outcome.backend, begun, reason if failed else None, ended if failed else None
    )
    return Execution(check, count, report, "high", left_out)
