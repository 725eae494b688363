"""Makes one answer of those of a group: the one that most of them gave, or the one that a model finds best.

What did not answer does not count, and is said first: an answer of fewer than were asked must not look like one of all.
"""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from longcall.call import Call
from longcall.choosing import choosing_call, read_choice
from longcall.combine import Combine, Combined
from longcall.errors import ProviderError
from longcall.judge_prompt import nonce_of
from longcall.models import Completion, Task, TaskState
from longcall.rounds import Outcome
from longcall.text import clip
from longcall.validators.base import ValidatorError

Asked = Callable[[Call], Awaitable[str]]
"""Asks a model and returns its whole answer.

Raises:
    ProviderError: there is none.
    ValidatorError: it may not be asked any more.
"""

_TRIES = 2
_CHOSEN = 20
"""Members that are named at most as those whose answer was taken."""
_REASON_CHARS = 1_000
_FENCED = re.compile(r"\A```[A-Za-z]*[ \t]*\n(.*?)\n?```\Z", re.DOTALL)


async def combine(call: Call, members: Sequence[Task], ask: Asked, secret: str) -> Outcome:
    """Returns the answer that stands for those of `members`.

    Args:
        call: what is to be combined, and how.
        members: those that were asked, all of them ended, with their texts, in order.
        ask: asks the model that chooses.
        secret: what nobody outside knows, for nonces.

    Raises:
        ProviderError: none of them answered, or nobody could say which answer is best.
    """
    assert call.combine is not None
    answers = [member for member in members if member.state is TaskState.COMPLETED]
    if not answers:
        message = f"There is no answer to combine: {_fates(members)}. See the members in `tasks`."
        raise ProviderError("no_answer", message)
    if call.combine.how == "vote":
        first, combined, warnings = _counted(answers, len(members))
    else:
        first, combined, warnings = await _chosen(call, call.combine, answers, ask, secret)
    lost = [member for member in members if member.state is not TaskState.COMPLETED]
    degraded = [f"Degraded: {len(lost)} of {len(members)} members do not count: {_fates(lost)}."] if lost else []
    completion = first.completion or Completion(first.model, "unknown")
    told = Completion(
        completion.model,
        completion.finish_reason,
        cost_usd=0.0,
        warnings=(*degraded, *warnings, *completion.warnings),
        combined=replace(combined, members=len(members)),
    )
    return Outcome(TaskState.COMPLETED, first.text, told)


def same(text: str) -> str:
    """Returns what is equal for answers that say the same: canonical JSON, or the text without case and outer space."""
    stripped = text.strip()
    fenced = _FENCED.match(stripped)
    bare = fenced[1].strip() if fenced else stripped
    try:
        value = json.loads(bare, parse_float=_number, parse_constant=_refused)
        return value.strip().casefold() if isinstance(value, str) else _canonical(value)
    except (ValueError, RecursionError):
        return bare.casefold()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _number(digits: str) -> float:
    """Returns a number of JSON: 1.0 is 1."""
    number = float(digits)
    return int(number) if number.is_integer() else number


def _refused(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _counted(answers: Sequence[Task], members: int) -> tuple[Task, Combined, list[str]]:
    keys = [same(answer.text) for answer in answers]
    ranked = Counter(keys).most_common()  # of equal counts, what came first stays first
    winner, votes = ranked[0]
    ties = sum(count == votes for _, count in ranked)
    supporters = [answer for answer, key in zip(answers, keys, strict=True) if key == winner]
    ids = tuple(answer.id for answer in supporters[:_CHOSEN])
    warnings: list[str] = []
    if ties > 1:
        each = "1 vote" if votes == 1 else f"{votes} votes"
        warnings.append(f"Tie: {ties} answers have {each} each; the text is the one that comes first in the group.")
    elif votes * 2 <= len(answers):
        warnings.append(f"No majority: {votes} of {len(answers)} answers agree, which is more than on any other.")
    combined = Combined("vote", members, len(answers), votes, ids, tie=ties > 1)
    return supporters[0], combined, warnings


async def _chosen(
    call: Call, wanted: Combine, answers: Sequence[Task], ask: Asked, secret: str
) -> tuple[Task, Combined, list[str]]:
    combined = Combined("best", len(answers), len(answers), 1, ())
    if len(answers) == 1:
        said = ["Only one member answered, so nothing was chosen."]
        return answers[0], replace(combined, chosen=(answers[0].id,)), said
    trouble = ""
    for turn in range(_TRIES):
        nonce = nonce_of(secret, "\0".join(answer.text for answer in answers), str(turn))
        asked = choosing_call(wanted, call, answers, nonce)
        try:
            place, reason = read_choice(await ask(asked), nonce, len(answers))
        except ValidatorError as error:
            trouble = str(error)
            continue
        best = answers[place]
        told = replace(combined, chosen=(best.id,), judge=asked.model, reason=clip(reason, _REASON_CHARS))
        return best, told, _own(asked.model, answers)
    message = f"{wanted.model} did not say which answer is best ({clip(trouble, 300)}). The answers are in `tasks`."
    raise ProviderError("no_choice", message)


def _own(judge: str, answers: Sequence[Task]) -> list[str]:
    if all(answer.model != judge for answer in answers):
        return []
    return [f"{judge} chose among answers of which it gave one itself; name another in `combine`."]


def _fates(members: Sequence[Task]) -> str:
    counts = Counter(member.state.value for member in members)
    return ", ".join(f"{count} {state}" for state, count in counts.items())
