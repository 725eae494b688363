"""How much memory a process and all that descend from it hold, where the system tells (Linux)."""

import os
import re
from pathlib import Path

_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1048576 if hasattr(os, "sysconf") else 0.0
_MOST = 512
"""Processes looked at in one go."""


def held_mb(pid: int, limit_mb: float) -> float:
    """Returns the memory held by `pid` and its descendants together; 0 where it cannot be told.

    While it is below the limit, pages that several of them share count once for each, which is quick to find. Above it
    such pages count once.
    """
    members = family(pid)
    quick = sum(_resident_mb(member) for member in members)
    return quick if quick <= limit_mb else sum(_proportional_mb(member) for member in members)


def family(pid: int) -> list[int]:
    """Returns `pid` and all that descend from it, as far as the system tells."""
    waiting, found = [pid], list[int]()
    while waiting and len(found) < _MOST:
        current = waiting.pop()
        found.append(current)
        try:
            for thread in Path(f"/proc/{current}/task").iterdir():
                waiting += [int(child) for child in (thread / "children").read_bytes().split()]
        except (OSError, ValueError):
            continue  # it has just ended, or the kernel keeps no list of children
    return found


def _resident_mb(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE_MB
    except (OSError, IndexError, ValueError):
        return 0.0


def _proportional_mb(pid: int) -> float:
    try:
        found = re.search(rb"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_bytes(), re.MULTILINE)
    except OSError:
        found = None
    return int(found[1]) / 1024 if found else _resident_mb(pid)
