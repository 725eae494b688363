"""Answers too long for a tool's result: the whole text goes to a file, its head and path into the result."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from longcall import code_task
from longcall.account import size_of, validation_of
from longcall.models import Task, TaskKind, TaskState
from longcall.page import Page
from longcall.result import Result, group_result, result_of

HEAD_CHARS = 4_000
FAILED_CHARS = 8_000
"""Room for the text of a failure: Claude Code cuts the results of failed calls at 10,000 characters."""
_LEAST_CHARS = 1_000
_AROUND_BYTES = 600
"""Room for what says how to go on from a part of a group."""


def fitting(task: Task, page: Page | None, *, inline_chars: int, folder: Path, stranded: bool = False) -> Result:
    """Tells of a task in at most about `inline_chars` characters, of which one beyond ASCII counts its UTF-8 bytes.

    That is how hosts and models count: a token is about four bytes of any script. A part that was asked for is cut to
    fit. A whole final text that does not fit is written to `folder`, readable by the user alone; when that fails, the
    pages remain.
    """
    if task.kind is TaskKind.GROUP:
        return _group(task, page, inline_chars, folder, stranded=stranded)
    if task.report is not None:
        task = replace(task, report=code_task.fitting(task.report, inline_chars - _size(task.text)))
    if page is not None and (page != Page() or not task.state.is_final):
        return result_of(task, _cut(task.text, page, inline_chars), stranded=stranded)
    room = min(inline_chars, _room_of_failure(task)) if task.state is TaskState.FAILED else inline_chars
    if not task.state.is_final or _size(task.text) <= room:
        return result_of(task, stranded=stranded)
    path = folder / f"{task.id}.md"
    try:
        _write(path, task.text)
    except OSError:
        return result_of(task, _cut(task.text, Page(), room))
    return result_of(task, _cut(task.text, Page(0, HEAD_CHARS), room), path=str(path))


def _group(task: Task, page: Page | None, inline_chars: int, folder: Path, *, stranded: bool) -> Result:
    """Tells of a group in its room: of a combined answer and its members, whose ids have their whole texts."""
    path = None
    if _size(task.text) > inline_chars // 2:
        path = folder / f"{task.id}.md"
        head = _cut(task.text, Page(0, HEAD_CHARS), inline_chars // 2).of(task.text)
        try:
            _write(path, task.text)
        except OSError:
            path = None
        task = replace(task, text=head)
    tell = partial(group_result, task, page, path=path and str(path), stranded=stranded)
    told = tell(room=0)
    around = told.model_copy(update={"tasks": None}).model_dump(mode="json", exclude_none=True)
    left = inline_chars - size_of(around) - _AROUND_BYTES
    return tell(room=max(_LEAST_CHARS, left))


def _cut(text: str, page: Page, room: int) -> Page:
    asked = Page(page.offset, min(page.limit or room, room)).of(text)
    kept = asked.encode(errors="replace")[:room].decode(errors="ignore")
    return Page(page.offset, max(1, len(kept)))


def _room_of_failure(task: Task) -> int:
    warnings = sum(size_of(warning) for warning in task.completion.warnings) if task.completion else 0
    return max(_LEAST_CHARS, FAILED_CHARS - size_of(validation_of(task)) - warnings)


def _size(text: str) -> int:
    return len(text.encode(errors="replace"))


def _holds(path: Path, data: bytes) -> bool:
    # Guidance, and answers that are combined anew, change the text of a task.
    return path.exists() and path.stat().st_size == len(data) and path.read_bytes() == data


def _write(path: Path, text: str) -> None:
    if _holds(path, text.encode()):
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
