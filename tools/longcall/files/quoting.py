"""A file's text as a block that nothing in it can close. Pure."""

import json
import re

_FENCE = re.compile(r"`{3,}")


def quoted(path: str, lines: str | None, text: str) -> str:
    """Returns a text between fences longer than any in it, below its path (as JSON) and its lines.

    The same file makes the same block, so that providers' prompt caches hold, and the text in it is as it was.
    """
    fence = "`" * max(3, 1 + max((len(run) for run in _FENCE.findall(text)), default=0))
    where = json.dumps(path, ensure_ascii=False) + (f" lines {lines}" if lines else "")
    end = "" if text.endswith("\n") or not text else "\n"
    return f"File {where}:\n{fence}\n{text}{end}{fence}\n"
