"""`longcall check`: code, checked from the command line."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import CommandLine

RIGHT = "def double(x):\n    return 2 * x\n"
WRONG = "def double(x):\n    return x + 2\n"
TESTS = "from main import double\n\n\ndef test_five():\n    assert double(5) == 10\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Returns a folder with code, cases and tests."""
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "cases.json").write_text(json.dumps([{"args": [5], "expected": 10}]))
    (tmp_path / "test_main.py").write_text(TESTS)
    return tmp_path


@pytest.mark.parametrize(("name", "code", "verdict"), [("right.py", 0, "pass"), ("wrong.py", 1, "fail")])
def test_the_verdict_is_told_and_is_the_exit_code(
    cli: "CommandLine", folder: Path, name: str, code: int, verdict: str
) -> None:
    ended = cli.run("check", str(folder / name), "--cases", str(folder / "cases.json"))
    assert (ended.code, ended.err.partition(" ")[0]) == (code, verdict)
    assert ("double(5)" in ended.out) == (verdict == "fail")


def test_what_is_piped_in_is_checked(cli: "CommandLine") -> None:
    assert cli.run("check", "-", "--language", "python", stdin=b"print(1)\n").code == 0
    assert cli.run("check", "-", "--language", "python", stdin=b"print(\n").code == 1


def test_nothing_that_is_decided_is_an_exit_code_of_its_own(cli: "CommandLine", folder: Path) -> None:
    odd = folder / "notes.md"
    odd.write_text("# Notes\n")
    ended = cli.run("check", str(odd))
    assert (ended.code, ended.err.partition(" ")[0]) == (3, "inconclusive")


def test_json_and_sarif_for_programs(cli: "CommandLine", folder: Path) -> None:
    report = json.loads(cli.run("check", str(folder / "wrong.py"), "--json", "--only", "syntax").out)
    assert (report["verdict"], [check["check"] for check in report["checks"]]) == ("pass", ["syntax", "syntax"])
    log = json.loads(cli.run("check", "-", "--sarif", stdin=b"print(undefined)\n").out)
    assert log["runs"][0]["results"][0]["ruleId"] == "ruff/F821"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["/nowhere/code.py"], "cannot be read"),
        (["right.py", "--cases", "right.py"], "must be a JSON list"),
        (["right.py", "--only", "vibes"], "checks"),
        (["right.py", "--criterion", "It works."], "Name who judges"),
    ],
)
def test_what_cannot_be_checked_is_one_sentence(
    cli: "CommandLine", folder: Path, arguments: list[str], complaint: str
) -> None:
    ended = cli.run("check", *(str(folder / word) if word.endswith(".py") else word for word in arguments))
    assert (ended.code, ended.out) == (2, "")
    assert complaint in ended.err


def test_several_files_are_one_submission(cli: "CommandLine", folder: Path) -> None:
    (folder / "helper.py").write_text("def twice(x):\n    return 2 * x\n")
    (folder / "main.py").write_text("from helper import twice\n\n\ndef double(x):\n    return twice(x)\n")
    files = [str(folder / name) for name in ("main.py", "helper.py")]
    assert cli.run("check", *files, "--cases", str(folder / "cases.json")).code == 0
    assert cli.run("check", files[0], "--cases", str(folder / "cases.json")).code == 3
