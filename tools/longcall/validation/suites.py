"""Test suites: the caller's own tests, run in the sandbox from a folder of their own that nobody inside can write to.

They run beside the code that they test, which can therefore deceive them: a pass is worth less than that of cases. What
is held: the tests that ran are those that were collected without the code, each of them passed, and every line that
says so carries a word that was handed over before any of the code was loaded.
"""

import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from longcall.validation.cases import module_name
from longcall.validation.checkers import SkippedError
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
from longcall.validation.programs import ENTER, missing_package, node_and_folders
from longcall.validation.report import Assurance, Check, FailedTest, Status
from longcall.validation.sandbox import Job, Limits, Outcome, Sandbox, SandboxError
from longcall.validation.sandbox.interpreter import interpreter
from longcall.validation.submission import Submission, laid_out

_RUN = ("{python}", "-I", "-S", "-B", "{inside}/start.py", "run_tests", "{spec}", "{in}/config", "{result}")
_JAVASCRIPT_TEST = re.compile(r"^\s*(?:await )?(?:test|it)(?:\.only)?\s*\(", re.MULTILINE)


async def run_suite(submission: Submission, tests: str | Mapping[str, str], limits: Limits) -> Execution:
    """Runs a suite: pytest or unittest for Python, node:test for JavaScript."""
    backend = await sandbox_or_skip("tests")
    if isinstance(backend, Execution):
        return backend
    try:
        if submission.language == "python":
            texts = {"test_main.py": tests} if isinstance(tests, str) else dict(tests)
            return await _python(backend, submission, texts, limits)
        if submission.language == "javascript":
            texts = {"main.test.mjs": tests} if isinstance(tests, str) else dict(tests)
            return await _javascript(backend, submission, texts, limits)
    except SandboxError as error:
        return broken("tests", backend.name, error)
    except SkippedError as error:
        return skipped("tests", "sandbox", error.reason, error.detail)
    return skipped(
        "tests", "sandbox", "no_runner", f"tests in {submission.language or 'an unknown language'} are not run here"
    )


async def _python(backend: Sandbox, submission: Submission, tests: dict[str, str], limits: Limits) -> Execution:
    begun = time.monotonic()
    python = interpreter()
    framework = "pytest" if any((folder / "pytest").is_dir() for folder in python.packages) else "unittest"
    if framework == "unittest" and not any("unittest" in text for text in tests.values()):
        return skipped("tests", "pytest", "tool_missing", "pytest is not installed where code is run")
    config = {
        "framework": framework,
        "tests": sorted(tests),
        "modules": sorted(module_name(path) for path in submission.texts if path.endswith(".py")),
        "alias": {"solution": "main"} if list(submission.texts) == ["main.py"] else {},
        "path": [str(path) for path in python.packages],
    }  # fmt: skip
    with laid_out({"code": submission.texts, "tests": tests}) as folder:
        dry, dry_outcome = await _run(backend, folder, {**config, "dry": True}, limits)
        real, outcome = await _run(backend, folder, config, limits)
    return _concluded(framework, dry, dry_outcome, real, outcome, limits, begun)


async def _run(
    backend: Sandbox, folder: Path, config: dict[str, Any], limits: Limits
) -> tuple[list[dict[str, Any]], Outcome]:
    (folder / "config").write_text(repr(config), "utf-8")
    (folder / "config").chmod(0o644)
    word = secrets.token_hex(16)
    outcome = await backend.run(Job(_RUN, folder, limits, stdin=word.encode()))
    return _lines(outcome.result, word), outcome


def _lines(result: bytes, word: str | None) -> list[dict[str, Any]]:
    """Returns the records; those without the word are nobody's."""
    found: list[dict[str, Any]] = []
    for line in result.split(b"\n"):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and (word is None or record.get("word") == word):  # pyright: ignore[reportUnknownMemberType]
            found.append(record)  # pyright: ignore[reportUnknownArgumentType]
    return found


def _concluded(
    tool: str,
    dry: list[dict[str, Any]],
    dry_outcome: Outcome,
    real: list[dict[str, Any]],
    outcome: Outcome,
    limits: Limits,
    begun: float,
) -> Execution:
    report = sandbox_report(outcome, limits)
    wanted = _collected(dry)
    ended = ended_early(outcome, limits)
    missing = next((str(record["missing"]) for record in real if record.get("missing")), None) or missing_package(
        outcome
    )
    if missing is not None:
        detail = f"a package is not installed where code is run: {missing}"
        return _execution(tool, begun, "skipped", "missing_dependency", detail, report)
    if not wanted:
        detail = "no tests were found in the test files" + (
            f": {dry_outcome.stderr[-300:]}" if dry_outcome.exit else ""
        )
        return _execution(tool, begun, "skipped", "no_tests", detail, report)
    results = {str(record.get("test")): record for record in real if "test" in record}
    failed = [
        _failed(name, results.get(name), ended or how_it_ended(outcome))
        for name in wanted
        if not _passed(results.get(name))
    ]
    skips = [name for name in wanted if results.get(name, {}).get("outcome") == "skipped"]
    if not failed and not any("done" in record for record in real):
        detail = f"the tests did not come to their end: {ended or how_it_ended(outcome)}"
        return _execution(tool, begun, "fail", outcome.ended_by or "ended_early", detail, report, "medium")
    count, left_out = failed_tests(failed, len(wanted))
    if failed and len(skips) == len(failed):
        detail = f"{len(skips)} tests were skipped, and show nothing"
        told = _execution(tool, begun, "skipped", "tests_skipped", detail, report)
    elif not failed and set(results) != set(wanted):
        detail = "other tests ran than those that were collected without the code"
        told = _execution(tool, begun, "warn", "collection_differs", detail, report)
    else:
        status: Status = "fail" if failed else "pass"
        told = _execution(tool, begun, status, outcome.ended_by, ended, report, "medium")
    return replace(told, tests=count, left_out=left_out)


def _execution(
    tool: str,
    begun: float,
    status: Status,
    reason: str | None,
    detail: str | None,
    report: Any,
    worth: Assurance = "none",
) -> Execution:
    ms = round((time.monotonic() - begun) * 1000, 1)
    return Execution(Check("tests", status, tool, ms=ms, reason=reason, detail=detail), None, report, worth)


def _collected(records: Sequence[dict[str, Any]]) -> list[str]:
    return next((record["collected"] for record in records if isinstance(record.get("collected"), list)), list[str]())


def _passed(record: dict[str, Any] | None) -> bool:
    return record is not None and record.get("outcome") == "passed"


def _failed(name: str, record: dict[str, Any] | None, how: str) -> FailedTest:
    if record is None:
        return FailedTest(name, f"it never told its result: {how}")
    if record.get("outcome") == "skipped":
        return FailedTest(name, "it was skipped")
    return FailedTest(name, str(record.get("message", "it failed"))[:1000])


async def _javascript(backend: Sandbox, submission: Submission, tests: dict[str, str], limits: Limits) -> Execution:
    begun = time.monotonic()
    node, folders = node_and_folders()
    files = [f"{{in}}/tests/{path}" for path in sorted(tests)]
    reporter = ("--test-reporter={inside}/reporter.mjs", "--test-reporter-destination=stdout")
    command = (*ENTER, str(node), "--test", *reporter, *files)
    with laid_out({"code": submission.texts, "tests": tests}) as folder:
        job = Job(command, folder, limits, b"", folders, {"LONGCALL_RESULT": "{result}"}, by_address_space=False)
        outcome = await backend.run(job)
    records = _lines(outcome.result, None)
    written = sum(len(_JAVASCRIPT_TEST.findall(text)) for text in tests.values())
    names = [str(record["test"]) for record in records if "test" in record]
    # Tests that were written and did not run count as failed: node leaves with 0 for a file without any.
    wanted = [*names, *(f"test {number} of the files" for number in range(len(names) + 1, written + 1))]
    dry = [{"collected": wanted}]
    return _concluded("node:test", dry, outcome, records, outcome, limits, begun)
