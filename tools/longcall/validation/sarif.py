"""A report as SARIF 2.1.0, the format that code hosts and editors read."""

from importlib.metadata import version
from typing import Any

from longcall.validation.report import Diagnostic, FailedTest, Fix, Report

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note", "hint": "note"}
_FAILED_TEST = "failed-test"


def sarif(report: Report) -> dict[str, Any]:
    """Returns the report as a SARIF log of one run. Columns count code points, as everywhere in a report."""
    failed = report.tests.failed if report.tests else ()
    results = [_result(one) for one in report.diagnostics] + [_failed(one) for one in failed]
    rules = {rule["id"]: rule for rule in map(_rule, report.diagnostics)}
    if failed:
        rules[_FAILED_TEST] = {
            "id": _FAILED_TEST,
            "shortDescription": {"text": "A test or an expected result did not hold"},
        }
    driver = {"name": "longcall", "version": version("longcall"), "rules": list(rules.values())}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "invocations": [
            {"executionSuccessful": report.verdict != "error", "toolExecutionNotifications": _notes(report)}
        ],
        "properties": {"verdict": report.verdict, "assurance": report.assurance, "language": report.language},
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _notes(report: Report) -> list[dict[str, Any]]:
    return [
        {
            "level": "error" if check.status == "error" else "warning",
            "message": {"text": f"{check.check} by {check.tool} was not done: {check.detail or check.reason}"},
        }
        for check in report.checks
        if check.status in ("skipped", "error")
    ]


def _id(one: Diagnostic) -> str:
    return f"{one.source.partition(',')[0]}/{one.code or one.check}"


def _rule(one: Diagnostic) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": _id(one), "properties": {"check": one.check}}
    return {**rule, "helpUri": one.url} if one.url else rule


def _result(one: Diagnostic) -> dict[str, Any]:
    region = {
        "startLine": one.line, "startColumn": one.column, "endLine": one.end_line, "endColumn": one.end_column,
        "snippet": {"text": one.excerpt},
    }  # fmt: skip
    place = {"artifactLocation": {"uri": _uri(one.path)}, "region": region}
    result: dict[str, Any] = {
        "ruleId": _id(one),
        "level": _LEVELS[one.severity],
        "message": {"text": one.message},
        "locations": [{"physicalLocation": place}],
    }
    return {**result, "fixes": [_fix(one.path, one.fix)]} if one.fix and one.fix.edits else result


def _fix(path: str, fix: Fix) -> dict[str, Any]:
    replacements = [
        {
            "deletedRegion": {
                "startLine": edit.line, "startColumn": edit.column,
                "endLine": edit.end_line, "endColumn": edit.end_column,
            },
            "insertedContent": {"text": edit.text},
        }
        for edit in fix.edits
    ]  # fmt: skip
    change = {"artifactLocation": {"uri": _uri(path)}, "replacements": replacements}
    return {"description": {"text": fix.message or f"{fix.applicability} fix"}, "artifactChanges": [change]}


def _failed(one: FailedTest) -> dict[str, Any]:
    told = [one.message, *(f"{word}: {text}" for word, text in (("expected", one.expected), ("got", one.got)) if text)]
    return {"ruleId": _FAILED_TEST, "level": "error", "message": {"text": f"{one.name}: {'; '.join(told)}"}}


def _uri(path: str) -> str:
    return path.replace(" ", "%20") or "code"
