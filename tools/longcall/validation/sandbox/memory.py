"""How much memory a process and all that descend from it hold, where the system tells (Linux)."""

import os
from pathlib import Path

_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1048576 if hasattr(os, "sysconf") else 0.0
_MOST = 512
"""Processes looked at in one go."""


def resident_mb(pid: int) -> float:
    """Returns the memory held by `pid` and its descendants together; 0 where it cannot be told.

    Pages that several of them share count once for each.
    """
    total, waiting, seen = 0.0, [pid], 0
    while waiting and seen < _MOST:
        current = waiting.pop()
        seen += 1
        try:
            total += int(Path(f"/proc/{current}/statm").read_bytes().split()[1]) * _PAGE_MB
            for thread in Path(f"/proc/{current}/task").iterdir():
                waiting += [int(child) for child in (thread / "children").read_bytes().split()]
        except (OSError, IndexError, ValueError):
            continue  # it has just ended, or the kernel keeps no list of children
    return total
