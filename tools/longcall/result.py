"""The one shape in which every door tells of a task."""

from dataclasses import asdict
from typing import Any, Protocol

from pydantic import BaseModel

from longcall.account import cost_of, stage_of, steps_of, usage_of, validation_of
from longcall.combine import Combined
from longcall.errors import Failure
from longcall.lines import Lines, Status, TaskLine, counts_of, is_lost, line_of, lines_of, status_of
from longcall.models import Task, TaskKind, TaskState
from longcall.page import POLL_S, Page

_LEFT_BATCH = (
    "It has left its batch. What others still wait for in the batch goes on at the provider, where this request may be"
    " answered and billed all the same."
)
_IN_BATCH = ", in a batch, which may take its provider 24 h"
_STRANDED = (
    "It waits for a longcall that is attached with the same keys as the one that began it; nobody here holds them."
    " Attach that host again, or cancel_task and ask anew."
)
_REVIEW = (
    "The answer failed its checks (see `validation`): use the text if it is good enough, or have it done better with"
    " start_task(resume={task!r}, guidance=…)."
)


class Result(BaseModel, frozen=True, defer_build=True):
    """What became of a call, the most important first. A field that has nothing to say is None or empty."""

    status: Status
    task_id: str | None = None
    counts: dict[str, int] | None = None
    """Of a group: how many members it has (`total`), and how many of each status."""
    combined: dict[str, Any] | None = None
    """Of a group with `combine`: `degraded` where not all count, `how`, `from` (ids), `answered`, `votes`, `tie`, …"""
    text: str | None = None
    """The answer; while `working`, and after a failure, what has streamed in so far."""
    offset: int | None = None
    """Where `text` begins in the whole answer, when it is a part of it; of a group, the first member in `tasks`."""
    total_chars: int | None = None
    """Length of the whole answer, when `text` is a part of it."""
    path: str | None = None
    """The file with the whole answer, when it is too long to be shown."""
    model: str | None = None
    """The model that really answered."""
    finish_reason: str | None = None
    usage: dict[str, int] | None = None
    cost_usd: float | None = None
    """None when unknown."""
    attempts: int | None = None
    """Requests sent to providers, judges included."""
    elapsed_s: float | None = None
    progress: str | None = None
    validation: dict[str, Any] | None = None
    """What checks found: `valid`, `returned`, `stopped`, `issues`, `attempts`, `votes`, `feedback_next`."""
    report: dict[str, Any] | None = None
    """What validate_code found: `verdict`, `assurance`, `checks`, `diagnostics`, `tests`, `sandbox`, …"""
    error: dict[str, Any] | None = None
    """`code`, `message` and `retryable` of a failure, and `retry_after_s` where the provider said when."""
    conversation: str | None = None
    """Id of the conversation that it goes on with."""
    warnings: list[str] = []
    tasks: list[TaskLine] | None = None
    """The members of a group, or the recent tasks."""
    steps: list[dict[str, Any]] | None = None
    """The tools that the model used last: `turn`, `tool`, `arguments`, `state`, the beginning of its `result`, `ms`."""
    output: dict[str, Any] | None = None
    """The file that the answer was written to: `path`, `bytes`, `sha256`, `head`."""
    would_send: dict[str, Any] | None = None
    """What a dry run found: files, bytes, estimated tokens and price."""
    next: str | None = None
    """What to do now."""

    @property
    def is_final(self) -> bool:
        """Whether the work is at its end."""
        return self.status not in ("working", "listed")


class Fit(Protocol):
    """How a door tells of a task: whole, or cut to its room."""

    def __call__(self, task: Task, page: Page | None, *, stranded: bool) -> Result:
        """Returns what to tell; see `longcall.result.result_of`."""
        ...


def result_of(task: Task, page: Page | None = None, *, path: str | None = None, stranded: bool = False) -> Result:
    """Tells of a task.

    Args:
        task: the task, whole; the members of a group with their texts, where these are to be shown.
        page: the part of the text to show; None shows none of a text that is still coming, and all of a final one. Of a
            group, the members to show.
        path: the file with the whole text, when the page is only its head.
        stranded: whether it waits for an environment that nobody here holds.
    """
    if task.kind is TaskKind.GROUP:
        return group_result(task, page, stranded=stranded)
    completion = task.completion
    page = page or (Page() if task.state.is_final else None)
    shown = None if page is None else page.of(task.text)
    is_part = page is not None and shown is not None and len(shown) < len(task.text)
    return Result(
        status=status_of(task),
        task_id=task.id,
        text=shown,
        offset=page.offset if is_part and page else None,
        total_chars=len(task.text) if is_part else None,
        path=path,
        model=completion.model if completion else task.model,
        finish_reason=completion.finish_reason if completion else None,
        usage=usage_of(task),
        cost_usd=cost_of(task),
        attempts=len(task.attempts),
        elapsed_s=round(task.age_s(), 1),
        progress=None if task.state.is_final else progress_of(task),
        validation=validation_of(task),
        report=task.report,
        error=None if task.failure is None else _told(task.failure),
        conversation=task.conversation,
        warnings=_warnings(task),
        steps=steps_of(task) or None,
        output=asdict(completion.written) if completion and completion.written else None,
        next=_next(task, page if is_part else None, path, stranded=stranded),
    )


def group_result(
    task: Task,
    page: Page | None = None,
    *,
    room: int | None = None,
    path: str | None = None,
    stranded: bool = False,
) -> Result:
    """Tells of a group: what was made of the answers, if that was wanted, and of its members.

    Args:
        task: the group, with the texts of its members where these are to be shown.
        page: which members to show; None shows all that fit.
        room: bytes for the members; None shows all.
        path: the file with the whole text, when the task's is only its head.
        stranded: whether members wait for an environment that nobody here holds.
    """
    page = page or Page()
    told = lines_of(task.members, page.offset, page.limit, room)
    completion = task.completion
    return Result(
        status=status_of(task),
        task_id=task.id,
        counts=counts_of(task.members),
        combined=_combined(completion.combined) if completion and completion.combined else None,
        text=(task.text or None) if page.offset == 0 else None,
        offset=page.offset if page.offset or told.following is not None else None,
        total_chars=task.chars if len(task.text) < task.chars else None,
        path=path,
        model=completion.model if completion else task.model,
        finish_reason=completion.finish_reason if completion else None,
        elapsed_s=round(task.age_s(), 1),
        progress=None if task.state.is_final else progress_of(task),
        error=None if task.failure is None else _told(task.failure),
        warnings=_warnings(task),
        tasks=list(told.lines),
        next=_next_of_group(task, told, path, stranded=stranded),
    )


def _combined(combined: Combined) -> dict[str, Any]:
    lost = combined.members - combined.answered
    told = {
        "degraded": f"{lost} of {combined.members} members do not count" if lost else None,
        "how": combined.how,
        "from": list(combined.chosen),
        "members": combined.members,
        "answered": combined.answered,
        "votes": combined.votes if combined.how == "vote" else None,
        "tie": combined.tie or None,
        "judge": combined.judge,
        "reason": combined.reason,
    }
    return {name: value for name, value in told.items() if value is not None}


def listing(tasks: list[Task]) -> Result:
    """Tells of several tasks, newest first."""
    hint = "Call poll_task with a task_id for its text." if tasks else "No task yet: llm_call or start_task makes one."
    return Result(status="listed", tasks=[line_of(task) for task in tasks], next=hint)


def progress_of(task: Task) -> str:
    """Returns one line on what a task is at."""
    elapsed = f"{task.age_s():.0f} s"
    if task.kind is TaskKind.GROUP:
        asked = [member for member in task.members if not member.combines]
        ended = sum(member.state.is_final for member in asked)
        stage = ", combining the answers" if ended == len(asked) < len(task.members) else ""
        stage += _IN_BATCH if any(_waits_in_batch(member) for member in asked) else ""
        return f"{ended}/{len(asked)} done{stage}, {elapsed}"
    if task.state is TaskState.QUEUED:
        return f"{task.model}: waiting for a worker, {elapsed}"
    heard = f"{task.chars} characters so far, about {_tokens(task)} tokens by estimate" if task.chars else "no text yet"
    batch = _IN_BATCH if _waits_in_batch(task) else ""
    return f"{task.model}: {heard}{batch}, {elapsed}{stage_of(task)}"


def _waits_in_batch(task: Task) -> bool:
    return task.state is TaskState.RUNNING and task.call is not None and task.call.urgency == "batch"


def _tokens(task: Task) -> int:
    # About four bytes of any script make a token.
    return max(1, (len(task.text.encode(errors="replace")) or task.chars) // 4)


def _told(failure: Failure) -> dict[str, Any]:
    return {name: value for name, value in asdict(failure).items() if value is not None}


def _warnings(task: Task) -> list[str]:
    trimmed = [task.trimmed] if task.trimmed else []
    is_batched = task.call is not None and task.call.urgency == "batch"
    left = [_LEFT_BATCH] if is_batched and task.attempts and task.state is TaskState.CANCELLED else []
    if task.completion is not None:
        return [*trimmed, *left, *task.completion.warnings]
    asked = [member for member in task.members if not member.combines]
    lost = sum(is_lost(member) for member in asked)
    return [*trimmed, *left, *([f"{lost} of {len(asked)} members did not complete; see `tasks`."] if lost else [])]


def _next(task: Task, page: Page | None, path: str | None, *, stranded: bool) -> str | None:
    if stranded:
        return _STRANDED
    if not task.state.is_final:
        return _again(task)
    told = [_REVIEW.format(task=task.id)] if task.state is TaskState.NEEDS_REVIEW else []
    more = _more(task, page, path)
    return " ".join([*told, *more]) or None


def _again(task: Task) -> str:
    poll_s = task.call.poll_s if task.call is not None else None
    seldom = f" about every {poll_s:g} s" if poll_s is not None and poll_s > POLL_S else ""
    wait_s = min(poll_s or POLL_S, POLL_S)
    return f"The work goes on. Call poll_task(task_id={task.id!r}, wait_s={wait_s:g}){seldom} until the status changes."


def _next_of_group(task: Task, told: Lines, path: str | None, *, stranded: bool) -> str | None:
    more = [f"The whole text is in the file {path}."] if path else []
    if len(task.text) < task.chars:
        more.append(f"It is read on with poll_task(task_id={task.members[-1].id!r}).")
    if told.following is not None:
        more.append(f"More members: poll_task(task_id={task.id!r}, offset={told.following}).")
    if any(line.text is not None and len(line.text) < line.chars for line in told.lines):
        more.append("A text shorter than its `chars` is whole with poll_task and the member's task_id.")
    if not task.state.is_final:
        more.append(_STRANDED if stranded else _again(task))
    return " ".join(more) or None


def _more(task: Task, page: Page | None, path: str | None) -> list[str]:
    following = page.offset + len(page.of(task.text)) if page else len(task.text)
    more = f"poll_task(task_id={task.id!r}, offset={following})"
    if path is not None:
        return [f"The whole text is in the file {path}; or read on with {more}."]
    return [f"There is more: {more}."] if following < len(task.text) else []
