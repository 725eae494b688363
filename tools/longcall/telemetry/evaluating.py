"""The verdicts on an answer, one for each validator that was heard. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from longcall.models import Checked
from longcall.validators import Validator
from longcall.validators.judge import Judge

_CUT = "finish_reason"
Label = Literal["pass", "warn", "fail", "error"]
"""`error`: it could not be checked, or came to no verdict."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one validator found."""

    name: str
    label: Label
    explanation: str
    """The issues or errors in words, which may quote the answer; empty for a pass."""


def verdicts(validators: Sequence[Validator], checked: Checked) -> list[Verdict]:
    """Returns what the validators that were heard found, in their order, and what else was found.

    An answer that was cut off is not handed to validators: then the one verdict is named `finish_reason`.
    """
    judges = {validator.name for validator in validators if isinstance(validator, Judge)}
    voted = {vote.judge for vote in checked.votes}
    heard = [
        validator.name
        for validator in validators
        if validator.name in voted or (validator.name not in judges and validator.cost <= checked.stage)
    ]
    found = [issue.validator for issue in checked.issues]
    names = found if _CUT in found else [*heard, *found]
    return [_verdict(name, checked, is_judge=name in judges) for name in dict.fromkeys(names)]


def _verdict(name: str, checked: Checked, *, is_judge: bool) -> Verdict:
    issues = [issue for issue in checked.issues if issue.validator == name]
    # A check that could not be made is told by these words, among the warnings where its failure would be one.
    opening = f"{name} came to no verdict" if is_judge else f"{name}: "
    troubles = [told for told in (*checked.errors, *checked.warnings) if told.startswith(opening)]
    said = " ".join([*troubles, *(issue.message for issue in issues)])
    if any(issue.on_fail != "warn" for issue in issues):
        return Verdict(name, "fail", said)
    if troubles:
        return Verdict(name, "error", said)
    return Verdict(name, "warn" if issues else "pass", said)
