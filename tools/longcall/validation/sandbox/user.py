"""Whom a sandbox that root starts becomes before any of a submission's code runs."""

import os
import secrets
from pathlib import Path

_USERS = (0x70000000, 0x78000000)
"""Numbers of users from which each run of root's takes one at random: nothing else runs under them."""
_NOBODY = 65534


def user_inside() -> int | None:
    """Returns the number to take; None when we are an ordinary user already."""
    if os.geteuid() != 0:
        return None
    first, last = _USERS
    for line in Path("/proc/self/uid_map").read_text("ascii").splitlines():
        begin, _, count = (int(part) for part in line.split())
        if begin <= first and begin + count >= last:
            return first + secrets.randbelow(last - first)
    return _NOBODY
