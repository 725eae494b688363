"""The verdict, the list of findings, the feedback and SARIF: pure functions over what the checks found."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from longcall.validation import CodeRequest, Report, sarif, validate_code
from longcall.validation.feedback import MOST_BYTES, feedback
from longcall.validation.merge import MOST, merged
from longcall.validation.report import Check, Diagnostic, Edit, FailedTest, Fix, Status, Tally
from longcall.validation.verdict import assurance, verdict


def check(name: str, status: Status, reason: str | None = None) -> Check:
    return Check(name, status, "tool", reason=reason)


def diagnostic(line: int = 1, column: int = 1, **more: object) -> Diagnostic:
    found = Diagnostic("main.py", line, column, line, column + 1, "error", "ruff", "F821", "Undefined name", "lint")
    return replace(found, **more)


@pytest.mark.parametrize(
    ("checks", "asked", "expected"),
    [
        ([check("syntax", "pass")], [], "pass"),
        ([check("syntax", "warn")], [], "pass"),
        ([check("syntax", "pass"), check("lint", "fail")], [], "fail"),
        ([check("syntax", "pass"), check("expected", "fail"), check("tests", "skipped", "no_sandbox")], [], "fail"),
        ([check("syntax", "pass"), check("types", "skipped", "tool_missing")], [], "pass"),
        ([check("syntax", "pass"), check("types", "skipped", "tool_missing")], ["types"], "inconclusive"),
        ([check("syntax", "pass"), check("types", "error")], [], "pass"),
        ([check("syntax", "pass"), check("types", "error")], ["types"], "error"),
        ([check("syntax", "skipped", "no_checker")], [], "inconclusive"),
        ([check("syntax", "skipped", "tool_missing"), check("syntax", "pass")], [], "pass"),
        ([check("syntax", "pass"), check("expected", "skipped", "no_sandbox")], [], "inconclusive"),
        ([check("syntax", "pass"), check("tests", "warn", "tampering_suspected")], [], "inconclusive"),
        ([check("syntax", "pass"), check("expected", "error")], [], "error"),
        ([check("expected", "pass")], ["expected"], "pass"),
        ([], [], "inconclusive"),
    ],
)
def test_the_verdict_follows_from_the_checks(checks: list[Check], asked: list[str], expected: str):
    assert verdict(checks, asked) == expected


def test_assurance_is_that_of_the_best_run():
    assert assurance([check("syntax", "pass")], []) == "static"
    assert assurance([check("syntax", "pass")], ["low", "high"]) == "high"
    assert assurance([check("syntax", "skipped")], []) == "none"


def test_errors_come_first_and_the_list_is_cut_with_a_count():
    found = [diagnostic(line, severity="warning", code=f"B{line}") for line in range(1, 60)] + [diagnostic(99)]
    shown, left_out = merged(found, {"main.py": "x\n" * 100})

    assert (shown[0].line, shown[0].severity, len(shown), left_out) == (99, "error", MOST, 10)


def test_duplicates_are_merged_and_other_errors_of_the_line_are_not():
    found = [
        diagnostic(source="ruff"),
        diagnostic(source="ty", code="unresolved-reference", check="types"),
        diagnostic(column=5, code="F822"),
        diagnostic(line=2),
    ]
    shown, _ = merged(found, {"main.py": "one\ntwo"})

    assert [(one.line, one.source, one.code) for one in shown] == [
        (1, "ruff, ty", "F821"), (1, "ruff", "F822"), (2, "ruff", "F821"),
    ]  # fmt: skip
    assert [one.excerpt for one in shown] == ["one", "one", "two"]


def test_feedback_is_short_whatever_was_found():
    many = [diagnostic(line, message="é" * 3000, excerpt="é" * 200) for line in range(1, 51)]
    failed = tuple(FailedTest(f"case {n}", "ü" * 5000, "i" * 500, "e" * 500, "g" * 500) for n in range(20))
    long = [replace(check("tests", "skipped", "x"), detail="ö" * 5000) for _ in range(10)]
    text = feedback("fail", [check("syntax", "pass"), *long], many, Tally(20, 0, failed))

    assert len(text.encode()) <= MOST_BYTES
    assert "more." in text
    assert text.startswith("The code failed. 0 of 20 tests passed.")
    assert text.endswith("not a diff.")


def test_feedback_of_static_checks_never_says_that_code_works():
    text = feedback("pass", [check("syntax", "pass"), check("types", "skipped", "tool_missing")], [], None)

    assert "was not run" in text
    assert "valid" not in text
    assert "Not checked: types by tool (tool_missing)." in text


def test_sarif_tells_findings_fixes_failed_tests_and_what_was_not_done():
    fix = Fix("safe", (Edit(1, 1, 1, 2, "y"),), "Use y")
    report = Report(
        verdict="fail",
        assurance="high",
        language="python",
        language_source="param",
        checks=(check("lint", "fail"), check("types", "skipped", "tool_missing")),
        diagnostics=(diagnostic(fix=fix, url="https://example.org/F821"), diagnostic(path="a b.py", severity="hint")),
        tests=Tally(2, 1, (FailedTest("case 1", "expected 1, got 2", expected="1", got="2"),)),
        sandbox=None,
        feedback="",
    )
    log = json.loads(json.dumps(sarif(report)))
    (run,) = log["runs"]

    assert (log["version"], run["columnKind"]) == ("2.1.0", "unicodeCodePoints")
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
        ("ruff/F821", "error"), ("ruff/F821", "note"), ("failed-test", "error"),
    ]  # fmt: skip
    assert run["results"][0]["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"] == "y"
    assert run["results"][1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.py"
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert sorted(rules) == sorted(set(rules))
    assert {one["ruleId"] for one in run["results"]} <= set(rules)
    assert "types" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_importing_validation_imports_no_tool():
    tools = "{'html5lib', 'jsonschema_rs', 'pydantic_monty', 'sandlock', 'sqlglot', 'tree_sitter', 'yaml', 'yamllint'}"
    code = f"import sys, longcall.validation; print(sorted({tools} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"


@pytest.mark.anyio
async def test_a_report_is_data():
    report = await validate_code(CodeRequest(code="def f(:\n", language="python"))
    told = json.loads(json.dumps(report.as_dict()))

    assert set(told) == {
        "verdict", "assurance", "language", "language_source", "checks", "diagnostics", "tests", "sandbox", "feedback",
        "truncated",
    }  # fmt: skip
    assert told["diagnostics"][0]["excerpt"] == "def f(:"
    assert len(report.feedback.encode()) <= MOST_BYTES
