"""What a model is told of its answer's faults. Pure."""

import re
from collections.abc import Sequence

from longcall.text import clip
from longcall.validators.base import Issue

MOST_BYTES = 6_000
"""About 1,500 tokens."""
FEEDBACK = "<longcall:feedback"
"""With this every feedback begins."""
_MESSAGE_CHARS = 600
_VALUE_CHARS = 200
_TAG = re.compile(r"<(?=[\s/]*longcall\s*:)", re.IGNORECASE)


def feedback(issues: Sequence[Issue], *, number: int, of: int, tool: str | None = None) -> str:
    """Returns a fenced, labelled block with every issue numbered: where, what is wrong, expected, got, how to mend it.

    Args:
        issues: what is wrong.
        number: of the answer that failed, from 1.
        of: answers at most.
        tool: a tool that the model is to use now.
    """
    begin = f'{FEEDBACK} answer="{number}" of="{of}">'
    ask = "Your last answer did not pass these checks. Mend all of it and return the complete answer, not a diff."
    use = [f"Use the tool {tool!r} to find out what is right before you answer."] if tool else []
    told = _fitting([_line(place, issue) for place, issue in enumerate(issues, 1)])
    return "\n".join([begin, ask, *use, *told, "</longcall:feedback>"])


def _fitting(lines: list[str]) -> list[str]:
    room, told = MOST_BYTES, list[str]()
    for line in lines:
        if told and len(line.encode(errors="replace")) > room:
            return [*told, f"({len(lines) - len(told)} of {len(lines)} issues are not shown.)"]
        told.append(line.encode(errors="replace")[:room].decode(errors="ignore"))  # one at least, whatever its script
        room -= len(told[-1].encode())
    return told


def _line(place: int, issue: Issue) -> str:
    where = f" at {_quoted(issue.path, _VALUE_CHARS)}" if issue.path else ""
    line = f"{place}. [{_quoted(issue.validator, _VALUE_CHARS)}{where}] {_quoted(issue.message, _MESSAGE_CHARS)}"
    for label, value in (("expected", issue.expected), ("got", issue.got), ("hint", issue.hint)):
        if value is not None:
            line += f"\n   {label}: {_quoted(value, _VALUE_CHARS if label != 'hint' else _MESSAGE_CHARS)}"
    return line


def _quoted(text: str, chars: int) -> str:
    # Words of a judge or of the answer, whose keys stand in paths too: on one line, and unable to close the block.
    return _TAG.sub("&lt;", clip(" ".join(text.split()), chars))
