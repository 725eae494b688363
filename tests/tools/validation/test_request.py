"""What can be asked, and what is refused before anything runs."""

from typing import Any

import pytest
from pydantic import ValidationError

from longcall.settings import SettingsError
from longcall.validation import Case, CodeRequest
from longcall.validation.inside.values import decode, encode
from longcall.validation.run import ceilings
from longcall.validation.sandbox import CEILINGS

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "either `code` or `files`"),
    "both": ({"code": "x", "files": {"a.py": "x"}}, "either `code` or `files`"),
    "empty": ({"code": "  "}, "empty"),
    "an unknown key": ({"code": "x", "sandbox": "none"}, "Extra inputs"),
    "an unknown check": ({"code": "x", "checks": ["style"]}, "checks"),
    "no check": ({"code": "x", "checks": []}, "empty"),
    "cases that checks leave out": ({"code": "x", "checks": ["lint"], "cases": [{"expected": 1}]}, "leaves out"),
    "a check without its cases": ({"code": "x", "checks": ["expected"]}, "needs `cases`"),
    "a check without its tests": ({"code": "x", "checks": ["tests"]}, "needs `tests`"),
    "a way out of the folder": ({"files": {"../a.py": "x"}}, "cannot be a file's name"),
    "an absolute path": ({"files": {"/a.py": "x"}}, "cannot be a file's name"),
    "a hidden file": ({"files": {"a/.env": "x"}}, "cannot be a file's name"),
    "a main file that is not there": ({"files": {"a.py": "x"}, "main": "b.py"}, "none of the files"),
    "a case that expects nothing": ({"code": "x", "cases": [{"args": [1]}]}, "exactly one"),
    "a case that expects two things": ({"code": "x", "cases": [{"expected": 1, "raises": "KeyError"}]}, "exactly one"),
    "a case with input to a function": (
        {"code": "x", "cases": [{"args": [1], "stdin": "a", "expected_stdout": ""}]}, "either",
    ),
    "an odd form of a value": ({"code": "x", "cases": [{"expected": {"$what": 1}}]}, "no form of value"),
    "an object": ({"code": "x", "cases": [{"expected": {"$object": "a.B"}}]}, "not built in"),
    "limits of nothing": ({"code": "x", "limits": {"wall_s": 0}}, "greater than 0"),
    "limits without end": ({"code": "x", "limits": {"wall_s": "inf"}, "checks": []}, "empty"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_checked_is_refused(what: str):
    arguments, said = REFUSED[what]
    with pytest.raises(ValidationError, match=said):
        CodeRequest.model_validate(arguments)


def test_a_whole_request_is_taken():
    request = CodeRequest.model_validate({
        "files": {"main.py": "def f(x): return x", "lib/a b.py": ""},
        "cases": [{"args": [{"$tuple": [1]}], "expected": {"$set": [1]}}, {"stdin": "a", "expected_stdout": "b"}],
        "tests": {"test_a.py": ""},
        "limits": {"memory_mb": 128},
    })  # fmt: skip
    assert [case.is_program for case in request.cases] == [False, True]


def test_a_case_that_expects_none_expects_something():
    assert Case(expected=None, args=(1,)).expected is None


def test_nobody_gets_more_than_the_ceilings(monkeypatch: pytest.MonkeyPatch):
    asked = CodeRequest(code="x", limits={"wall_s": 1e9, "memory_mb": 10**9, "cpu_s": 1}).limits  # pyright: ignore[reportArgumentType]
    assert asked.below(ceilings()).wall_s == CEILINGS.wall_s
    assert asked.below(ceilings()).cpu_s == 1

    monkeypatch.setenv("LONGCALL_SANDBOX_MEMORY_MB", "100")
    assert asked.below(ceilings()).memory_mb == 100

    monkeypatch.setenv("LONGCALL_SANDBOX_MEMORY_MB", "lots")
    with pytest.raises(SettingsError, match="LONGCALL_SANDBOX_MEMORY_MB"):
        ceilings()


VALUES = [
    None, True, 0, -1, 10**5000, 1.5, "ü", [], [1, [2]], {"a": 1}, {1: 2, "b": (3,)}, {"$a": 1}, (1, "x"), {1, 2},
    frozenset({1}), b"\0\xff", 1 + 2j, float("inf"),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: str(type(value).__name__))
def test_values_travel_without_loss(value: Any):
    back = decode(encode(value))
    assert (type(back), back) == (type(value), value)
