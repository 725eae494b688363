"""The OS lock that says who lives.

A worker holds the lock of its environment as long as it lives; the system lets go of it at the moment the process dies,
however it dies. So liveness needs no clock and no heartbeat.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def lock_path(workers: Path, environment: str) -> Path:
    """Returns the lock file of an environment's worker."""
    return workers / f"{environment}.lock"


@contextmanager
def held(path: Path, *, timeout: float = 0) -> Generator[bool]:
    """Takes the lock if nobody has it within `timeout` seconds; yields whether it is ours."""
    from filelock import FileLock, Timeout  # noqa: PLC0415  # a server that starts needs no lock before its first call

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(path, mode=0o600, fallback_to_soft=False)
    try:
        lock.acquire(timeout=timeout, poll_interval=0.02)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def is_alive(workers: Path, environment: str) -> bool:
    """Whether a worker of the environment lives now."""
    with held(lock_path(workers, environment)) as free:
        return not free
