"""Cases: what goes in, what comes out, what is fast, what cannot be decided."""

from typing import Any

import pytest

from longcall.errors import CallError
from longcall.validation import CodeRequest, Report, validate_code
from longcall.validation.sandbox.choice import choose, forget_proofs, proofs

pytestmark = pytest.mark.anyio


async def check(code: str, *cases: dict[str, Any], **more: Any) -> Report:
    asked = {"code": code, "cases": cases, "language": "python", "checks": ("expected",), **more}
    return await validate_code(CodeRequest.model_validate(asked))


def backend(report: Report) -> str | None:
    """Returns where the code ran."""
    return report.sandbox.backend if report.sandbox else None


async def test_a_pure_function_that_is_right_passes_in_monty():
    report = await check(
        "def f(x, y=1):\n    return {'sum': x + y}\n", {"args": [1], "kwargs": {"y": 2}, "expected": {"sum": 3}}
    )

    assert (report.verdict, report.assurance, backend(report)) == ("pass", "high", "monty")
    assert report.tests is not None
    assert (report.tests.collected, report.tests.passed) == (1, 1)


async def test_what_fails_in_monty_is_run_again_where_all_of_python_is():
    code = "def f(n):\n    def count():\n        yield from range(n)\n    return sum(count())\n"
    report = await check(code, {"args": [4], "expected": 6})

    assert (report.verdict, backend(report)) == ("pass", "bwrap")


async def test_a_wrong_result_says_what_was_asked_expected_and_got():
    report = await check("def f(x):\n    return [x, x]\n", {"args": ["é"], "expected": ["é"], "name": "twice"})

    assert (report.verdict, backend(report)) == ("fail", "bwrap")
    assert report.tests is not None
    (failed,) = report.tests.failed
    assert (failed.name, failed.input, failed.expected, failed.got) == ("twice", "f('é')", "['é']", "['é', 'é']")
    assert "expected 1 items, got 2" in report.feedback


@pytest.mark.parametrize(
    ("body", "case", "verdict"),
    [
        ("return (1, 2)", {"expected": {"$tuple": [1, 2]}}, "pass"),
        ("return (1, 2)", {"expected": [1, 2]}, "fail"),
        ("return True", {"expected": 1}, "fail"),
        ("return 0.1 + 0.2", {"expected": 0.3}, "pass"),
        ("return 0.31", {"expected": 0.3}, "fail"),
        ("return 0.31", {"expected": 0.3, "tolerance": 0.1}, "pass"),
        ("raise KeyError('x')", {"raises": "KeyError"}, "pass"),
        ("raise KeyError('x')", {"raises": "LookupError"}, "pass"),
        ("raise KeyError('x')", {"raises": "ValueError"}, "fail"),
        ("return 1", {"raises": "ValueError"}, "fail"),
        ("raise KeyError('x')", {"expected": None}, "fail"),
        ("print('a  ')\n    print('b')", {"args": [], "expected_stdout": "a\nb"}, "pass"),
        ("print('a')", {"args": [], "expected_stdout": "b"}, "fail"),
        ("return {1: {2}}", {"expected": {"$dict": [[1, {"$set": [2]}]]}}, "pass"),
        ("import collections\n    return collections.Counter('aa')", {"expected": {"a": 2}}, "pass"),
    ],
)
async def test_types_values_exceptions_and_prints(body: str, case: dict[str, Any], verdict: str):
    report = await check(f"def f():\n    {body}\n", case)
    assert report.verdict == verdict


async def test_methods_and_several_functions():
    code = "class A:\n    @staticmethod\n    def m(x):\n        return x\n\ndef g(x):\n    return -x\n"
    cases = [{"function": "A.m", "args": [1], "expected": 1}, {"function": "g", "args": [1], "expected": -1}]

    assert (await check(code, *cases)).verdict == "pass"


async def test_the_function_must_be_known():
    two = "def f(): return 1\ndef g(): return 1\n"
    with pytest.raises(CallError, match=r"entry_point.*f, g"):
        await check(two, {"expected": 1})
    assert (await check(two, {"expected": 1}, entry_point="g")).verdict == "pass"
    assert (await check("def _f(): return 1\ndef g(): return 1\n", {"expected": 1})).verdict == "pass"
    assert (await check("x = 1\n", {"expected": 1}, entry_point="f")).verdict == "fail"


async def test_code_that_cannot_be_compiled_fails():
    report = await check("def f(:\n", {"expected": 1})

    assert report.verdict == "fail"
    assert "SyntaxError" in report.feedback


async def test_several_files_import_one_another():
    files = {
        "main.py": "from lib.helper import g\ndef f(x): return g(x)\n",
        "lib/helper.py": "def g(x): return x + 1\n",
    }
    asked = {"files": files, "cases": [{"args": [1], "expected": 2}], "checks": ["expected"], "entry_point": "f"}

    assert (await validate_code(CodeRequest.model_validate(asked))).verdict == "pass"


async def test_a_missing_package_is_no_fault_of_the_code():
    for code in ("import nobody_has_this\ndef f(): return 1\n", "def f():\n    import nobody_has_this\n"):
        report = await check(code, {"expected": 1})
        assert [(one.status, one.reason) for one in report.checks] == [("skipped", "missing_dependency")]
        assert (report.verdict, report.assurance) == ("inconclusive", "none")


async def test_too_much_time_memory_or_output_fails_and_says_so():
    limits = {"wall_s": 1, "cpu_s": 1, "memory_mb": 128}
    slow = await check(
        "def f(x):\n    while x: pass\n    return 0\n",
        {"args": [0], "expected": 0},
        {"args": [1], "expected": 0},
        limits=limits,
    )
    assert (slow.verdict, slow.checks[0].reason) == ("fail", "timeout")
    assert slow.tests is not None
    assert (slow.tests.collected, slow.tests.passed) == (2, 1)
    assert slow.sandbox is not None
    assert slow.sandbox.timed_out

    large = await check("def f():\n    return len(bytearray(10**9))\n", {"expected": 10**9}, limits=limits)
    assert large.verdict == "fail"
    assert "MemoryError" in large.feedback

    loud = await check(
        "import os\ndef f():\n    while True: os.write(1, b'x' * 9999)\n", {"expected": 1}, limits=limits
    )
    assert (loud.verdict, loud.checks[0].reason) == ("fail", "output_limit")


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "import sys\nprint(sys.stdin.read().strip()[::-1])\n"),
        ("javascript", "let t=require('fs').readFileSync(0, 'utf8').trim();\nconsole.log([...t].reverse().join(''))"),
        ("shell", 'read -r a\nb=""\nfor ((i=0; i<${#a}; i++)); do b="${a:i:1}$b"; done\necho "$b"\n'),
    ],
)  # fmt: skip
async def test_a_program_is_held_to_what_it_prints(language: str, code: str):
    right, wrong = {"stdin": "abc\n", "expected_stdout": "cba"}, {"stdin": "abc\n", "expected_stdout": "abc"}

    good = await check(code, right, {"stdin": "äé\n", "expected_stdout": "éä"}, language=language)
    assert (good.verdict, good.assurance, good.feedback[:20]) == ("pass", "high", "The code passed. 2 o")
    bad = await check(code, right, wrong, language=language)
    assert (bad.verdict, bad.tests and bad.tests.passed) == ("fail", 1)


async def test_a_program_that_prints_well_and_leaves_badly_fails():
    report = await check("print('ok')\nraise SystemExit(3)\n", {"expected_stdout": "ok"})

    assert report.verdict == "fail"
    assert "exit code 3" in report.feedback


async def test_functions_of_other_languages_are_not_called():
    report = await check("function f() { return 1 }", {"args": [], "expected": 1}, language="javascript")

    assert (report.verdict, report.checks[0].reason) == ("inconclusive", "no_runner")


async def test_a_run_that_ends_well_is_worth_little():
    right = await validate_code(CodeRequest(code="print(1)\n", language="python", checks=("run",)))
    assert (right.verdict, right.assurance, right.tests) == ("pass", "low", None)

    wrong = await validate_code(CodeRequest(code="print(1 / 0)\n", language="python", checks=("run",)))
    assert (wrong.verdict, wrong.checks[0].status) == ("fail", "fail")


async def test_without_a_sandbox_code_is_not_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LONGCALL_SANDBOX", "container")  # which nobody has configured
    mark = "longcall_was_here"
    report = await check(f"open('/tmp/{mark}', 'w')\ndef f(): return 1\n", {"expected": 1})

    assert [(one.status, one.reason) for one in report.checks] == [("skipped", "no_sandbox")]
    assert (report.verdict, report.assurance, report.sandbox) == ("inconclusive", "none", None)
    assert "not run" in report.feedback


async def test_only_the_operator_lets_code_run_without_a_sandbox_and_every_report_shows_it(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("LONGCALL_SANDBOX", "container")
    monkeypatch.setenv("LONGCALL_UNSANDBOXED", "1")
    report = await check("def f():\n    return 1\n", {"raises": "ValueError"})

    assert report.verdict == "fail"
    assert report.sandbox is not None
    assert (report.sandbox.backend, report.sandbox.network) == ("none", "open")


async def test_a_container_of_the_operators_must_prove_itself_too(monkeypatch: pytest.MonkeyPatch):
    # A command that runs everything as it is: the probes find out.
    monkeypatch.setenv("LONGCALL_SANDBOX", "container")
    monkeypatch.setenv("LONGCALL_CONTAINER", "sh -c 'exec \"$@\"' -- env")
    forget_proofs()
    chosen, why = await choose()

    assert chosen is None
    assert "container" in why


async def test_the_proofs_can_be_shown():
    told = {proof.backend: proof for proof in await proofs()}

    assert told["bwrap"].trusted
    assert not told["seatbelt"].trusted
    assert "macOS" in told["seatbelt"].detail
