"""Where a program inside tells what it found: the number of an inherited descriptor, or the path of a pipe."""

import os


def open_result(where):
    """Returns the descriptor, which children do not inherit."""
    if where.isdigit():
        os.set_inheritable(int(where), False)
        return int(where)
    return os.open(where, os.O_WRONLY)
