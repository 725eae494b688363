"""Packages built from this checkout, and how to run uv without a network: its cache and the lock have all they need."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN_S = 300.0


def run(
    *command: str | Path, cwd: Path, environ: Mapping[str, str] | None = None, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end and returns what it said; `more` is added to its environment, or to ours."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**(os.environ if environ is None else environ), **(more or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )


def done(
    *command: str | Path, cwd: Path, environ: Mapping[str, str] | None = None, more: Mapping[str, str] | None = None
) -> str:
    """Runs a command that must succeed and returns what it printed."""
    ended = run(*command, cwd=cwd, environ=environ, more=more)
    assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
    return ended.stdout


def offline_uv() -> dict[str, str]:
    """Returns the variables with which uv takes all from the cache that scripts/test has filled, wherever HOME is."""
    cache = subprocess.run(["uv", "cache", "dir"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    return {"UV_OFFLINE": "1", "UV_CACHE_DIR": cache, "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"}


def copy_checkout(target: Path) -> None:
    """Copies what a clone of this checkout would have to `target`, its links as they are."""
    listed = done("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, path, follow_symlinks=False)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with the source distribution of this checkout, and the wheel that is built from that."""
    folder = tmp_path_factory.mktemp("dist")
    done("uv", "build", "--quiet", "--out-dir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    """Returns the wheel."""
    (path,) = built.glob("*.whl")
    return path
