"""How a command ends: its exit code, and whatever can go wrong as one sentence on stderr."""

import os
import sys
from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import TypeVar, cast

import anyio

from longcall.cli.phrases import in_shell
from longcall.cli.terminal import ReaderGoneError, complain
from longcall.errors import CallError, LongcallError
from longcall.settings import SettingsError

T = TypeVar("T")


class Exit(IntEnum):
    """The exit codes of every command."""

    COMPLETED = 0
    FAILED = 1
    """It was asked and did not succeed: the model failed, the task was lost, nothing matched."""
    USAGE = 2
    """It cannot be asked so; nothing was done."""
    TROUBLE = 3
    """The task store or the worker cannot be used."""
    STILL_WORKING = 4
    """`--wait` ran out; the work goes on."""
    INTERRUPTED = 130
    """Ctrl-C; the work goes on."""
    READER_GONE = 141
    """Whoever read our output closed it, as `head` does."""


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Runs `work` to its end. Ctrl-C cancels it, but what it shields ends first.

    Raises:
        KeyboardInterrupt: after Ctrl-C.
    """
    return anyio.run(_in_child, work)


async def _in_child(work: Callable[[], Awaitable[T]]) -> T:
    # Ctrl-C cancels the main task in a way that knows no shields; a child task is cancelled in anyio's way.
    results: list[T] = []
    errors: list[Exception] = []

    async def child() -> None:
        try:
            results.append(await work())
        except Exception as error:  # noqa: BLE001  # raised again below, outside the group
            errors.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(child)
    for error in errors:
        raise error
    return results[0]


def ending(command: Callable[[], None]) -> None:
    """Runs the command line and exits, with a sentence instead of a traceback for all that may be expected."""
    try:
        command()
    except (LongcallError, ReaderGoneError, ExceptionGroup) as error:
        expected = _expected(error)
        if expected is None:
            raise
        if isinstance(expected, ReaderGoneError):
            _silence_stdout()
            sys.exit(Exit.READER_GONE)
        complain(in_shell(str(expected)) if isinstance(expected, CallError) else str(expected))
        sys.exit(Exit.USAGE if isinstance(expected, CallError | SettingsError) else Exit.TROUBLE)


def _silence_stdout() -> None:
    # Otherwise the interpreter complains at its end about what it could not write.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _expected(error: Exception) -> LongcallError | ReaderGoneError | None:
    if isinstance(error, LongcallError | ReaderGoneError):
        return error
    if not isinstance(error, ExceptionGroup):
        return None
    within = cast("ExceptionGroup[Exception]", error).exceptions
    return next((found for found in map(_expected, within) if found is not None), None)
