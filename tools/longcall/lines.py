"""The members of a group as a result shows them: as many, with as much of their texts, as there is room for. Pure."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from longcall.models import Task, TaskState
from longcall.text import clip

Status = Literal["working", "completed", "failed", "cancelled", "interrupted", "needs_review", "listed", "dry_run"]
_MOST_CHARS = 4_000_000
"""Characters of texts that are read for one result, whatever room it has."""
_ERROR_CHARS = 200


class TaskLine(BaseModel, frozen=True, defer_build=True):
    """A task in a list."""

    task_id: str
    status: Status
    model: str
    head: str
    """The first words of what was asked."""
    age_s: float
    """Seconds from creation to the end, or to now."""
    chars: int
    """Characters of answer so far."""
    error: str | None = None
    """Of a member: why it failed."""
    text: str | None = None
    """Of a member that has ended, where it is shown: its answer, cut where it is shorter than `chars`."""


@dataclass(frozen=True, slots=True)
class Lines:
    """A part of a group's members."""

    lines: tuple[TaskLine, ...]
    following: int | None = None
    """Where to read on; None when all there is was shown."""


def status_of(task: Task) -> Status:
    """Returns the word for a task's state: queued and running are both `working`."""
    return task.state.value if task.state.is_final else "working"  # pyright: ignore[reportReturnType]  # same words


def line_of(task: Task) -> TaskLine:
    """Returns a task as a line of a list, without its text."""
    return TaskLine(
        task_id=task.id,
        status=status_of(task),
        model=task.model,
        head=task.head,
        age_s=round(task.age_s(), 1),
        chars=task.chars,
        error=clip(task.failure.message, _ERROR_CHARS) if task.parent and task.failure else None,
    )


def counts_of(members: Sequence[Task]) -> dict[str, int]:
    """Returns how many members there are, and how many of each status; what combines their answers is none."""
    asked = [status_of(member) for member in members if not member.combines]
    return {"total": len(asked), **Counter(sorted(asked))}


def reach(members: Sequence[Task], first: int, most: int | None) -> int:
    """Returns the place after the last of at most `most` members from `first` whose texts one result may hold."""
    end = len(members) if most is None else min(len(members), first + most)
    chars = 0
    for place in range(first, end):
        chars += members[place].chars
        if chars > _MOST_CHARS and place > first:
            return place
    return end


def lines_of(members: Sequence[Task], first: int, most: int | None, room: int | None) -> Lines:
    """Returns the members from place `first` on, at most `most`, in at most `room` bytes of JSON (None: any).

    Half of the room is for what became of each, and what is left for their texts, in order, as long as they fit.
    """
    end = reach(members, first, most)
    shown = [line_of(member) for member in members[first:end]]
    if room is not None:
        left = room
        shown = shown[: max(1, _fitting([_size(line) for line in shown], room // 2))]
        left -= sum(_size(line) for line in shown)
    else:
        left = None
    texts = _texts(members[first : first + len(shown)], left)
    lines = [line.model_copy(update={"text": text}) for line, text in zip(shown, texts, strict=False)]
    lines += shown[len(texts) :]
    following = first + (min(len(shown), len(texts)))
    return Lines(tuple(lines), following if following < len(members) and (most is None or lines) else None)


def _fitting(sizes: Sequence[int], room: int) -> int:
    """Returns how many of these fit."""
    taken = 0
    for count, size in enumerate(sizes):
        taken += size
        if taken > room:
            return count
    return len(sizes)


def _texts(members: Sequence[Task], room: int | None) -> list[str | None]:
    """Returns the texts of members in order, None for one that has none to show, up to the first that does not fit."""
    told: list[str | None] = []
    for member in members:
        text = member.text if member.state.is_final and not member.combines else ""
        size = len(json.dumps(text, ensure_ascii=False).encode(errors="replace")) + len('"text": , ')
        if not text:
            told.append(None)
        elif room is None or size <= room:
            told.append(text)
            room = None if room is None else room - size
        elif not any(told):
            return [*told, _cut(text, room)]
        else:
            return told
    return told


def _cut(text: str, room: int) -> str:
    """Returns the beginning of a text whose JSON takes about `room` bytes."""
    size = len(json.dumps(text, ensure_ascii=False).encode(errors="replace"))
    return text[: max(1, len(text) * max(0, room - 20) // size)]


def _size(line: TaskLine) -> int:
    return len(json.dumps(line.model_dump(exclude_none=True), ensure_ascii=False).encode(errors="replace")) + 2


def is_lost(member: Task) -> bool:
    """Whether a member has ended without an answer that counts."""
    return member.state.is_final and member.state is not TaskState.COMPLETED
