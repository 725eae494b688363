"""Answers, asked for again until one passes: what comes next, and what is made of them in the end. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from longcall.call import Call
from longcall.errors import Failure
from longcall.feedback import feedback
from longcall.message import Message
from longcall.models import Checked, Completion, TaskState, Validation
from longcall.retry import Retry
from longcall.routing import Route, route
from longcall.text import clip
from longcall.validators.base import Issue

GIVEN = "The text was given, and there is no model to ask for a better one."
_WARNINGS = 12
_WARNING_CHARS = 250
_REASON_CHARS = 600
"""A judge may say any amount, and hosts cut results."""
_MOST_TOKENS = 1_000_000


@dataclass(frozen=True, slots=True)
class Round:
    """One answer, and what the checks found of it."""

    number: int | None
    """Of its attempt; None for a text that was given."""
    text: str
    completion: Completion
    checked: Checked | None = None
    """None until it was checked."""
    model: str = ""
    """Who was asked."""

    @property
    def findings(self) -> Checked:
        """What the checks found; of an answer that was not checked that it is at fault for nothing."""
        return self.checked or Checked()


def given(call: Call) -> Round | None:
    """Returns the text of a `meta-task/…` call, which is validated in place of an answer; None for any other call."""
    if route(call.model) is not Route.GIVEN:
        return None
    said = next((turn for turn in reversed(call.messages) if turn.role == "assistant"), call.messages[-1])
    return Round(None, said.text, Completion(call.model, "stop", cost_usd=0.0), model=call.model)


@dataclass(frozen=True, slots=True)
class Next:
    """The next answer is to be asked for, so, after `delay_s`."""

    call: Call
    delay_s: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing more is asked."""

    reason: str | None = None
    """A sentence; None where the last answer passed."""
    needs_review: bool = False
    failure: Failure | None = None
    """Why there was no answer to the last request."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to."""

    state: TaskState
    text: str | None
    completion: Completion | None = None
    validation: Validation | None = None
    failure: Failure | None = None


def next_step(call: Call, rounds: Sequence[Round], spent: str | None) -> Next | Stop:
    """Returns what to do after these answers, all of them checked.

    Args:
        call: what the caller asked.
        rounds: the answers so far.
        spent: which limit of the budget is reached, as a sentence.
    """
    if not rounds:
        return Stop(spent) if spent else Next(call, 0)
    if stop := _end(call, rounds[-1].findings, len(rounds)):
        return stop
    if rounds[-1].number is None:
        return Stop(GIVEN)
    if spent:
        return Stop(spent)
    rung = _rung(call, rounds)
    if rung is None:
        return Stop("The last answer was no better than the one before: the model makes no progress.")
    return Next(_asked_again(call, rounds, rung), call.policy.delay(len(rounds)))


def _end(call: Call, last: Checked, failed: int) -> Stop | None:
    retry = call.policy
    if last.valid:
        return Stop()
    if retry.max_attempts_before_human is not None and failed >= retry.max_attempts_before_human:
        answers = "1 answer" if failed == 1 else f"{failed} answers"
        return Stop(f"{answers} did not pass the checks, and now somebody has to decide.", needs_review=True)
    if last.errors and not last.faults:
        return Stop(f"The answer could not be checked: {clip(last.errors[0], _REASON_CHARS)}")
    if any(issue.on_fail == "fail" for issue in last.issues):
        return Stop("A check that allows no second answer failed.")
    if failed >= retry.max_attempts:
        return Stop(f"{failed} of {retry.max_attempts} answers failed their checks (`max_attempts`).")
    return None


def _rung(call: Call, rounds: Sequence[Round]) -> int | None:
    """Returns which model is next: 0 is the call's, then those to escalate to; None when no progress ends it.

    Each rung gets at least one of the last attempts.
    """
    retry = call.policy
    last_rung = len(retry.escalate)
    rung = began = 0
    for failed in range(1, len(rounds) + 1):
        is_stuck = retry.stop_without_progress and _is_stuck(call, rounds[began:failed])
        if rung == last_rung:
            if is_stuck:
                return None
        elif is_stuck or last_rung - rung >= retry.max_attempts - failed:
            rung, began = rung + 1, failed
    return rung


def _is_stuck(call: Call, rounds: Sequence[Round]) -> bool:
    if len(rounds) < 2:
        return False
    last, before = rounds[-1], rounds[-2]
    said = [" ".join(answer.text.casefold().split()) for answer in (last, before)]
    if said[0] == said[1]:
        return True
    # One that was cut off again had more room than before, and gets more still.
    has_more_room = call.max_tokens is not None and last.completion.finish_reason == "length"
    return not has_more_room and _faults(last) == _faults(before)


def _faults(answer: Round) -> list[tuple[str, ...]]:
    issues = answer.findings.faults
    return sorted((issue.validator, issue.code, issue.path, issue.got or "", issue.message) for issue in issues)


def _asked_again(call: Call, rounds: Sequence[Round], rung: int) -> Call:
    retry, failed = call.policy, len(rounds)
    shown = range(failed) if retry.context == "conversation" else [failed - 1]
    turns = [turn for index in shown for turn in _exchange(retry, rounds, index)]
    longer = sum(answer.completion.finish_reason == "length" for answer in rounds)
    changed = {
        "model": (call.model, *retry.escalate)[rung],
        "messages": (*call.messages, *turns),
        "max_tokens": call.max_tokens and max(call.max_tokens, min(_MOST_TOKENS, call.max_tokens * 2**longer)),
    }
    stage = retry.tool_stage
    if stage is not None and failed >= stage.after:
        servers = tuple(dict.fromkeys((*call.servers, *stage.servers)))
        changed |= {"servers": servers, "mcp_config": stage.mcp_config or call.mcp_config}
    return call.model_copy(update=changed)


def _exchange(retry: Retry, rounds: Sequence[Round], index: int) -> list[Message]:
    # Providers refuse a turn that says nothing.
    said = [Message(role="assistant", content=rounds[index].text)] if rounds[index].text.strip() else []
    return [*said, Message(role="user", content=_feedback(retry, rounds, index))]


def _feedback(retry: Retry, rounds: Sequence[Round], index: int) -> str:
    stage, failed = retry.tool_stage, index + 1
    tool = stage.name if stage is not None and failed >= stage.after else None
    return feedback(rounds[index].findings.faults, number=failed, of=retry.max_attempts, tool=tool)


def conclude(call: Call, rounds: Sequence[Round], stop: Stop) -> Outcome:
    """Returns what the answers came to.

    What passed is returned; otherwise the best or the last answer, as the caller wants it, with what is wrong with it.
    """
    if not rounds:
        failure = stop.failure or Failure("budget", f"There is no answer, and nothing more may be asked. {stop.reason}")
        return Outcome(TaskState.FAILED, None, failure=failure)
    passed = stop.reason is None
    best = rounds[-1] if passed else _best(rounds)
    returned = rounds[-1] if call.policy.on_exhausted == "return_last" else best
    repaired = returned.findings.repaired
    validation = Validation(
        valid=passed,
        returned="passed" if passed else "last" if returned is rounds[-1] and returned is not best else "best",
        stopped=stop.reason,
        issues=returned.findings.issues,
        best=best.number,
        last=rounds[-1].number,
        feedback_next=_feedback(call.policy, rounds, len(rounds) - 1) if rounds[-1].findings.faults else None,
        repaired=repaired is not None,
    )
    text = returned.text if repaired is None else repaired
    completion = _told(returned, validation)
    state, failure = _state(call, rounds[-1].findings, stop)
    return Outcome(state, text, completion, validation, failure)


def _best(rounds: Sequence[Round]) -> Round:
    # Who came further, then fewest faults, then fewest warnings, then the latest; what could not be checked counts as a
    # fault. An answer that only a judge refused is better than one that was refused before any judge saw it.
    def badness(answer: Round) -> tuple[int, int, int]:
        found = answer.findings
        return -found.stage, len(found.faults) + len(found.errors), len(found.issues)

    return min(reversed(rounds), key=badness)


def _state(call: Call, last: Checked, stop: Stop) -> tuple[TaskState, Failure | None]:
    if stop.reason is None:
        return TaskState.COMPLETED, None
    if stop.needs_review:
        return TaskState.NEEDS_REVIEW, None
    if call.policy.on_exhausted != "error":
        return TaskState.COMPLETED, None
    kept = "The best answer is kept as the text."
    if stop.failure is not None:
        message = f"{stop.failure.message} An earlier answer had failed its checks. {kept}"
        return TaskState.FAILED, replace(stop.failure, message=message)
    code = "not_checked" if last.errors and not last.faults else "validation_failed"
    return TaskState.FAILED, Failure(code, f"{stop.reason} {kept}", retryable=code == "not_checked")


def _told(returned: Round, validation: Validation) -> Completion:
    warnings = [*returned.completion.warnings, *returned.findings.warnings]
    warnings += [_line(issue) for issue in returned.findings.issues if issue.on_fail == "warn"]
    if validation.repaired:
        warnings.append("The JSON was mended; the answer as it came is with its attempt.")
    if validation.stopped is not None:
        failed = "The answer failed its checks. " if returned.findings.faults else "The answer was not checked. "
        warnings.insert(0, failed + validation.stopped)
        warnings += [_line(issue) for issue in returned.findings.faults]
    return replace(
        returned.completion, warnings=tuple(clip(warning, _WARNING_CHARS) for warning in warnings[:_WARNINGS])
    )


def _line(issue: Issue) -> str:
    return f"{issue.validator}: {issue.message}"
