"""The validators that run somebody's function: python and plugin."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
from support.validating import codes, find, one

from longcall.validators import Answer, ValidatorError, parse_validators


def python(body: str) -> dict[str, str]:
    """Returns a validator whose function has this body."""
    return {"type": "python", "code": "def validate(text, json):\n    " + body.replace("\n", "\n    ")}


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        ("return True", []),
        ("return None", []),
        ("return []", []),
        ("return ''", []),
        ("return False", ["The check did not accept it."]),
        ("return 'too dull'", ["too dull"]),
        ("return ['dull', 'long']", ["dull", "long"]),
        ("return tuple(word for word in text.split())", ["some", "words"]),
        ("assert len(text) < 3, 'too long'", ["too long"]),
        ("raise ValueError('bad value')", ["bad value"]),
        ("return int(text)", ["invalid literal for int() with base 10: 'some words'"]),
        ("import re\nreturn bool(re.search('w.rds', text))", []),
    ],
)
async def test_what_the_function_says_is_the_verdict(body: str, messages: list[str]) -> None:
    issues = await find(python(body), "some words")

    assert [issue.message.split("\n")[0] for issue in issues] == messages
    assert {issue.code for issue in issues} <= {"rejected"}


async def test_the_function_sees_the_json_of_the_answer_or_none() -> None:
    spec = python("return json is not None and json['a'] == [1]")

    assert await codes(spec, '```json\n{"a": [1]}\n```') == []
    assert await codes(spec, '{"a": [2]}') == ["rejected"]
    assert await codes(spec, "prose") == ["rejected"]
    assert await codes({**spec, "target": "/b"}, '{"b": {"a": [1]}}') == []


async def test_helpers_and_imports_beside_the_function_work() -> None:
    code = "import json as j\n\ndef size(text):\n    return len(j.loads(text))\n\ndef validate(text, json=None):\n"

    assert await codes({"type": "python", "code": code + "    return size(text) == 2"}, "[1, 2]") == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("return 0", "int"),
        ("return {'a': 1}", "dict"),
        ("return [1]", "list"),
        ("return 10 ** 100000", "int"),
        ("return json['a']", "TypeError|KeyError"),
        ("while True: pass", "time limit"),
        ("kept = []\nwhile True: kept.append('x' * 1000)", "memory"),
        ("return 9 ** 9 ** 9", "memory"),
        ("return validate(text, json)", "recursion"),
        ("return open('/etc/passwd').read()", "Permission"),
        ("import os\nreturn os.environ['PATH']", "not supported"),
        ("import socket\nreturn True", "No module"),
        ("import subprocess\nreturn True", "No module|Error"),
        ("for _ in range(10 ** 6): print('x' * 100)", "memory|limit"),
        ("return missing_name", "missing_name"),
    ],
)
async def test_a_function_that_cannot_check_is_no_verdict(body: str, why: str) -> None:
    with pytest.raises(ValidatorError, match=why):
        await one(python(body)).find(Answer("x"))


@pytest.mark.parametrize("text", ["x" * 5_000_000, "\ud800", "[" * 900 + "]" * 900, "[" * 100_000, "1" * 5000])
async def test_hostile_answers_reach_the_function(text: str) -> None:
    assert await codes(python("return len(text) > 0"), text) == []


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def validate(text, json:", "does not compile"),
        ("x = 1", "must define"),
        ("def validate(text): return True", "must define"),
        ("def validate(text, json, more): return True", "must define"),
        ("class validate: pass", "must define"),
        ("def validate(text, json):\n    yield 1", "does not yet support"),
        ("def validate(text, json):\n    return '\0'", "does not compile"),
        ("x = " + "(" * 5000, "does not compile"),
        ("#" * 60_000, "`code`"),
    ],
)
def test_code_that_cannot_run_is_refused_at_the_door(code: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_validators({"type": "python", "code": code})


def test_nothing_of_the_code_runs_at_the_door() -> None:
    assert parse_validators({"type": "python", "code": "while True: pass\ndef validate(text, json): return True"})


async def test_code_that_fails_before_the_function_is_defined_is_no_verdict() -> None:
    spec = {"type": "python", "code": "raise ValueError('early')\ndef validate(text, json): return True"}

    with pytest.raises(ValidatorError, match="early"):
        await one(spec).find(Answer("x"))


PLUGIN = """
from longcall.validators import Issue

def check(answer, args):
    if "say" in args:
        return args["say"]
    if args.get("issue"):
        return [Issue("", "odd", answer.text, hint="Be even.")]
    raise RuntimeError("no")
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs a package with two plugins, one of which cannot be imported."""
    (tmp_path / "acme_checks.py").write_text(PLUGIN, "utf-8")
    information = tmp_path / "acme_checks-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-checks\nVersion: 1.0\n", "utf-8")
    points = "[longcall.validators]\nacme.odd = acme_checks:check\nacme.gone = acme_nowhere:check\n"
    (information / "entry_points.txt").write_text(points, "utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "acme_checks", raising=False)
    importlib.invalidate_caches()


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("args", "found"),
    [
        ({"say": None}, []),
        ({"say": True}, []),
        ({"say": False}, ["rejected"]),
        ({"say": "why"}, ["rejected"]),
        ({"say": ["a", "b"]}, ["rejected", "rejected"]),
        ({"issue": 1}, ["odd"]),
    ],
)
async def test_a_plugin_decides(args: dict[str, Any], found: list[str]) -> None:
    assert await codes({"type": "plugin", "name": "acme.odd", "args": args}, "x") == found


@pytest.mark.usefixtures("plugin")
async def test_issues_of_a_plugin_are_told_as_the_validators_own() -> None:
    spec = {"type": "plugin", "name": "acme.odd", "args": {"issue": 1}, "id": "odd", "on_fail": "warn", "target": "/a"}

    (issue,) = await find(spec, '{"a": "part"}')

    assert (issue.validator, issue.on_fail, issue.message, issue.hint) == ("odd", "warn", "part", "Be even.")


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("name", "args", "why"),
    [("acme.odd", {}, "RuntimeError"), ("acme.odd", {"say": 3}, "int"), ("acme.gone", {}, "acme_nowhere")],
)
async def test_a_plugin_that_breaks_is_no_verdict(name: str, args: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidatorError, match=why):
        await one({"type": "plugin", "name": name, "args": args}).find(Answer("x"))


@pytest.mark.usefixtures("plugin")
def test_a_plugin_that_nobody_installed_is_refused_at_the_door() -> None:
    with pytest.raises(ValueError, match=r"there are: acme\.gone, acme\.odd"):
        parse_validators({"type": "plugin", "name": "acme.even"})
