"""validate_code: false alarms, what it sees, what it costs.

`--data FOLDER` (or LONGCALL_BENCH_DATA) names a folder with data that nobody here wrote, of which whatever is there is
used: `humanevalplus/HumanEvalPlus-OriginFmt.jsonl.gz` and `mbppplus/MbppPlus-OriginFmt.jsonl.gz` (evalplus,
Apache-2.0), `jsontestsuite.tar.gz` (nst/JSONTestSuite, MIT) and `sarif/sarif-2.1/schema/sarif-schema-2.1.0.json`
(OASIS).

Each task becomes cases: inputs and expected results as the set has them, decided outside the sandbox. Its canonical
solution must pass. One mutant of it, made by cosmic-ray, should not: some mutants mean the same as what they came from.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from benchmarks.report import Figure, median, quantile
from benchmarks.validation_tasks import Task, json_suite, mutant, read_humaneval, read_mbpp, sarif_errors
from longcall.validation import Case, CodeRequest, Report, validate_code
from longcall.validation.checkers.documents import InvalidDocumentError, parse_json
from longcall.validation.request import AskedLimits
from longcall.validation.sandbox import Job, Limits
from longcall.validation.sandbox.choice import choose
from longcall.validation.sandbox.monty import call_in_monty
from longcall.validation.submission import read_submission

DATA = "LONGCALL_BENCH_DATA"
_LIMITS = AskedLimits(wall_s=60, cpu_s=60)
"""Some inputs of the sets take tens of seconds by themselves; a mutant that runs for ever is given as much."""
_GOALS = {"HumanEval+": 1, "MBPP+": 2}


@dataclass
class Seen:
    """What one set of tasks came to."""

    alarms: list[str] = field(default_factory=list[str])
    undecided: list[str] = field(default_factory=list[str])
    mutants: int = 0
    caught: int = 0
    missed: list[str] = field(default_factory=list[str])
    ms: dict[str, list[float]] = field(default_factory=dict[str, list[float]])


async def run(*, quick: bool) -> list[Figure]:
    """Runs the whole; `quick` takes ten tasks of each set."""
    figures = await _overhead(5 if quick else 60)
    figures += await _static(3 if quick else 30)
    named = os.environ.get(DATA, "")
    folder = Path(named)
    if not named:
        print(f"no {DATA}: the sets of tasks are left out", file=sys.stderr)
        return figures
    for name, read in (("HumanEval+", read_humaneval), ("MBPP+", read_mbpp)):
        tasks, skipped = read(folder)
        if tasks:
            chosen = tasks[:: max(1, len(tasks) // 10)] if quick else tasks
            figures += _told(name, await _through(name, chosen), len(chosen), skipped)
    figures += _json(folder)
    return figures + await _sarif(folder)


async def _through(name: str, tasks: list[Task]) -> Seen:
    seen = Seen()
    limiter = anyio.CapacityLimiter(os.cpu_count() or 1)

    async def one(task: Task) -> None:
        async with limiter:
            await _one(task, seen)

    async with anyio.create_task_group() as group:
        for task in tasks:
            group.start_soon(one, task)
    for title, found in (("alarms", seen.alarms), ("undecided", seen.undecided), ("missed", seen.missed)):
        print(f"{name} {title}: {'; '.join(found) or 'none'}", file=sys.stderr)
    return seen


async def _one(task: Task, seen: Seen) -> None:
    right = await _checked(task, task.code, seen)
    if right.verdict == "fail":
        told = right.tests.failed[0].message if right.tests and right.tests.failed else right.checks[-1].detail
        seen.alarms.append(f"{task.name} ({told})"[:200])
        return
    if right.verdict != "pass":
        seen.undecided.append(f"{task.name} ({right.checks[-1].reason})")
        return
    changed = mutant(task)
    if changed is None:
        return
    seen.mutants += 1
    wrong = await _checked(task, changed, None)
    if wrong.verdict == "fail":
        seen.caught += 1
    else:
        seen.missed.append(task.name)


async def _checked(task: Task, code: str, seen: Seen | None) -> Report:
    request = CodeRequest(
        code=code,
        language="python",
        cases=tuple(task.cases),
        entry_point=task.entry_point,
        checks=("expected",),
        limits=_LIMITS,
    )
    begun = time.perf_counter()
    report = await validate_code(request)
    if seen is not None and report.sandbox is not None:
        seen.ms.setdefault(report.sandbox.backend, []).append((time.perf_counter() - begun) * 1000)
    return report


def _told(name: str, seen: Seen, count: int, skipped: int) -> list[Figure]:
    alarms, most = len(seen.alarms), _GOALS[name]
    figures = [
        Figure(f"{name}: tasks", count, ""),
        Figure(f"{name}: tasks whose results are no plain values", skipped, ""),
        Figure(f"{name}: false alarms on canonical solutions", alarms, "", None, f"≤ {most}", alarms <= most),
        Figure(f"{name}: canonical solutions that could not be decided", len(seen.undecided), ""),
        Figure(f"{name}: mutants seen", seen.caught / seen.mutants * 100 if seen.mutants else 0.0, "%"),
    ]
    for backend, ms in sorted(seen.ms.items()):
        figures += [
            Figure(f"{name}: decided by {backend}", len(ms), ""),
            Figure(f"{name}: time by {backend}, p50", median(ms), "ms"),
            Figure(f"{name}: time by {backend}, p95", quantile(ms, 0.95), "ms"),
        ]
    return figures


async def _overhead(rounds: int) -> list[Figure]:
    backend, why = await choose()
    if backend is None:
        print(f"no sandbox: {why}", file=sys.stderr)
        return []
    python = [sys.executable, "-I", "-S", "-c", "pass"]
    command = ("{python}", "-I", "-S", "-B", "{inside}/start.py", "call_cases", "{spec}", "{in}/config", "{result}")
    boxed, bare, monty, whole = list[float](), list[float](), list[float](), list[float]()
    request = CodeRequest(
        code="def f(x):\n    return x\n", language="python", cases=(Case(args=(1,), expected=1),), entry_point="f",
        checks=("expected",),
    )  # fmt: skip
    submission = read_submission(request)
    with tempfile.TemporaryDirectory() as outer:
        folder = Path(outer) / "in"
        (folder / "code").mkdir(parents=True)
        (folder / "code" / "main.py").write_text("def f(x):\n    return x\n", "utf-8")
        case: dict[str, object] = {"function": "f", "args": [1], "kwargs": {}, "printed": False}
        (folder / "config").write_text(
            repr({"main": "main.py", "module": "main", "path": [], "cases": [case]}), "utf-8"
        )
        for _ in range(rounds):
            bare.append(await _timed_process(python))
            begun = time.perf_counter()
            outcome = await backend.run(Job(command, folder, Limits()))
            boxed.append((time.perf_counter() - begun) * 1000)
            assert b'"value":1' in outcome.result
            told = await call_in_monty(submission, [("f", request.cases[0])], Limits())
            assert told is not None
            assert told.records
            monty.append(told.outcome.wall_ms)
            begun = time.perf_counter()
            await validate_code(request)
            whole.append((time.perf_counter() - begun) * 1000)
    added, fastest = median(boxed) - median(bare), min(boxed) - min(bare)
    return [
        Figure(f"one case in {backend.name}, against a bare Python start, p50", median(boxed), "ms", median(bare)),
        Figure("  added by the sandbox, p50", added, "ms", None, "≤ 15 ms", added <= 15),
        Figure("  added by the sandbox, least of each", fastest, "ms"),
        Figure("one case in Monty, p50", median(monty), "ms", None, "≤ 1 ms", median(monty) <= 1),
        Figure("one case in Monty, p95", quantile(monty, 0.95), "ms"),
        Figure("the whole request around it, p50", median(whole), "ms"),
    ]


async def _timed_process(argv: list[str]) -> float:
    begun = time.perf_counter()
    await anyio.to_thread.run_sync(lambda: subprocess.run(argv, check=True))
    return (time.perf_counter() - begun) * 1000


async def _static(rounds: int) -> list[Figure]:
    ms: list[float] = []
    code = "import json\n\n\ndef f(x: int) -> str:\n    return json.dumps({'x': x})\n"
    for _ in range(rounds):
        begun = time.perf_counter()
        report = await validate_code(CodeRequest(code=code, language="python"))
        ms.append((time.perf_counter() - begun) * 1000)
        assert report.verdict == "pass", report.feedback
    return [
        Figure("static checks of a small Python file, p50", median(ms), "ms"),
        Figure("static checks of a small Python file, p95", quantile(ms, 0.95), "ms"),
    ]


def _json(folder: Path) -> list[Figure]:
    counts: Counter[tuple[str, bool]] = Counter()
    for name, content in json_suite(folder):
        try:
            parse_json(content.decode("utf-8"))
            counts[name[0], True] += 1
        except (InvalidDocumentError, UnicodeDecodeError):
            counts[name[0], False] += 1
    if not counts:
        return []
    wrong = counts["y", False] + counts["n", True]
    total = sum(number for (kind, _), number in counts.items() if kind in "yn")
    return [Figure(f"JSONTestSuite: wrong of {total} y_ and n_ texts", wrong, "", None, "0", wrong == 0)]


async def _sarif(folder: Path) -> list[Figure]:
    codes = ("def f(:\n", "x = undefined\n", "import subprocess\nsubprocess.run('ls', shell=True)\n", "x = 1\n")
    reports = [await validate_code(CodeRequest(code=code, language="python")) for code in codes]
    reports.append(await validate_code(CodeRequest(code="echo $1\n", language="shell")))
    reports.append(await validate_code(CodeRequest(code="def f(): return 1\n", cases=(Case(args=(), expected=2),))))
    errors = sarif_errors(folder, reports)
    if errors is None:
        return []
    for error in errors:
        print(f"SARIF: {error}", file=sys.stderr)
    return [Figure(f"SARIF: errors in {len(reports)} logs by the OASIS schema", len(errors), "", None, "0", not errors)]
