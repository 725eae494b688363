"""The answer of one of a task's attempts, told in place of the task's text."""

from dataclasses import replace

from longcall.errors import CallError
from longcall.models import Task
from longcall.page import Page
from longcall.result import Fit, Result


def answer_of(task: Task, number: int, text: str | None, page: Page | None, fit: Fit) -> Result:
    """Tells of a task with the answer of attempt `number`, `text`, in pages.

    Raises:
        CallError: it keeps no such answer.
    """
    if text is None:
        raise CallError(
            f"The task {task.id} keeps no answer of an attempt {number}: it has {len(task.attempts)}, and keeps those"
            " answers that were checked."
        )
    asked = page or Page()
    # A page never goes to a file, which would be the task's.
    shown = Page(asked.offset, asked.limit or len(text) + 1)
    result = fit(replace(task, text=text), shown, stranded=False)
    more = result.next and result.next.replace(f"(task_id={task.id!r}", f"(task_id={task.id!r}, attempt={number}")
    return result.model_copy(update={"next": more})
