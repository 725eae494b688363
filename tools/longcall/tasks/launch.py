"""Starting a worker: a process of its own that outlives whoever started it."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from longcall.errors import WorkerStartError
from longcall.settings import Settings
from longcall.tasks.lock import held, is_alive
from longcall.text import reason_of

START_S = 30.0
"""Seconds within which a worker must hold its lock."""
_DETACHED = (
    # Windows has no sessions: this keeps the worker out of its front's console and job instead.
    subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW | subprocess.CREATE_BREAKAWAY_FROM_JOB
    if sys.platform == "win32"
    else 0
)
_started: list[subprocess.Popen[bytes]] = []
"""Workers that this process started, so that the ones that left are reaped."""


def err_path(settings: Settings, environment: str) -> Path:
    """Returns the file with what a worker printed, LiteLLM's remarks and its crashes included."""
    return settings.workers_path / f"{environment}.err"


def log_path(settings: Settings, environment: str) -> Path:
    """Returns a worker's log."""
    return settings.workers_path / f"{environment}.log"


def ensure_worker(settings: Settings, environment: str, environ: Mapping[str, str]) -> None:
    """Starts the environment's worker unless it lives; blocks until it does. Call it in a thread.

    When several processes do so at once, one starts it and the others wait for that one.

    Raises:
        WorkerStartError: it did not come up; the sentence names its log.
    """
    _reap()
    try:
        _start_unless_alive(settings, environment, environ)
    except OSError as error:
        raise WorkerStartError(
            f"The worker that calls the models cannot be started in the folder {settings.workers_path}"
            f" ({error.strerror}). Make it a folder that can be written, or set LONGCALL_HOME."
        ) from error


def _start_unless_alive(settings: Settings, environment: str, environ: Mapping[str, str]) -> None:
    if is_alive(settings.workers_path, environment):
        return
    with held(settings.workers_path / f"{environment}.start", timeout=START_S) as ours:
        if ours and not is_alive(settings.workers_path, environment):
            _await_lock(_spawn(settings, environment, environ), settings, environment)


def _await_lock(process: subprocess.Popen[bytes], settings: Settings, environment: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if is_alive(settings.workers_path, environment):
            return
        if process.poll() is not None:
            raise WorkerStartError(
                f"The worker that calls the models ended at its start with exit code {process.returncode}."
                f" What it said is in {err_path(settings, environment)}."
            )
        time.sleep(0.02)
    raise WorkerStartError(
        f"The worker that calls the models did not come up in {START_S:g} s. What it said is in"
        f" {err_path(settings, environment)}."
    )


def _spawn(settings: Settings, environment: str, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "longcall.tasks.process", environment]
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with os.fdopen(os.open(err_path(settings, environment), flags, 0o600), "ab") as said:
            process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=settings.home,
                env={**worker_environ(environ), "LONGCALL_HOME": str(settings.home), "PYTHONSAFEPATH": "1"},
                start_new_session=True,
                creationflags=_DETACHED,
            )
    except OSError as error:
        raise WorkerStartError(f"The worker that calls the models could not be started: {reason_of(error)}.") from error
    _started.append(process)
    return process


def _reap() -> None:
    _started[:] = [process for process in _started if process.poll() is None]


def worker_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables a worker runs with: those of its front, without the empty ones and the HTTP server's own.

    Hosts hand `${OPENAI_API_KEY:-}` on as an empty text, and providers' libraries take that for a key.
    """
    kept = {name: value for name, value in environ.items() if value and not name.startswith("LONGCALL_HTTP_")}
    if (named := kept.get("LONGCALL_CONFIG", "").strip()) != "":
        kept["LONGCALL_CONFIG"] = str(Path(named).expanduser().absolute())  # a worker runs in another folder
    return kept
