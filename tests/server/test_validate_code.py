"""validate_code as hosts call it: verdicts with what they rest on, files, SARIF, and long runs that are tasks."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support.processes import attached, call, error_text, shown, structured

RIGHT = "def double(x):\n    return 2 * x\n"
WRONG = "def double(x):\n    return x + 2\n"
CASES = [{"args": [2], "expected": 4}, {"args": [5], "expected": 10}]
FAILED_CHARS = 40_000


@pytest.mark.parametrize(("code", "verdict", "passed"), [(RIGHT, "pass", 2), (WRONG, "fail", 1)])
async def test_code_is_run_with_cases(client: Client, code: str, verdict: str, passed: int) -> None:
    result = await call(client, "validate_code", code=code, cases=CASES)
    report = result["report"]
    assert (result["status"], report["verdict"], report["assurance"]) == ("completed", verdict, "high")
    assert (report["tests"]["collected"], report["tests"]["passed"]) == (2, passed)
    assert report["sandbox"]["network"] == "none"
    assert ("double(5)" in result["text"]) == (verdict == "fail")
    assert next(iter(result)) == "status"


async def test_without_a_run_nothing_is_called_valid(client: Client) -> None:
    result = await call(client, "validate_code", code=WRONG)
    assert (result["report"]["verdict"], result["report"]["assurance"]) == ("pass", "static")
    assert "was not run" in result["text"]


async def test_a_missing_package_decides_nothing(one_client: Client) -> None:
    code = "import not_installed_anywhere\n\ndef f():\n    return 1\n"
    result = await call(one_client, "validate_code", code=code, cases=[{"args": [], "expected": 1}])
    assert result["report"]["verdict"] == "inconclusive"
    assert "missing_dependency" in str(result["report"]["checks"])


async def test_values_that_json_has_no_words_for_arrive_as_they_are(one_client: Client) -> None:
    nothing = "def f(x):\n    return None if x is None else (x,)\n"
    cases: list[dict[str, Any]] = [{"args": [None], "expected": None}, {"args": [1], "expected": {"$tuple": [1]}}]
    assert (await call(one_client, "validate_code", code=nothing, cases=cases))["report"]["verdict"] == "pass"
    cases[1]["expected"] = [1]
    assert (await call(one_client, "validate_code", code=nothing, cases=cases))["report"]["verdict"] == "fail"


async def test_files_of_the_project_are_checked_and_no_others(tmp_path: Path, environ: dict[str, str]) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "shop.py").write_text(RIGHT)
    (project / "notes.py").write_text("print(undefined)\n")
    (tmp_path / "secret.py").write_text(RIGHT)
    async with attached(environ, project) as front:
        good = await call(front, "validate_code", files=["shop.py"], cases=CASES)
        bad = await call(front, "validate_code", files=["notes.py"])
        assert "outside" in await error_text(front, "validate_code", files=["../secret.py"])
        assert "not both" in await error_text(front, "validate_code", files=["shop.py"], code=RIGHT)
    assert good["report"]["verdict"] == "pass"
    assert [(one["path"], one["code"]) for one in bad["report"]["diagnostics"]] == [("notes.py", "F821")]


async def test_the_report_may_be_sarif(one_client: Client) -> None:
    result = await call(one_client, "validate_code", code="print(undefined)\n", format="sarif")
    log = result["report"]
    assert log["version"] == "2.1.0"
    assert [found["ruleId"] for found in log["runs"][0]["results"]] == ["ruff/F821"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "give either `code` or `files`"),
        ({"code": "  "}, "`code` is empty"),
        ({"code": "x", "checks": ["vibes"]}, "checks"),
        ({"code": "x", "checks": ["expected"]}, "needs `cases`"),
        ({"code": "x", "cases": [{"args": [1]}]}, "exactly one of"),
        ({"code": "x", "criteria": ["It works."]}, "Name who judges"),
        ({"code": "x", "judge": {"models": ["m"], "mood": "mild"}, "criteria": ["a"]}, "mood"),
        ({"code": "x", "judge": {"models": ["meta-task/x"]}, "criteria": ["a"]}, "no model that can be asked"),
        ({"code": "x", "judge": {"models": ["max/"], "mcp_config": {"mcpServers": {"x": {}}}}, "criteria": ["a"]},
         "name `servers`"),
    ],
)  # fmt: skip
async def test_what_cannot_be_checked_so_is_one_sentence(
    one_client: Client, arguments: dict[str, Any], complaint: str
) -> None:
    before = await call(one_client, "poll_task")
    said = await error_text(one_client, "validate_code", **arguments)
    assert complaint in said
    assert "\n" not in said
    assert await call(one_client, "poll_task") == before


async def test_it_is_no_model(one_client: Client) -> None:
    assert "a tool of its own" in await error_text(one_client, "llm_call", prompt="x", model="validate_code")


async def test_a_long_run_is_a_task_that_can_be_polled_and_stopped(one_client: Client) -> None:
    slow = "import time\n\ndef f():\n    time.sleep(8)\n    return 1\n"
    asked: dict[str, Any] = {"code": slow, "cases": [{"args": [], "expected": 1}], "wait_s": 0.1}
    working = await call(one_client, "validate_code", **asked)
    assert working["status"] == "working"
    stopped = await call(one_client, "cancel_task", task_id=working["task_id"])
    assert stopped["status"] == "cancelled"
    assert "report" not in stopped
    done = await call(one_client, "validate_code", **asked | {"code": slow.replace("8", "0.5")})
    polled = await call(one_client, "poll_task", task_id=done["task_id"], wait_s=45)
    assert (polled["status"], polled["report"]["verdict"]) == ("completed", "pass")


async def test_many_findings_fit_into_what_hosts_show(one_client: Client) -> None:
    code = "".join(f"print(undefined_{number}, '{'x' * 150}')\n" for number in range(400))
    result = await one_client.call_tool("validate_code", {"code": code})
    report = structured(result)["report"]
    assert report["verdict"] == "fail"
    assert report["truncated"]["diagnostics"] >= 350
    assert len(shown(result)) < FAILED_CHARS
