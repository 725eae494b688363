"""Checks an answer: validators in stages, cheap ones first, judges last."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby

import anyio
import anyio.to_thread

from longcall.clock import Clock
from longcall.models import Checked, Completion, Vote
from longcall.text import clean
from longcall.validators import Validator, json_found
from longcall.validators.base import Answer, Issue, ValidatorError
from longcall.validators.judge import Judge
from longcall.validators.target import TargetError, parts

log = logging.getLogger(__name__)

_INCOMPLETE = {
    "length": Issue(
        "finish_reason",
        "truncated",
        "The answer was cut off at its token limit.",
        hint="Give the whole answer in fewer words, leaving out what was not asked for.",
    ),
    "content_filter": Issue(
        "finish_reason",
        "filtered",
        "The provider's filter withheld the answer or a part of it.",
        hint="Answer without the part that was withheld.",
    ),
}
_MOST_ISSUES = 50


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the judges of one validator made of an answer."""

    issues: tuple[Issue, ...] = ()
    votes: tuple[Vote, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    """Why there is no verdict."""


Ask = Callable[[Judge, Answer], Awaitable[Judgement]]
"""Has a judge judge."""


async def check(answer: Answer, completion: Completion, validators: Sequence[Validator], judge: Ask) -> Checked:
    """Returns what is wrong with an answer.

    All of a stage are heard, so that one more answer can mend everything; the next, dearer stage runs when they found
    nothing that calls for one. An answer that was cut off has that fault alone: the others would follow from it.
    """
    begun = Clock().tick()
    if incomplete := _INCOMPLETE.get(completion.finish_reason):
        return Checked(issues=(incomplete,))
    found = Checked()
    for cost, stage in groupby(sorted(validators, key=lambda validator: validator.cost), key=lambda one: one.cost):
        found = await _run_stage(replace(found, stage=cost), answer, list(stage), judge)
        if not found.valid:
            break
    # Faults first: a cut among warnings must not make a bad answer pass.
    issues = sorted(dict.fromkeys(found.issues), key=lambda issue: issue.on_fail == "warn")[:_MOST_ISSUES]
    repaired = await _repaired(validators, answer.text) if found.valid else None
    return replace(found, issues=tuple(issues), ms=Clock().tick() - begun, repaired=repaired)


async def _repaired(validators: Sequence[Validator], text: str) -> str | None:
    """Returns the JSON as it was mended, where a validator allows that and it was needed."""
    if not any(getattr(validator, "repair", "off") == "safe" for validator in validators):
        return None
    found = await anyio.to_thread.run_sync(json_found, tuple(validators), text)
    return found and found.repaired_text


async def _run_stage(found: Checked, answer: Answer, stage: Sequence[Validator], judge: Ask) -> Checked:
    heard: list[Judgement] = [Judgement()] * len(stage)

    async def run(place: int, validator: Validator) -> None:
        heard[place] = await _findings(validator, answer)

    async with anyio.create_task_group() as tasks:
        for place, validator in enumerate(stage):
            if not isinstance(validator, Judge):
                tasks.start_soon(run, place, validator)
    # One after another: a verdict may make the next one needless, and a budget holds to one request in flight.
    for place, validator in enumerate(stage):
        if isinstance(validator, Judge) and not any(_settles(one) for one in heard):
            heard[place] = _weighed(validator, await _judgement(validator, answer, judge))
    return replace(
        found,
        issues=(*found.issues, *(issue for one in heard for issue in one.issues)),
        errors=(*found.errors, *(error for one in heard for error in one.errors)),
        votes=(*found.votes, *(vote for one in heard for vote in one.votes)),
        warnings=(*found.warnings, *(warning for one in heard for warning in one.warnings)),
    )


async def _judgement(validator: Judge, answer: Answer, judge: Ask) -> Judgement:
    """Has a judge judge what its `target` names of the answer."""
    if validator.target == "text":
        return await judge(validator, answer)
    try:
        found = await anyio.to_thread.run_sync(parts, answer.text, validator.target)
    except TargetError as error:
        return Judgement(issues=(validator.issue(error.code, str(error), path=error.path),))
    return await judge(validator, replace(answer, text="\n\n".join(part.text for part in found)))


async def _findings(validator: Validator, answer: Answer) -> Judgement:
    try:
        return Judgement(issues=tuple(_storable(issue) for issue in await validator.find(answer)))
    except ValidatorError as error:
        trouble = clean(str(error))
    except Exception as error:  # a plugin's bug, for example: the answer is paid for, and not to be lost with it
        log.exception("the check %s broke", validator.name)
        trouble = f"the check itself broke ({type(error).__name__}); the worker's log says more"
    return _weighed(validator, Judgement(errors=(f"{validator.name}: {trouble}",)))


def _storable(issue: Issue) -> Issue:
    """Returns an issue as valid text: what it quotes of an answer's JSON may hold half a character."""
    return replace(issue, **{name: clean(value) for name, value in asdict(issue).items() if value is not None})


def _weighed(validator: Validator, judgement: Judgement) -> Judgement:
    """Returns what was found; that a check could not be made is no more than its failure would be."""
    if validator.on_fail != "warn":
        return judgement
    return replace(judgement, errors=(), warnings=(*judgement.warnings, *judgement.errors))


def _settles(judgement: Judgement) -> bool:
    """Whether no further judge can change what has to happen."""
    return bool(judgement.errors) or any(issue.on_fail == "fail" for issue in judgement.issues)
