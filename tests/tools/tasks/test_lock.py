"""The OS lock that says who lives."""

import os
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from longcall.tasks.lock import held, is_alive, lock_path

HERE = "e" * 16
ELSEWHERE = "f" * 16
HOLDS = """
import sys
from pathlib import Path
from longcall.tasks.lock import held
with held(Path(sys.argv[1])) as ours:
    print("held" if ours else "taken", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def holder(path: Path) -> Generator[subprocess.Popen[str]]:
    """Runs another process that tries to take the lock and keeps it until told or killed."""
    command = [sys.executable, "-c", HOLDS, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    """Returns what the other process says of the lock."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_lock_is_held_while_its_process_lives_and_free_at_its_death(tmp_path: Path):
    with holder(lock_path(tmp_path, HERE)) as process:
        assert said(process) == "held"
        assert is_alive(tmp_path, HERE)
        with held(lock_path(tmp_path, HERE)) as ours:
            assert not ours
        process.kill()
        process.wait()
        assert not is_alive(tmp_path, HERE)
        with held(lock_path(tmp_path, HERE)) as ours:
            assert ours


def test_a_lock_is_free_when_its_process_leaves(tmp_path: Path):
    with holder(lock_path(tmp_path, HERE)) as process:
        assert said(process) == "held"
        process.communicate("leave\n")
        assert not is_alive(tmp_path, HERE)


def test_a_lock_held_here_cannot_be_taken_elsewhere(tmp_path: Path):
    path = lock_path(tmp_path, HERE)
    with held(path) as ours, holder(path) as process:
        assert ours
        assert said(process) == "taken"
    with holder(path) as process:
        assert said(process) == "held"


def test_environments_have_locks_of_their_own(tmp_path: Path):
    with held(lock_path(tmp_path, HERE)):
        assert is_alive(tmp_path, HERE)
        assert not is_alive(tmp_path, ELSEWHERE)


def test_whoever_waits_gets_the_lock_once_it_is_free(tmp_path: Path):
    path = lock_path(tmp_path, HERE)
    with holder(path) as process:
        assert said(process) == "held"
        assert process.stdin is not None
        process.stdin.write("leave\n")
        process.stdin.flush()
        with held(path, timeout=60) as ours:
            assert ours


def test_a_look_leaves_the_lock_free(tmp_path: Path):
    assert not is_alive(tmp_path, HERE)
    with holder(lock_path(tmp_path, HERE)) as process:
        assert said(process) == "held"


def test_an_error_in_the_block_frees_the_lock(tmp_path: Path):
    with pytest.raises(ZeroDivisionError), held(lock_path(tmp_path, HERE)):
        raise ZeroDivisionError
    assert not is_alive(tmp_path, HERE)


@pytest.mark.skipif(os.name == "nt", reason="modes are Unix's")
def test_the_lock_is_for_the_user_alone(tmp_path: Path):
    with held(lock_path(tmp_path / "workers", HERE)):
        assert stat.S_IMODE((tmp_path / "workers").stat().st_mode) == 0o700
        assert stat.S_IMODE(lock_path(tmp_path / "workers", HERE).stat().st_mode) == 0o600
