"""What a model is told of its answer's faults. Pure."""

from collections.abc import Sequence

from longcall.text import clip
from longcall.validators.base import Issue

MOST_BYTES = 6_000
"""About 1,500 tokens."""
FEEDBACK = "<longcall:feedback"
"""With this every feedback begins."""
_MESSAGE_CHARS = 600
_VALUE_CHARS = 200


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
        room -= len(line.encode(errors="replace"))
        if room < 0:
            return [*told, f"({len(lines) - len(told)} more issues are not shown.)"]
        told.append(line)
    return told


def _line(place: int, issue: Issue) -> str:
    where = f" at {issue.path}" if issue.path else ""
    line = f"{place}. [{issue.validator}{where}] {_quoted(issue.message, _MESSAGE_CHARS)}"
    for label, value in (("expected", issue.expected), ("got", issue.got), ("hint", issue.hint)):
        if value is not None:
            line += f"\n   {label}: {_quoted(value, _VALUE_CHARS if label != 'hint' else _MESSAGE_CHARS)}"
    return line


def _quoted(text: str, chars: int) -> str:
    # Words of a judge or of the answer: on one line, and unable to close the block.
    return clip(" ".join(text.split()), chars).replace("</longcall:", "</ longcall:")
