"""One process of Claude's command line, in a process group of its own, that nothing of it outlives.

On POSIX a tiny shell stands watch in the same group: it reads from a pipe whose other end only the worker holds. When
the worker is killed, the pipe ends, and the watch ends the group and removes the call's folder, secrets included.
"""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import IO

import anyio
from anyio.abc import Process

_LEAVE_S = 5.0
"""Seconds for it to leave by itself after its result, and to end its MCP servers."""
_TERM_S = 2.0
"""Seconds from SIGTERM to SIGKILL."""
_TAIL_BYTES = 4096
_WATCHED = """
exec 3<&0
(trap '' TERM; read -r _ <&3; kill -s TERM 0; sleep 2; rm -rf -- "$1"; kill -s KILL 0) >/dev/null 2>&1 &
exec 3<&- <"$2"
shift 2
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Folder:
    """A private folder for one call, with an empty one in it to work in."""

    path: Path

    @property
    def work(self) -> Path:
        """The empty folder in it."""
        return self.path / "work"

    def write(self, name: str, text: str) -> Path:
        """Writes a file that only this user can read."""
        path = self.path / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def remove(self) -> None:
        """Removes it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def make_folder() -> Folder:
    """Makes a private folder for one call."""
    folder = Folder(Path(tempfile.mkdtemp(prefix="longcall-")))
    folder.work.mkdir()
    return folder


class Running:
    """A process that runs."""

    def __init__(self, process: Process, stderr: IO[bytes]) -> None:
        self._process = process
        self._stderr = stderr

    async def lines(self) -> AsyncGenerator[bytes]:
        """Yields what it writes to stdout line by line, until it closes it."""
        assert self._process.stdout is not None
        pending: list[bytes] = []
        async for chunk in self._process.stdout:
            *ended, rest = chunk.split(b"\n")
            for line in ended:
                yield b"".join([*pending, line])
                pending.clear()
            pending.append(rest)
        if any(pending):
            yield b"".join(pending)

    async def exit_code(self) -> int | None:
        """Returns its exit code once it ends, or None when it does not end within some seconds."""
        with anyio.move_on_after(_LEAVE_S):
            return await self._process.wait()
        return None

    def last_words(self) -> str:
        """Returns the end of what it wrote to stderr."""
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - _TAIL_BYTES))
        return self._stderr.read().decode("utf-8", "replace").strip()

    async def stop(self) -> None:
        """Ends it and whatever it started, at once; returns when it is gone."""
        with anyio.CancelScope(shield=True):
            if self._process.returncode is None:
                self._signal(signal.SIGTERM)
                with anyio.move_on_after(_TERM_S):
                    await self._process.wait()
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))  # also what it left behind, and the watch
            await self._process.wait()
            await self._process.aclose()
            self._stderr.close()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of the dead
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, number)


async def run(command: Sequence[str], folder: Folder, prompt: Path, environ: Mapping[str, str]) -> Running:
    """Starts `command` with `prompt` as its stdin; call `stop` on what is returned, whatever happens.

    Raises:
        OSError: it cannot be started.
    """
    watched = list(command)
    if sys.platform != "win32":
        watched = ["/bin/sh", "-c", _WATCHED, "sh", str(folder.path), str(prompt), *command]
    stderr = tempfile.TemporaryFile()  # noqa: SIM115  # `stop` closes it; a file never fills up, and has no name
    try:
        process = await anyio.open_process(
            watched,
            stdin=PIPE if sys.platform != "win32" else prompt.open("rb"),
            stdout=PIPE,
            stderr=stderr,
            cwd=folder.work,
            env=dict(environ),
            start_new_session=True,
        )
    except BaseException:
        stderr.close()
        raise
    return Running(process, stderr)
