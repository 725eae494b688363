"""Reads what the sandbox claims to have seen, and decides which cases hold. It is trusted no further."""

import json
from collections.abc import Sequence
from typing import Any

from longcall.validation.compare import ForgedError, difference, shown, shown_told
from longcall.validation.inside.values import decode
from longcall.validation.report import FailedTest
from longcall.validation.request import Case


class ClaimError(ValueError):
    """What came is not what longcall's own program writes; `reason` is `forged` or `ended_early`."""

    def __init__(self, message: str, reason: str = "forged") -> None:
        super().__init__(message)
        self.reason = reason


def read_claims(result: bytes, wanted: int, *, whole: bool) -> list[dict[str, Any]]:
    """Returns the outcome of each case in order; a single one with `load` when the code could not be loaded.

    Raises:
        ClaimError: the lines are not those that longcall's program writes, or, when the run is `whole`, end too soon.
    """
    lines = result.split(b"\n")
    if lines.pop() and whole:
        raise ClaimError("the last line has no end")
    try:
        records = [json.loads(line) for line in lines]
    except (ValueError, RecursionError):
        raise ClaimError("a line is no JSON") from None
    if not all(isinstance(record, dict) for record in records):
        raise ClaimError("a line is no object")
    if records and "load" in records[0]:
        return records[:1]
    finished = bool(records) and records[-1] == {"done": True}
    if not finished and whole:
        raise ClaimError("it ended before every case had answered", "ended_early")
    claims = records[1 : -1 if finished else None]
    if records and (
        records[0] != {"loaded": True} or [claim.get("case") for claim in claims] != list(range(len(claims)))
    ):
        raise ClaimError("the answers are not in the order of the cases")
    if len(claims) > wanted or (finished and len(claims) != wanted):
        raise ClaimError(f"there are {len(claims)} answers to {wanted} cases")
    return claims


def missing_package(records: list[dict[str, Any]]) -> str | None:
    """Returns the package that the code asked for in vain, if that is why it failed."""
    for record in records:
        told = record.get("load", record)
        if isinstance(told, dict) and isinstance(told.get("missing"), str):  # pyright: ignore[reportUnknownMemberType]
            return str(told["missing"])  # pyright: ignore[reportUnknownArgumentType]
    return None


def judged(cases: Sequence[tuple[str, Case]], records: Sequence[dict[str, Any]]) -> list[FailedTest]:
    """Returns the cases that do not hold, among those that have answered.

    Raises:
        ForgedError: an answer is in no form that longcall's program writes.
    """
    if records and "load" in records[0]:
        told = _raised(records[0]["load"])
        return [_failed(0, *cases[0], f"the code cannot be loaded: {told}", records[0]["load"])]
    answered = zip(enumerate(cases), records, strict=False)
    return [
        failed for (number, (function, case)), record in answered if (failed := _judge(number, function, case, record))
    ]


def _judge(number: int, function: str, case: Case, record: dict[str, Any]) -> FailedTest | None:
    raised = record.get("raised")
    if case.raises is not None:
        if isinstance(raised, list) and case.raises.rpartition(".")[2] in raised:
            return None
        got = f"it raised {_raised(record)}" if raised else f"it returned {shown_told(record.get('value'))}"
        return _failed(number, function, case, f"{case.raises} was to be raised, but {got}", record)
    if raised is not None or "value" not in record:
        return _failed(number, function, case, f"it raised {_raised(record)}", record)
    if case.expected_stdout is not None:
        if same_text(case.expected_stdout, str(record.get("printed"))):
            return None
        return _failed(number, function, case, "it printed something else", record)
    told = difference(decode(case.expected), record["value"], case.tolerance)
    return _failed(number, function, case, told, record) if told else None


def _failed(number: int, function: str, case: Case, message: str, record: dict[str, Any]) -> FailedTest:
    expected = case.raises or case.expected_stdout
    got = record.get("printed") if case.expected_stdout is not None else None
    if expected is None:
        expected = shown(decode(case.expected), 500)
        got = shown_told(record["value"]) if "value" in record else None
    line = record.get("line")
    return FailedTest(
        name_of(number, function, case),
        message[:1000],
        input=called(function, case),
        expected=expected[:500],
        got=None if got is None else str(got)[:500],
        line=line if isinstance(line, int) else None,
    )


def name_of(number: int, function: str, case: Case) -> str:
    """Returns what a case is told under."""
    return case.name or f"case {number + 1}: {function}"


def called(function: str, case: Case) -> str:
    """Returns the call as Python would write it."""
    args = [shown(decode(arg)) for arg in case.args]
    kwargs = [f"{name}={shown(decode(arg))}" for name, arg in case.kwargs.items()]
    return f"{function}({', '.join([*args, *kwargs])})"[:500]


def same_text(expected: str, got: str) -> bool:
    """Whether two texts are the same but for white space at the ends of lines and of the whole."""
    return _trimmed(expected) == _trimmed(got)


def _trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def _raised(told: Any) -> str:
    if not isinstance(told, dict) or not isinstance(told.get("raised"), list) or not told["raised"]:  # pyright: ignore[reportUnknownMemberType]
        raise ForgedError("an exception has no name")
    return f"{told['raised'][0]}: {told.get('message', '')}"[:500]  # pyright: ignore[reportUnknownMemberType]
