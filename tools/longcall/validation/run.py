"""validate_code: from a request to a report."""

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

import anyio

from longcall.errors import CallError
from longcall.settings import SettingsError
from longcall.validation.cases import run_cases
from longcall.validation.checkers import BrokenToolError, SkippedError
from longcall.validation.execution import Execution, skipped
from longcall.validation.feedback import feedback
from longcall.validation.looking import Seen, as_diagnostics, look_at_python
from longcall.validation.merge import merged
from longcall.validation.programs import run_programs, smoke_run
from longcall.validation.report import Diagnostic, Report, Tally
from longcall.validation.request import CodeRequest
from longcall.validation.sandbox import CEILINGS, Limits, SandboxError
from longcall.validation.static import Found, check_statically
from longcall.validation.submission import Submission, laid_out, read_submission
from longcall.validation.suites import run_suite
from longcall.validation.verdict import assurance, verdict

Work = Callable[[], Awaitable[Execution]]
_ORDER = ("syntax", "lint", "types", "security", "run", "tests", "expected")


async def validate_code(request: CodeRequest) -> Report:
    """Checks code: static checkers and runs in a sandbox, all at once.

    Raises:
        CallError: the request cannot be carried out as it stands; the sentence says what to change.
    """
    submission = read_submission(request)
    limits = request.limits.below(ceilings())
    found, ran = Found(), list[Execution]()
    seen = await _look(submission)
    works = _works(submission, seen, limits)

    async def statically() -> None:
        told = await check_statically(submission)
        found.checks += told.checks
        found.diagnostics += told.diagnostics

    async def run(work: Work) -> None:
        ran.append(await work())

    async with anyio.create_task_group() as group:
        group.start_soon(statically)
        for work in works:
            group.start_soon(run, work)
    return _report(submission, found, ran, seen)


def ceilings() -> Limits:
    """Returns the most that a request may ask for: LONGCALL_SANDBOX_WALL_S, …_CPU_S, …_MEMORY_MB, and so on.

    Raises:
        SettingsError: a variable holds something that cannot be used.
    """
    found: dict[str, float] = {}
    for name in ("wall_s", "cpu_s", "memory_mb", "processes", "output_kb", "file_mb"):
        variable = f"LONGCALL_SANDBOX_{name.upper()}"
        if text := os.environ.get(variable, "").strip():
            try:
                figure = float(text) if name.endswith("_s") else int(text)
            except ValueError:
                figure = 0
            if not 0 < figure < float("inf"):
                raise SettingsError(f"{variable} is {text!r}, but must be a figure above 0.")
            found[name] = figure
    return replace(CEILINGS, **found)


async def _look(submission: Submission) -> dict[str, Seen]:
    request = submission.request
    unnamed = any(not case.is_program and case.function is None for case in request.cases)
    if submission.language != "python" or not (request.tests or (unnamed and request.entry_point is None)):
        return {}
    texts = submission.by_language["python"]
    with laid_out({"code": texts}) as folder:
        try:
            return await look_at_python(texts, folder)
        except (BrokenToolError, SkippedError, SandboxError):
            return {}  # the checker `compile` meets the same, and tells of it


def _works(submission: Submission, seen: dict[str, Seen], limits: Limits) -> list[Work]:
    """Returns what has to be run."""
    request = submission.request
    works: list[Work] = []
    programs = [("", case) for case in request.cases if case.is_program]
    calls = [case for case in request.cases if not case.is_program]
    if programs:
        works.append(partial(run_programs, submission, programs, limits))
    if calls and submission.language != "python":
        works.append(
            partial(
                _no_runner,
                "expected",
                f"functions in {submission.language or 'an unknown language'} are not called here",
            )
        )
    elif calls:
        named = [(case.function or _entry_point(submission, seen), case) for case in calls]
        works.append(partial(run_cases, submission, named, limits))
    if request.tests is not None:
        works.append(partial(run_suite, submission, request.tests, limits))
    if request.checks is not None and "run" in request.checks:
        works.append(partial(smoke_run, submission, limits))
    return works


async def _no_runner(check: str, detail: str) -> Execution:
    return skipped(check, "sandbox", "no_runner", detail)


def _entry_point(submission: Submission, seen: dict[str, Seen]) -> str:
    if submission.request.entry_point is not None:
        return submission.request.entry_point
    functions = seen[submission.main].functions if submission.main in seen else ()
    if seen and seen[submission.main].errors and not functions:
        return "main"  # it cannot be compiled, and whatever is called fails for that reason
    if len(functions) != 1:
        told = f"it defines {', '.join(functions)}" if functions else "it defines none" if seen else "it cannot be read"
        raise CallError(f"Say with `entry_point` which function of {submission.main} the cases call: {told}.")
    return functions[0]


def _report(submission: Submission, found: Found, ran: Sequence[Execution], seen: dict[str, Seen]) -> Report:
    asked = frozenset(submission.request.checks or ())
    in_process = [one for one in ran if one.check.check == "tests"]
    diagnostics: list[Diagnostic] = list(found.diagnostics)
    if in_process:
        flagged = [(path, one) for path, one in seen.items() if one.flags]
        diagnostics += [told for path, one in flagged for told in as_diagnostics(path, one)]
        ran = [_doubted(one) if flagged and one.check.check == "tests" else one for one in ran]
    checks = sorted([*found.checks, *(one.check for one in ran)], key=lambda check: _ORDER.index(check.check))
    shown, left_out = merged(diagnostics, submission.texts)
    decided = verdict(checks, asked)
    tests = _together([one.tests for one in ran if one.tests is not None])
    more_failed = sum(one.left_out for one in ran)
    # The run that says most: one that did not end well, else the last.
    boxes = [one.sandbox for one in ran if one.sandbox is not None]
    box = next((one for one in boxes if one.timed_out or one.oom or one.truncated), boxes[-1] if boxes else None)
    return Report(
        verdict=decided,
        assurance=assurance(checks, [one.assurance for one in ran if one.check.status in ("pass", "fail")]),
        language=submission.language,
        language_source=submission.source,
        checks=tuple(checks),
        diagnostics=shown,
        tests=tests,
        sandbox=box,
        feedback=feedback(decided, checks, shown, tests),
        truncated={"diagnostics": left_out, "failed_tests": more_failed},
    )


def _doubted(execution: Execution) -> Execution:
    if execution.check.status != "pass":
        return execution
    detail = "the code holds what can deceive tests that run beside it; give `cases`, which are decided outside"
    return replace(
        execution, check=replace(execution.check, status="warn", reason="tampering_suspected", detail=detail)
    )


def _together(counts: Sequence[Tally]) -> Tally | None:
    if not counts:
        return None
    failed = tuple(one for count in counts for one in count.failed)
    return Tally(sum(count.collected for count in counts), sum(count.passed for count in counts), failed[:20])
