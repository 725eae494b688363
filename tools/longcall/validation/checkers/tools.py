"""Finds the programs of checkers, runs them, and makes diagnostics of what they say."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import ByteReceiveStream

from longcall.text import reason_of
from longcall.validation.checkers import BrokenToolError, SkippedError
from longcall.validation.report import Diagnostic, Severity

_MOST_BYTES = 8_000_000
_MOST_S = 60.0
_KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TEMP", "TMP")
"""All that a tool gets of this process's environment."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a program printed, and how it ended."""

    exit: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """Returns what it printed, read as JSON.

        Raises:
            BrokenToolError: it is none.
        """
        try:
            return json.loads(self.stdout)
        except ValueError:
            raise BrokenToolError(f"it printed no JSON and left with {self.exit}: {self.stderr[-500:]}") from None


def find(*names: str) -> Path:
    """Returns the first of these programs that is beside this Python, or on PATH.

    Raises:
        SkippedError: none is.
    """
    for name in names:
        beside = shutil.which(name, path=str(Path(sys.executable).parent))
        if found := beside or shutil.which(name):
            return Path(found)
    raise SkippedError("tool_missing", f"there is no {' or '.join(names)} here")


def package_version(name: str) -> str | None:
    """Returns the version of an installed package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@cache
def program_version(path: Path) -> str | None:
    """Returns the first line that a program prints for `--version`."""
    try:
        argv = [path, "--version"]
        said = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603  # from PATH
    except (OSError, subprocess.SubprocessError):
        return None
    return (said.stdout.strip() or said.stderr.strip()).partition("\n")[0][:100] or None


async def say(
    argv: Sequence[str | Path], *, cwd: Path, stdin: str = "", environ: Mapping[str, str] | None = None
) -> Said:
    """Runs a program that reads files, bounded in time and output, and killed with the caller.

    Raises:
        SkippedError: it took too long.
        BrokenToolError: it could not be started, or printed without end.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    env = {**kept, "HOME": str(cwd), "NO_COLOR": "1", **(environ or {})}
    try:
        process = await anyio.open_process([str(part) for part in argv], cwd=cwd, env=env, start_new_session=True)
    except OSError as error:
        raise BrokenToolError(f"it could not be started: {reason_of(error)}") from None
    out, err = bytearray(), bytearray()
    async with process:
        try:
            with anyio.fail_after(_MOST_S):
                async with anyio.create_task_group() as group:
                    assert process.stdout is not None
                    assert process.stderr is not None
                    group.start_soon(_collect, process.stdout, out)
                    group.start_soon(_collect, process.stderr, err)
                    await _feed(process, stdin)
                await process.wait()
        except TimeoutError:
            raise SkippedError("timeout", f"it took more than {_MOST_S:.0f} s") from None
        finally:
            _end(process)
    if len(out) >= _MOST_BYTES:
        raise BrokenToolError("it printed without end")
    return Said(process.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def _end(process: anyio.abc.Process) -> None:
    # Some tools are scripts around another process, which must not outlive them.
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


async def _feed(process: anyio.abc.Process, text: str) -> None:
    assert process.stdin is not None
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await process.stdin.send(text.encode("utf-8", "replace"))
    await process.stdin.aclose()


async def _collect(stream: ByteReceiveStream, kept: bytearray) -> None:
    async for chunk in stream:
        if len(kept) < _MOST_BYTES:
            kept += chunk


def diagnostic(
    path: str,
    start: tuple[int, int],
    message: str,
    *,
    check: str,
    source: str,
    code: str = "",
    severity: Severity = "error",
    end: tuple[int, int] | None = None,
    url: str | None = None,
    **more: Any,
) -> Diagnostic:
    """Returns a diagnostic; without an end it covers nothing but its start."""
    line, column = max(1, start[0]), max(1, start[1])
    last, after = end if end is not None and end >= (line, column) else (line, column)
    return Diagnostic(path, line, column, last, after, severity, source, code, message.strip(), check, url, **more)


def column_of_utf8(line: str, offset: int) -> int:
    """Returns the 1-based code point column of a 0-based offset in the line's UTF-8."""
    return len(line.encode("utf-8")[:offset].decode("utf-8", "ignore")) + 1


def column_of_utf16(line: str, offset: int) -> int:
    """Returns the 1-based code point column of a 0-based offset in the line's UTF-16."""
    return len(line.encode("utf-16-le")[: offset * 2].decode("utf-16-le", "ignore")) + 1


def place_of_utf8(text: str, offset: int) -> tuple[int, int]:
    """Returns line and column, both 1-based, of a 0-based offset in the text's UTF-8."""
    before = text.encode("utf-8")[:offset].decode("utf-8", "ignore")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def relative(path: str, folder: Path) -> str:
    """Returns a tool's path as the submission names the file."""
    given = Path(path.removeprefix("file://"))
    for root in (folder, folder.resolve()):
        if given.is_absolute() and given.is_relative_to(root):
            return given.relative_to(root).as_posix()
    return given.as_posix().removeprefix("./")
