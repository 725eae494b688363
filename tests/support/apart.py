"""Runs something asynchronous to its end for a fixture that is not."""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple, Unpack

import anyio

Given = TypeVarTuple("Given")
Came = TypeVar("Came")


def run_apart(function: Callable[[Unpack[Given]], Awaitable[Came]], *given: *Given) -> Came:
    """Returns what `function` returns; in a thread of its own, since the tests' loop may be open in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(anyio.run, function, *given).result()
