"""The store's folder and its workers under chaos, looked at from outside."""

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import psutil

from benchmarks import chaos_litellm
from benchmarks.chaos_evidence import Row


def put_stand_in(home: Path) -> str:
    """Puts the stand-in for LiteLLM there and returns the folder from which Python is to import it."""
    folder = home / "stand-in"
    folder.mkdir()
    shutil.copy(chaos_litellm.__file__, folder / "litellm.py")
    return str(folder)


def living_workers(home: Path) -> list[psutil.Process]:
    """Returns the workers of a store, those that are still on their way included."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # it ended meanwhile, or is not ours to look at
            if "longcall.tasks.process" in process.cmdline() and process.environ().get("LONGCALL_HOME") == str(home):
                found.append(process)
    return found


def end_workers(home: Path) -> None:
    """Kills the workers that are left."""
    while workers := living_workers(home):
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.kill()
        psutil.wait_procs(workers, timeout=10)


def read_rows(home: Path) -> list[Row]:
    """Returns every task."""
    with closing(sqlite3.connect(home / "tasks.sqlite3", timeout=30)) as connection:
        found = connection.execute(
            "SELECT id, call ->> '$.messages[0].content', state, coalesce(text, ''),"
            " (SELECT count(*) FROM attempts WHERE task = id) FROM tasks"
        )
        return [Row(*values) for values in found]


def complaints(home: Path) -> list[str]:
    """Returns what SQLite finds wrong with the file."""
    with closing(sqlite3.connect(home / "tasks.sqlite3", timeout=30)) as connection:
        said = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        return [line for line in said if line != "ok"] + [
            f"foreign key: {row}" for row in connection.execute("PRAGMA foreign_key_check")
        ]


def read_log(home: Path) -> list[str]:
    """Returns the lines of the workers' log, oldest first."""
    files = sorted((home / "workers").glob("*.log*"), key=lambda path: path.name, reverse=True)
    return [line for file in files for line in file.read_text("utf-8").splitlines()]
