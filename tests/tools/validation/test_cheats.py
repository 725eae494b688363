"""Nothing that only pretends passes: neither cases, which are decided outside, nor tests, which run beside the code."""

import anyio
import pytest
from tools.validation.cheats import CHEATS, HONEST

from longcall.validation import Case, CodeRequest, Report, validate_code

CASES = (Case(args=(2, 3), expected=7), Case(args=(5, 4), expected=21))
TESTS = """
from solution import f

def test_small():
    assert f(2, 3) == 7

def test_larger():
    assert f(5, 4) == 21
"""
IN_PROCESS = [
    "leaves at import with exit code 0",
    "leaves at import without a word",
    "leaves without a word when it is called",
    "returns an object equal to everything",
    "returns an int equal to everything",
    "returns an object that claims to be an int",
    "makes a class equal to everything",
    "acts at the end",
    "searches its callers for what is expected",
    "replaces what writes the answers",
    "replaces built-in functions",
    "writes all answers itself, guessing",
    "has its child answer later",
    "floods standard output",
    "prints that all is well",
    "hides what it does",
]
"""Tricks that are tried on tests that run beside the code too."""
LIMITS = {"wall_s": 1.5, "cpu_s": 1}

pytestmark = pytest.mark.anyio


async def by_cases(code: str) -> Report:
    asked = {"code": code, "cases": CASES, "entry_point": "f", "checks": ("expected",), "limits": LIMITS}
    request = CodeRequest.model_validate({**asked, "language": "python"})
    return await validate_code(request)


async def by_tests(code: str) -> Report:
    limits = {**LIMITS, "wall_s": 6, "cpu_s": 3}
    request = CodeRequest.model_validate(
        {"code": code, "language": "python", "tests": TESTS, "checks": ("tests",), "limits": limits}
    )
    return await validate_code(request)


def test_there_are_at_least_fifteen_different_tricks():
    assert len(CHEATS) >= 15
    assert len(set(CHEATS.values())) == len(CHEATS)


@pytest.mark.parametrize("trick", CHEATS)
async def test_cases_are_not_deceived(trick: str):
    report = await by_cases(CHEATS[trick])

    assert report.verdict in ("fail", "inconclusive")
    assert report.sandbox is not None
    assert report.sandbox.backend == "bwrap"


async def test_cases_accept_the_honest_twin():
    report = await by_cases(HONEST)

    assert (report.verdict, report.assurance) == ("pass", "high")


async def test_a_harness_that_trusts_the_exit_code_accepts_many_of_them():
    asserts = "assert f(2, 3) == 7\nassert f(5, 4) == 21\n"
    accepted: list[str] = []

    async def one(trick: str) -> None:
        request = CodeRequest.model_validate(
            {"code": CHEATS[trick] + asserts, "language": "python", "checks": ("run",), "limits": LIMITS}
        )
        if (await validate_code(request)).verdict == "pass":
            accepted.append(trick)

    async with anyio.create_task_group() as group:
        for trick in CHEATS:
            group.start_soon(one, trick)

    assert len(accepted) >= 8


async def test_tests_are_not_deceived():
    verdicts: dict[str, str] = {}

    async def one(trick: str) -> None:
        verdicts[trick] = (await by_tests(CHEATS[trick])).verdict

    async with anyio.create_task_group() as group:
        for trick in IN_PROCESS:
            group.start_soon(one, trick)

    assert {trick for trick, verdict in verdicts.items() if verdict == "pass"} == set()
    assert len(verdicts) == len(IN_PROCESS)


async def test_tests_accept_the_honest_twin():
    report = await by_tests(HONEST)

    assert (report.verdict, report.assurance) == ("pass", "medium")
