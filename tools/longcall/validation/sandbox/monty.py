"""Monty: an interpreter for a part of Python that has no way to the system at all, and answers in a millisecond.

It lacks much of Python, so that only what passes in it counts; the rest is for CPython to decide. Calls that must
raise are not asked here, since what Monty lacks raises too.
"""

import atexit
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from anyio.to_thread import run_sync

from longcall.validation.inside.values import decode, encode
from longcall.validation.request import Case
from longcall.validation.sandbox import Limits, Outcome
from longcall.validation.submission import Submission

_CASE_S = 1.0
_SLEEP_S = 0.05
"""Of all sleeps together, which count in no other limit and are waited for in this process."""
_WHOLE_S = 2.0
"""Seconds after which CPython is asked instead: what takes so long in Monty is quicker there."""
_lock = threading.Lock()
_pools: dict[int, Any] = {}


@dataclass(frozen=True, slots=True)
class Told:
    """What Monty came to; `records` is None when it could not run the code to its end."""

    records: list[dict[str, Any]] | None
    outcome: Outcome


async def call_in_monty(submission: Submission, cases: Sequence[tuple[str, Case]], limits: Limits) -> Told | None:
    """Returns an outcome for each case, in the form of `inside/call_cases.py`; None when Monty is not for this."""
    if len(submission.texts) != 1 or any(case.raises is not None for _, case in cases):
        return None
    if os.environ.get("LONGCALL_SANDBOX", "").strip() not in ("", "monty") or find_spec("pydantic_monty") is None:
        return None
    source = submission.texts[submission.main]
    return await run_sync(_call, source, cases, limits, abandon_on_cancel=True)


def _call(source: str, cases: Sequence[tuple[str, Case]], limits: Limits) -> Told | None:
    from pydantic_monty import MontyError  # noqa: PLC0415  # most of what imports this never runs code

    begun = time.monotonic()
    records: list[dict[str, Any]] | None = []
    try:
        with _pool().checkout(
            limits={
                "max_feed_duration_secs": _CASE_S,
                "max_total_sleep_secs": _SLEEP_S,
                "max_memory": limits.memory_mb << 20,
            }
        ) as session:
            _feed(session, source, {}, limits)
            for number, (function, case) in enumerate(cases):
                if time.monotonic() - begun > _WHOLE_S:
                    records = None
                    break
                records.append({"case": number, **_one(session, function, case, limits)})
    except (MontyError, ValueError, TypeError, RecursionError, OSError):
        records = None
    wall_ms = (time.monotonic() - begun) * 1000
    return Told(records, Outcome("monty", 0, None, "", "", b"", wall_ms=wall_ms))


def _one(session: Any, function: str, case: Case, limits: Limits) -> dict[str, Any]:
    inputs = {"longcall_args": decode(list(case.args)), "longcall_kwargs": decode(dict(case.kwargs))}
    value, printed = _feed(session, f"{function}(*longcall_args, **longcall_kwargs)", inputs, limits)
    told = {"value": encode(value)}
    return {**told, "printed": printed} if case.expected_stdout is not None else told


def _feed(session: Any, code: str, inputs: dict[str, Any], limits: Limits) -> tuple[Any, str]:
    from pydantic_monty import CollectStreams  # noqa: PLC0415

    printed = CollectStreams(max_bytes=limits.output_kb * 1024)
    value = session.feed_run(code, inputs=inputs, print_callback=printed)
    return value, "".join(text for stream, text in printed.output if stream == "stdout")


def _pool() -> Any:
    """Returns this process's pool of workers, which ends with the process."""
    from pydantic_monty import Monty  # noqa: PLC0415

    with _lock:
        if os.getpid() not in _pools:
            pool = Monty(max_processes=os.cpu_count() or 1)
            pool.__enter__()
            atexit.register(pool.__exit__, None, None, None)
            _pools[os.getpid()] = pool
        return _pools[os.getpid()]
