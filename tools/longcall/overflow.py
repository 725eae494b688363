"""Answers too long for a tool's result: the whole text goes to a file, its head and path into the result."""

import os
from pathlib import Path

from longcall.models import Task
from longcall.result import Page, Result, result_of

HEAD_CHARS = 4_000


def fitting(task: Task, page: Page | None, *, inline_chars: int, folder: Path, stranded: bool = False) -> Result:
    """Tells of a task in at most about `inline_chars` characters.

    A page that was asked for is cut to fit. A whole final text that does not fit is written to `folder`, readable by
    the user alone; when that fails, the pages remain.
    """
    if page is not None:
        limit = min(page.limit or inline_chars, inline_chars)
        return result_of(task, Page(page.offset, limit), stranded=stranded)
    if not task.state.is_final or len(task.text) <= inline_chars:
        return result_of(task, stranded=stranded)
    path = folder / f"{task.id}.md"
    try:
        _write(path, task.text)
    except OSError:
        return result_of(task, Page(0, inline_chars))
    return result_of(task, Page(0, HEAD_CHARS), path=str(path))


def _write(path: Path, text: str) -> None:
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
