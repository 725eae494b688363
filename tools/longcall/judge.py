"""Has other models judge an answer.

A judge that fails, refuses or reports nonsense is asked once more, and then is an error of the judge: never a pass, and
never a fault of the answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from longcall.call import Call
from longcall.checking import Judgement
from longcall.errors import ProviderError
from longcall.judge_prompt import judging_call, nonce_of
from longcall.judge_report import Report, counterexamples, read_report
from longcall.models import Vote
from longcall.text import clip
from longcall.validators.base import Answer, ValidatorError
from longcall.validators.judge import Judge

_TRIES = 2
_REASON_CHARS = 1_000

Asked = Callable[[Call], Awaitable[str]]
"""Asks a model and returns its whole answer.

Raises:
    ProviderError: there is none.
    ValidatorError: it may not be asked any more.
"""


Prove = Callable[[Any], Awaitable[bool | None]]
"""Whether code really fails a counterexample; None when that cannot be found out."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Judges at work on one task."""

    ask: Asked
    author: str
    """The model whose answers they judge."""
    secret: str
    """What nobody outside knows, for nonces."""
    timeout_s: float
    prove: Prove | None = None
    """Runs a counterexample to code; None where answers are no code."""

    async def judge(self, judge: Judge, answer: Answer) -> Judgement:
        """Returns what the judges of one validator make of `answer`; they are heard until they have decided."""
        models = judge.models or (self.author,)
        votes: list[Vote] = []
        reports: list[Report] = []
        for model in models:
            vote, report = await self._vote(judge, model, answer)
            votes.append(vote)
            reports += [report] if report else []
            if _verdict(judge, votes, len(models)) != "open":
                break
        warnings = [warning for report in reports for warning in report.warnings]
        if self.author in models:
            warnings.append(f"{judge.name}: {self.author} judged its own answer; name others in `models`.")
        return _judgement(judge, votes, reports, len(models), tuple(warnings))

    async def _vote(self, judge: Judge, model: str, answer: Answer) -> tuple[Vote, Report | None]:
        trouble = ""
        for turn in range(_TRIES):
            nonce = nonce_of(self.secret, answer.text, f"{judge.name}\0{model}\0{turn}")
            try:
                asked = judging_call(judge, model, answer, nonce, self.timeout_s, wants_proof=self.prove is not None)
                said = await self.ask(asked)
                proofs = await self._proofs(judge, said)
                report = read_report(judge, said, judged=answer.text, nonce=nonce, proofs=proofs)
            except ValidatorError as error:
                trouble = str(error)
            except ProviderError as error:
                trouble = error.failure.message
                break  # what could pass was tried again where the request was made
            else:
                return Vote(judge.name, model, report.verdict, clip(report.reason, _REASON_CHARS)), report
        return Vote(judge.name, model, "error", clip(trouble, _REASON_CHARS)), None

    async def _proofs(self, judge: Judge, said: str) -> dict[int, bool]:
        """Returns which counterexamples were reproduced; what could not be run proves nothing either way."""
        if self.prove is None:
            return {}
        ran = {criterion: await self.prove(example) for criterion, example in counterexamples(judge, said).items()}
        return {criterion: outcome for criterion, outcome in ran.items() if outcome is not None}


def _verdict(judge: Judge, votes: Sequence[Vote], judges: int) -> Literal["pass", "fail", "undecided", "open"]:
    """Returns what the votes come to; `open` while the judges not yet heard can change it."""
    passed, failed = (sum(vote.verdict == word for vote in votes) for word in ("pass", "fail"))
    left = judges - len(votes)
    if judge.require == "majority":
        if passed * 2 > judges or failed * 2 > judges:
            return "pass" if passed > failed else "fail"
        return "open" if (max(passed, failed) + left) * 2 > judges else "undecided"
    if failed:
        return "fail"
    if left:
        return "open"
    unsure = judges - passed - sum(vote.verdict == "error" for vote in votes)
    enough = passed == judges or (judge.require == "no_veto" and passed and passed + unsure == judges)
    return "pass" if enough else "undecided"


def _judgement(
    judge: Judge, votes: Sequence[Vote], reports: Sequence[Report], judges: int, warnings: tuple[str, ...]
) -> Judgement:
    verdict = _verdict(judge, votes, judges)
    told = tuple(votes)
    if verdict == "fail":
        issues = tuple(issue for report in reports for issue in report.issues)
        return Judgement(issues=issues, votes=told, warnings=warnings)
    if verdict == "pass":
        lost = tuple(f"{vote.model} gave no verdict: {vote.reason}" for vote in votes if vote.verdict == "error")
        return Judgement(votes=told, warnings=(*warnings, *lost))
    said = "; ".join(f"{vote.model}: {vote.verdict}: {vote.reason}" for vote in votes if vote.verdict != "pass")
    return Judgement(errors=(f"{judge.name} came to no verdict ({said})",), votes=told, warnings=warnings)
