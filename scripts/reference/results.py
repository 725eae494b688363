"""The one shape of every result."""

from typing import get_args

from longcall.result import Result, Status, TaskLine
from reference.fields import Field, demand, fields_of
from reference.markdown import code, escaped, page, table

_ABOUT = """\
`llm_call`, `start_task`, `poll_task`, `cancel_task` and `validate_code` answer in this one shape, over MCP, in Python
and with `--json` on the command line. Fields that have nothing to say are left out over MCP, and are None or empty in
Python."""
_STATUSES = {
    "working": "It is queued or at work. Nothing is lost: ask again with `poll_task`.",
    "completed": "The answer is in `text`.",
    "failed": "There is no answer as it was asked for. `error` says why; `text` is what there is all the same.",
    "cancelled": "It was stopped. `text` is what had come until then.",
    "interrupted": "Its worker died after a request had left: it may have been billed, and its answer is lost beyond"
    " `text`. It is not sent again by itself.",
    "needs_review": "The answer failed its checks, and somebody has to decide. See [answers](../answers.md).",
    "listed": "Not one task but a list of them, in `tasks`.",
    "dry_run": "Nothing was sent or stored. `would_send` tells what would be.",
}
_PLAIN = {
    "status": "What has become of it; see above.",
    "task_id": "By it any chat, server or terminal finds the task again.",
    "model": "The model that was asked, or that really answered.",
    "finish_reason": "Why the model stopped: `stop`, `length` (cut off at its token limit), …",
    "usage": "Tokens of all its requests: `input_tokens`, `output_tokens`, and where the provider counts them"
    " `cached_input_tokens` and `reasoning_tokens`.",
    "elapsed_s": "Seconds from the beginning of the task to its end, or to now.",
    "progress": "While `working`: one line on what it is at.",
    "warnings": "What should be known: another model answered, the answer was cut, JSON was mended, an earlier task"
    " answers this request, …",
}
"""What the class leaves to its names."""


def results_page() -> str:
    """Returns the page of the result."""
    statuses = [[code(status), _STATUSES[status]] for status in get_args(Status)]
    return page(
        "Result",
        _ABOUT,
        "## status",
        table(["status", "meaning"], statuses),
        "## Fields",
        _fields(Result),
        "## A task in a list",
        _fields(TaskLine),
    )


def _fields(owner: type) -> str:
    rows = [[code(one.name), code(one.type), _about(owner, one)] for one in fields_of(owner)]
    return table(["field", "type", "meaning"], rows)


def _about(owner: type, one: Field) -> str:
    return demand(escaped(one.about) or _PLAIN.get(one.name, ""), f"The field {one.name!r} of {owner.__name__}")
