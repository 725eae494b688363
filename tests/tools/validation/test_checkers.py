"""Each checker with wrong code, which it must see, and with right code, of which it must say nothing."""

import shutil
from dataclasses import dataclass

import pytest
from support.node import missing

from longcall.validation import CodeRequest, Report, validate_code
from longcall.validation.checkers.documents import InvalidDocumentError, parse_json
from longcall.validation.report import Diagnostic

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Sample:
    """Wrong code and its right twin."""

    language: str
    wrong: str
    right: str
    where: tuple[int, int]
    """Line and column of the error."""
    check: str = "syntax"
    on_path: str | None = None
    """A program that the checker needs from the machine."""


SAMPLES = {
    "compile": Sample("python", "x = 'é' +\n", "x = 'é' + ''\n", (1, 10)),
    "ruff": Sample("python", "x = 'é'; y = undefined\n", "x = 'é'; y = x\n", (1, 14), "lint"),
    "ty": Sample("python", "é = 'é'; x: int = é\n", "é = 1; x: int = é\n", (1, 19), "types"),
    "oxlint": Sample("javascript", "const é = 'é'; let = = 1;\n", "const é = 'é';\n", (1, 22)),
    "node": Sample("javascript", "let a = ;\n", "let a = 1;\n", (1, 9), "syntax", "node"),
    "shellcheck": Sample("shell", "echo 'é'\nif true; then\n", "echo 'é'\nif true; then echo; fi\n", (2, 1)),
    "yamllint": Sample("yaml", "é: 1\na: [1, 2\n", "é: 1\na: [1, 2]\n", (3, 1)),
    "sqlglot": Sample("sql", "SELECT a FROM t WHER x = 1", "SELECT a FROM t WHERE x = 1", (1, 22)),
    "html5lib": Sample("html", "<div><p>é</span></div>", "<div><p>é</p></div>", (1, 16)),
    "json": Sample("json", '{"é": 1,\n "a": 01}', '{"é": 1,\n "a": 1}', (2, 8)),
    "tomllib": Sample("toml", "é = 1\n", "a = 'é'\n", (1, 1)),
    "hadolint": Sample("dockerfile", "FROM a:1\nFOO\n", "FROM a:1\nRUN true\n", (2, 1)),
    "tree-sitter": Sample("ruby", "def f(\n", "def f\nend\n", (1, 1)),
    "gcc": Sample("c", "int main(void) { return é; }\n", "int main(void) { return 0; }\n", (1, 25), "syntax", "gcc"),
    "g++": Sample("cpp", "int main() { return x; }\n", "int main() { return 0; }\n", (1, 21), "syntax", "g++"),
    "rustc": Sample("rust", "pub fn f() -> i32 { \"é\" }\n", "pub fn f() -> i32 { 1 }\n", (1, 21), "types", "rustc"),
    "go": Sample("go", "package main\nfunc main() { x }\n", "package main\nfunc main() { }\n", (2, 15), "syntax", "go"),
    "javac": Sample(
        "java", "class A { int f() { return 0 } }\n", "class A { int f() { return 0; } }\n", (1, 29), on_path="javac",
    ),
}  # fmt: skip


async def look(code: str, language: str, **more: object) -> Report:
    return await validate_code(CodeRequest.model_validate({"code": code, "language": language, **more}))


def of(report: Report, tool: str) -> list[Diagnostic]:
    """Returns what a tool found."""
    return [
        one for one in report.diagnostics if tool in one.source.split(", ") or (tool == "g++" and one.source == "gcc")
    ]


@pytest.mark.parametrize("tool", SAMPLES)
async def test_a_checker_sees_wrong_code_and_its_place(tool: str):
    sample = SAMPLES[tool]
    if sample.on_path and not shutil.which(sample.on_path):
        missing(sample.on_path)
    checks = (sample.check,) if sample.check == "types" else None
    report = await look(sample.wrong, sample.language, checks=checks)

    assert report.verdict == "fail"
    assert [check.status for check in report.checks if check.tool == tool and check.check == sample.check] == ["fail"]
    assert sample.where in [(one.line, one.column) for one in of(report, tool)]


@pytest.mark.parametrize("tool", SAMPLES)
async def test_a_checker_says_nothing_of_right_code(tool: str):
    sample = SAMPLES[tool]
    if sample.on_path and not shutil.which(sample.on_path):
        missing(sample.on_path)
    report = await look(sample.right, sample.language)

    assert (report.verdict, report.assurance) == ("pass", "static")
    assert [one for one in report.diagnostics if one.severity in ("error", "warning")] == []
    assert "pass" in [check.status for check in report.checks if check.tool == tool]
    assert "was not run" in report.feedback


@pytest.mark.parametrize(("tool", "found"), [("mypy", "assignment"), ("pyright", "reportAssignmentType")])
async def test_other_type_checkers_look_when_they_are_asked(tool: str, found: str):
    if tool == "pyright" and not shutil.which("node"):
        missing("node")
    wrong = "def f(x: int) -> str:\n    e = 'e'; y: str = x\n    return y + e\n"
    report = await look(wrong, "python", checks=("types",), type_checkers=(tool,))

    assert report.verdict == "fail"
    assert [(one.code, one.line, one.column) for one in report.diagnostics] == [(found, 2, 23)]


async def test_a_package_that_is_not_installed_is_no_fault_of_types():
    code = "import a_package_that_nobody_has\n\nx = a_package_that_nobody_has.f(1)\n"
    for tool in ("ty", "mypy"):
        report = await look(code, "python", checks=("types",), type_checkers=(tool,))
        assert (tool, report.verdict) == (tool, "pass")


async def test_findings_of_security_warn_and_fail_only_when_asked_for():
    code = "import subprocess\n\nsubprocess.run('ls', shell=True)\n"

    assert (await look(code, "python")).verdict == "pass"
    told = await look(code, "python", checks=("security",))
    assert told.diagnostics[0].code in ("S602", "S607")
    assert [check.status for check in told.checks if check.check == "security"] == ["warn"]


async def test_style_never_fails():
    report = await look("import os\nx=1 ;y = 2\ndef  f( a ) :\n  return a\n" + "z = '" + "x" * 200 + "'\n", "python")

    assert report.verdict == "pass"
    assert [one for one in report.diagnostics if one.severity == "error"] == []


async def test_a_fix_comes_with_its_edits():
    report = await look("try:\n    pass\nexcept (ValueError,):\n    pass\n", "python")
    (found,) = report.diagnostics
    assert (found.code, found.severity) == ("B013", "warning")
    assert found.fix is not None
    assert [(edit.line, edit.text) for edit in found.fix.edits] == [(3, "ValueError")]

    told = await look("#!/bin/sh\necho $1\n", "shell")
    fix = told.diagnostics[0].fix
    assert fix is not None
    assert [(edit.line, edit.column, edit.text) for edit in fix.edits] == [(2, 6, '"'), (2, 8, '"')]


async def test_the_same_error_of_several_tools_is_told_once():
    report = await look("x = undefined\n", "python", type_checkers=("ty", "mypy"))

    assert [(one.line, one.source) for one in report.diagnostics] == [(1, "mypy, ruff, ty")]


async def test_a_tool_that_is_missing_is_skipped_and_never_a_pass(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    report = await look("fn main() {}\n", "rust")

    assert {(check.status, check.reason) for check in report.checks} == {("skipped", "tool_missing")}
    assert (report.verdict, report.assurance) == ("inconclusive", "none")


async def test_a_language_that_nothing_checks_is_inconclusive():
    report = await look("IDENTIFICATION DIVISION.\n", "cobol")

    assert [(check.check, check.reason) for check in report.checks] == [("syntax", "no_checker")]
    assert report.verdict == "inconclusive"


async def test_what_was_asked_for_and_cannot_be_done_leaves_the_verdict_open():
    assert (await look('{"a": 1}', "json")).verdict == "pass"
    assert (await look('{"a": 1}', "json", checks=("syntax", "types"))).verdict == "inconclusive"


async def test_a_lenient_parser_is_said_to_be_one():
    report = await look("def f\nend\n", "ruby")

    assert [check.confidence for check in report.checks] == ["low"]
    assert "accepts much that is wrong" in report.feedback


async def test_each_file_is_checked_in_its_own_language():
    files = {"main.py": "x = 1\n", "data.json": "{", "run.sh": "if\n", "notes.txt": "hello"}
    report = await validate_code(CodeRequest(files=files))

    assert {one.path for one in report.diagnostics} == {"data.json", "run.sh"}


async def test_a_configuration_that_comes_with_the_code_is_not_read():
    files = {
        "main.py": "x = undefined\n",
        "ruff.toml": "lint.ignore = ['F821']\n",
        "pyproject.toml": "[tool.ruff.lint]\nignore = ['F821']\n",
        "setup.cfg": "[mypy]\nplugins = evil\n",
    }
    assert (await validate_code(CodeRequest(files=files))).verdict == "fail"


async def test_a_compiler_cannot_be_made_to_read_files_outside(tmp_path_factory: pytest.TempPathFactory):
    if not shutil.which("gcc"):
        missing("gcc")
    secret = tmp_path_factory.mktemp("secret") / "secret.h"
    secret.write_text("int hidden_word_4711 = ;\n", "utf-8")
    report = await look(f'#include "{secret}"\nint main(void) {{ return 0; }}\n', "c")

    assert report.verdict == "inconclusive"
    assert "hidden_word_4711" not in str(report.as_dict())


async def test_code_that_exhausts_a_parser_does_no_harm():
    report = await look("x = " + "(" * 20000 + ")" * 20000 + "\n", "python")
    assert report.verdict in ("fail", "error")
    assert (await look("[" * 100_000, "json")).verdict == "fail"


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "-Infinity", "\ufeff1", "01", "'a'", "[1,]", '{"a":1,}', "", "1 2"]
)
def test_json_is_strict(text: str):
    with pytest.raises(InvalidDocumentError):
        parse_json(text)


@pytest.mark.parametrize("text", ['"a"', "1e5", "[]", " {} ", '{"a": null}', "-0"])
def test_json_that_is_valid_is_read(text: str):
    parse_json(text)
