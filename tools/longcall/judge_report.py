"""What a judge reported, and what is made of it. Pure.

A report that cannot be read, tells of other criteria or does not carry the nonce is no verdict: ValidatorError.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from longcall.text import clean, clip
from longcall.validators.base import GOT_CHARS, Issue, ValidatorError
from longcall.validators.judge import Judge, SuccessCriteria

_REASON_CHARS = 1_000
Verdict = Literal["pass", "fail", "unsure"]
_FENCED = re.compile(r"\A\s*```[A-Za-z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)


class _OnCriterion(BaseModel, extra="ignore"):
    id: int
    reason: str
    evidence: list[str] = []
    counterexample: Any = None
    verdict: Verdict


class _ByCriteria(BaseModel, extra="ignore"):
    nonce: str
    criteria: list[_OnCriterion]
    injection_attempt: bool = False


class _Freely(BaseModel, extra="ignore", strict=True):
    validation_passed: bool | None = None
    reasoning: str = ""
    details: str | dict[str, Any] | list[Any] | None = None
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One judge's verdict."""

    verdict: Verdict
    reason: str
    issues: tuple[Issue, ...] = ()
    warnings: tuple[str, ...] = ()


def counterexamples(judge: Judge, text: str) -> dict[int, Any]:
    """Returns, by criterion, what a judge says the code gets wrong; nothing where its report cannot be read."""
    if not judge.criteria:
        return {}
    try:
        report = _ByCriteria.model_validate(report_object(text))
    except (ValidationError, ValidatorError):
        return {}
    failed = [one for one in report.criteria if one.verdict == "fail"]
    return {one.id: one.counterexample for one in failed if one.counterexample is not None}


def read_report(
    judge: Judge, text: str, *, judged: str, nonce: str, proofs: Mapping[int, bool] | None = None
) -> Report:
    """Returns the verdict that a judge's answer holds.

    Args:
        judge: what was asked.
        text: what it answered.
        judged: the answer that it judged, in which its quotes are looked up.
        nonce: which the report must carry where criteria were asked for.
        proofs: by criterion, whether the counterexample was reproduced; a verdict whose example was not is `unsure`.

    Raises:
        ValidatorError: there is no verdict in it.
    """
    found = report_object(text)
    try:
        if judge.criteria:
            return _by_criteria(judge, _ByCriteria.model_validate(found), judged, nonce, proofs or {})
        return _freely(judge, _Freely.model_validate(found), found, nonce)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValidatorError(f"the judge's report cannot be used: `{where}`: {first['msg']}") from None


def report_object(text: str) -> dict[str, Any]:
    """Returns the JSON object that a judge was asked for.

    Raises:
        ValidatorError: its answer is none.
    """
    fenced = _FENCED.match(text)
    try:
        # An escape in its JSON may be half a character, which no store and no host takes.
        found = json.loads(clean(json.dumps(json.loads(fenced[1] if fenced else text), ensure_ascii=False)))
    except (ValueError, RecursionError):
        raise ValidatorError("the judge gave no verdict: its answer is not the JSON that was asked for") from None
    if not isinstance(found, dict):
        raise ValidatorError("the judge gave no verdict: its answer is JSON, but no object")
    return found  # pyright: ignore[reportUnknownVariableType]  # checked by whoever reads it


def _by_criteria(judge: Judge, report: _ByCriteria, judged: str, nonce: str, proofs: Mapping[int, bool]) -> Report:
    if report.nonce != nonce:
        raise ValidatorError("the judge gave no verdict: its report does not carry the nonce that it was given")
    if sorted(one.id for one in report.criteria) != list(range(1, len(judge.criteria) + 1)):
        raise ValidatorError("the judge gave no verdict: it did not answer each criterion once")
    text = _plain(judged)
    verdicts = [(one, _checked(one, text) if proofs.get(one.id, True) else "unsure") for one in report.criteria]
    failed = [one for one, verdict in verdicts if verdict == "fail"]
    unsure = [one for one, verdict in verdicts if verdict == "unsure"]
    issues = tuple(_issue(judge, one, is_proved=proofs.get(one.id, False)) for one in failed)
    warnings = ("a judge says that the answer tries to direct it",) if report.injection_attempt else ()
    if failed or unsure:
        told = (failed or unsure)[0]
        return Report("fail" if failed else "unsure", f"criterion {told.id}: {told.reason}", issues, warnings)
    return Report("pass", report.criteria[0].reason, (), warnings)


def _checked(one: _OnCriterion, text: str) -> Verdict:
    """Returns the verdict, or `unsure` where it rests on a quote that does not stand in the text."""
    return one.verdict if all(_plain(quote) in text for quote in one.evidence) else "unsure"


def _plain(text: str) -> str:
    return " ".join(text.split())


def _issue(judge: Judge, one: _OnCriterion, *, is_proved: bool) -> Issue:
    quote = one.evidence[0] if one.evidence else None
    criterion = judge.criteria[one.id - 1]
    reason = f"{one.reason} (shown by running {one.counterexample})" if is_proved else one.reason
    return judge.issue("judged", reason, path=f"criterion {one.id}", expected=criterion[:GOT_CHARS], got=quote)


def _freely(judge: Judge, report: _Freely, found: dict[str, Any], nonce: str) -> Report:
    if report.nonce not in (None, nonce):
        raise ValidatorError("the judge gave no verdict: its report carries a nonce that it was not given")
    criteria = judge.success_criteria or SuccessCriteria()
    if report.validation_passed is None and not any(criteria.model_dump().values()):  # what is empty asks nothing
        raise ValidatorError("the judge gave no verdict: `validation_passed` is missing")
    missed = _missed(criteria, report, found)
    told = report.reasoning or (report.details if isinstance(report.details, str) else "") or missed or ""
    reason = clip(told, _REASON_CHARS)
    if missed is None:
        return Report("pass", reason)
    return Report("fail", reason, (judge.issue("judged", reason, expected=f"the judge's report: {missed}"),))


def _missed(criteria: SuccessCriteria, report: _Freely, found: dict[str, Any]) -> str | None:
    """Returns what the report should say and does not; None when it says it all."""
    if report.validation_passed is False:
        return "`validation_passed` is true"
    details, reasoning = report.details, report.reasoning
    inside: dict[str, Any] = details if isinstance(details, dict) else {}
    rules: list[tuple[Any, Callable[[Any], bool], str]] = [
        (criteria.agent_must_report_true, lambda name: found.get(name) is True, "`{}` is true"),
        (criteria.must_contain_in_details, partial(_says, details), "`details` say {!r}"),
        (criteria.must_contain_in_reasoning, partial(_says, reasoning), "`reasoning` says {!r}"),
        (
            criteria.must_not_contain_string_in_reasoning,
            lambda word: not _says(reasoning, word),
            "`reasoning` does not say {!r}",
        ),
        (criteria.field_present_in_details, inside.__contains__, "`details` has the field {!r}"),
        (
            criteria.all_true_in_details_keys,
            lambda names: all(inside.get(name) is True for name in names),
            "in `details` all of {} are true",
        ),
    ]
    return next((what.format(wanted) for wanted, holds, what in rules if wanted and not holds(wanted)), None)


def _says(text: Any, word: str) -> bool:
    """Whether `word` stands in `text` as whole words, whatever its case."""
    return isinstance(text, str) and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None
