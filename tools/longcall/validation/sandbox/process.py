"""Runs one process to its end: bounded in time, memory and output, its whole group killed, also on cancellation."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar, checkpoint_if_cancelled

from longcall.text import reason_of
from longcall.validation.sandbox import Limits, Outcome, SandboxError
from longcall.validation.sandbox.memory import family, held_mb

RESULT_KB = 8192
"""The most that is read from the private descriptor."""
_LOOK_S = 0.05
"""Seconds between two looks at the clock, the memory and whether to stop."""
_DRAIN_S = 1.0
"""Seconds in which what is left in the pipes is read after the end; who holds one open longer has escaped the kill."""
_CHUNK = 65536
_cores: RunVar[anyio.CapacityLimiter] = RunVar("longcall_sandbox_cores")


@dataclass(frozen=True, slots=True)
class Launch:
    """A process to run on this side. `{result}` in its arguments becomes the number of the private descriptor."""

    name: str
    argv: Sequence[str]
    limits: Limits
    stdin: bytes = b""
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: Path | None = None
    descriptors: tuple[int, ...] = ()
    """Descriptors that the process inherits, beside the result's."""


async def run_process(launch: Launch) -> Outcome:
    """Runs a process, at most as many at once as there are cores.

    Raises:
        SandboxError: it could not be started.
    """
    try:
        limiter = _cores.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(os.cpu_count() or 1)
        _cores.set(limiter)
    stop = threading.Event()
    ended: Outcome | SandboxError = SandboxError(f"{launch.name} was not run.")
    async with anyio.create_task_group() as group:
        group.start_soon(_set_when_cancelled, stop)
        ended = await anyio.to_thread.run_sync(partial(_run, launch, stop), limiter=limiter)
        group.cancel_scope.cancel()
    await checkpoint_if_cancelled()  # the thread is waited for in any case, and its answer must not hide a cancellation
    if isinstance(ended, SandboxError):
        raise ended
    return ended


async def _set_when_cancelled(stop: threading.Event) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        stop.set()


def _run(launch: Launch, stop: threading.Event) -> Outcome | SandboxError:
    # An error is returned, since raising it through the task group would wrap it.
    receiving, sending = os.pipe()
    begun = time.monotonic()
    try:
        child = _start(launch, sending)
    except OSError as error:
        os.close(receiving)
        return SandboxError(f"{launch.name} could not be started: {reason_of(error)}.")
    finally:
        os.close(sending)
    assert child.stdout is not None
    assert child.stderr is not None
    taps = {
        child.stdout.fileno(): _Tap(launch.limits.output_kb * 1024),
        child.stderr.fileno(): _Tap(launch.limits.output_kb * 1024),
        receiving: _Tap(RESULT_KB * 1024),
    }
    watch = _Watch(child, launch, stop, taps)
    try:
        watch.until_end()
    finally:
        watch.kill()
        watch.drain()
        child.stdout.close()
        child.stderr.close()
        os.close(receiving)
    out, err, result = (tap.taken() for tap in taps.values())
    return watch.outcome(out, err, result, (time.monotonic() - begun) * 1000)


def _start(launch: Launch, sending: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # it runs what a backend has made, and that is its purpose
        [part.replace("{result}", str(sending)) for part in launch.argv],
        env=dict(launch.environ),
        cwd=launch.cwd,
        stdin=subprocess.PIPE if launch.stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        pass_fds=(sending, *launch.descriptors),
        start_new_session=True,
    )


class _Tap:
    """What has come out of one pipe so far, up to its limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._chunks: list[bytes] = []
        self._size = 0

    def take(self, chunk: bytes) -> bool:
        """Keeps a chunk as far as there is room; returns whether there was."""
        self._chunks.append(chunk[: max(0, self._most - self._size)])
        self._size += len(chunk)
        return self._size <= self._most

    def taken(self) -> bytes:
        """Returns all that was kept."""
        return b"".join(self._chunks)


class _Watch:
    """One running process under observation."""

    def __init__(
        self, child: subprocess.Popen[bytes], launch: Launch, stop: threading.Event, taps: dict[int, _Tap]
    ) -> None:
        self._child = child
        self._launch = launch
        self._stop = stop
        self._taps = taps
        self._pending = launch.stdin
        self._deadline = time.monotonic() + launch.limits.wall_s
        self._peak_mb = 0.0
        self._status: int | None = None
        self._ended_by: str | None = None
        self._selector = selectors.DefaultSelector()
        for descriptor in taps:
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ)
        if child.stdin is not None:
            os.set_blocking(child.stdin.fileno(), False)
            self._selector.register(child.stdin.fileno(), selectors.EVENT_WRITE)
        self._pidfd = self._open_pidfd()

    def _open_pidfd(self) -> int | None:
        if not hasattr(os, "pidfd_open"):
            return None
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(self._child.pid)
            self._selector.register(descriptor, selectors.EVENT_READ)
            return descriptor
        return None

    def until_end(self) -> None:
        """Returns when the process has ended or must not go on."""
        look_at = time.monotonic() + _LOOK_S
        while self._ended_by is None:
            self._serve(max(0.0, look_at - time.monotonic()))
            if self._has_ended():
                return
            if time.monotonic() >= look_at:
                self._look()
                look_at = time.monotonic() + _LOOK_S

    def _look(self) -> None:
        self._peak_mb = max(self._peak_mb, held_mb(self._child.pid, self._launch.limits.memory_mb))
        if self._stop.is_set():
            self._ended_by = "cancelled"
        elif time.monotonic() >= self._deadline:
            self._ended_by = "timeout"
        elif self._peak_mb > self._launch.limits.memory_mb:
            self._ended_by = "oom"

    def _has_ended(self) -> bool:
        pid, status = os.waitpid(self._child.pid, os.WNOHANG)
        if pid == 0:
            return False
        if os.WIFSTOPPED(status):  # it made this process its debugger
            self._ended_by = "stopped"
            return False
        self._note(status)
        return True

    def _note(self, status: int) -> None:
        self._status = os.waitstatus_to_exitcode(status)
        self._child.returncode = self._status  # it is reaped: Popen must not wait for that number again

    def _serve(self, wait_s: float) -> None:
        for key, _ in self._selector.select(wait_s):
            if key.fd in self._taps:
                self._read(key.fd)
            elif key.fd == self._pidfd:
                continue
            else:
                self._write()

    def _read(self, descriptor: int) -> None:
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            self._selector.unregister(descriptor)
        elif not self._taps[descriptor].take(chunk) and self._ended_by is None:
            self._ended_by = "output_limit"

    def _write(self) -> None:
        assert self._child.stdin is not None
        try:
            written = os.write(self._child.stdin.fileno(), self._pending[:_CHUNK])
        except BlockingIOError:
            return
        except BrokenPipeError:
            written = len(self._pending)
        self._pending = self._pending[written:]
        if not self._pending:
            self._close_stdin()

    def _close_stdin(self) -> None:
        if self._child.stdin is not None and not self._child.stdin.closed:
            with contextlib.suppress(KeyError):
                self._selector.unregister(self._child.stdin.fileno())
            self._child.stdin.close()

    def kill(self) -> None:
        """Ends the process and its group, and takes its status."""
        self._close_stdin()
        if self._status is None:
            # Some sandboxes put what they run into a group of its own.
            for member in family(self._child.pid)[1:]:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(member, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        if self._status is None:
            _, status = os.waitpid(self._child.pid, 0)
            while os.WIFSTOPPED(status):
                _, status = os.waitpid(self._child.pid, 0)
            self._note(status)

    def drain(self) -> None:
        """Reads what the pipes still hold."""
        if self._pidfd is not None:
            self._selector.unregister(self._pidfd)
            os.close(self._pidfd)
        until = time.monotonic() + _DRAIN_S
        while self._selector.get_map() and (left := until - time.monotonic()) > 0:
            self._serve(left)
        self._selector.close()

    def outcome(self, out: bytes, err: bytes, result: bytes, wall_ms: float) -> Outcome:
        """Returns how it went."""
        status = self._status or 0
        by_signal = -status if status < 0 else status - 128 if 128 < status <= 192 else None
        return Outcome(
            backend=self._launch.name,
            exit=status if by_signal is None and self._ended_by is None else None,
            signal=by_signal,
            stdout=out.decode("utf-8", "replace"),
            stderr=err.decode("utf-8", "replace"),
            result=result,
            ended_by=self._ended_by or ("timeout" if by_signal == signal.SIGXCPU else None),
            wall_ms=wall_ms,
            peak_mb=self._peak_mb,
        )
