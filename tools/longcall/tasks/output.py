"""Writes the answers of tasks to the files that their callers want them in. A failed write never loses an answer."""

import logging
from dataclasses import replace
from functools import partial

import anyio
import anyio.to_thread

from longcall.call import Call, OutputFile
from longcall.errors import CallError
from longcall.files.roots import Roots
from longcall.files.writing import write
from longcall.models import TaskState, Written
from longcall.tasks.store import Ending
from longcall.text import head
from longcall.validators.target import TargetError, parts

log = logging.getLogger(__name__)

_WRITE_S = 30.0
"""Seconds for a file system to take a file; one that hangs must not keep the answer from its task."""
_TARGETS = {"text": "text", "code": "first_code_block", "json": "json"}


async def with_output(call: Call, ending: Ending) -> Ending:
    """Returns how a task ends, with its answer written where the call wants it: or a warning why it is not."""
    wanted, completion = call.output, ending.completion
    if wanted is None or ending.text is None or completion is None:
        return ending
    if ending.state is not TaskState.COMPLETED:
        return _warned(ending, f"Nothing was written to {wanted.path}, since the answer failed its checks.")
    try:
        with anyio.fail_after(_WRITE_S):
            job = partial(_write, wanted, call.roots, ending.text)
            written = await anyio.to_thread.run_sync(job, abandon_on_cancel=True)
    except (CallError, TargetError, TimeoutError) as error:
        reason = str(error) or f"{wanted.path} could not be written within {_WRITE_S:g} s."
        return _warned(ending, f"The answer was not written to its file, and is kept here: {reason}")
    except Exception as error:  # whatever goes wrong with the file, the answer is paid for
        log.exception("an answer was not written to its file")
        return _warned(ending, f"The answer was not written to its file, and is kept here ({type(error).__name__}).")
    return replace(ending, completion=replace(completion, written=written))


def _write(wanted: OutputFile, roots: tuple[str, ...], text: str) -> Written:
    part = parts(text, _TARGETS[wanted.part])[0].text
    if wanted.part != "text" and not part.endswith("\n"):
        part += "\n"  # a file of code or JSON ends its last line
    path, size, digest = write(wanted.path, part, Roots.of(roots), overwrite=wanted.overwrite)
    return Written(str(path), size, digest, head(part))


def _warned(ending: Ending, warning: str) -> Ending:
    assert ending.completion is not None
    warnings = (warning, *ending.completion.warnings)
    return replace(ending, completion=replace(ending.completion, warnings=warnings))
