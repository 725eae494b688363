"""Work done as an ordinary user, also where the tests run as root, as they do in CI."""

import json
import os
import shutil
import sys
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from support.apart import run_apart
from support.node import missing

NOBODY = 65534


def public_python() -> Path:
    """Returns a Python that every user may run."""
    for path in (Path(sys.executable).resolve(), Path("/usr/bin/python3"), Path("/usr/local/bin/python3")):
        if path.exists() and all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents):
            return path
    return missing("a Python that every user may run")


def as_ordinary_user(work: Callable[..., Awaitable[Any]], *arguments: Any, folder: Path) -> Any:
    """Returns what `work` returns, as JSON carries it, done by a child of ours that has become nobody.

    The programs that run inside a sandbox are copied to `folder`, since a checkout may lie where nobody may look.
    """
    from longcall.validation import sandbox  # noqa: PLC0415  # only what tests sandboxes needs it

    python = public_python()
    copied = folder / "inside"
    shutil.copytree(sandbox.INSIDE, copied, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else path.stat().st_mode | 0o444)
    receiving, sending = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of a fork beside threads; the child uses none of theirs
        child = os.fork()
    if child == 0:
        _work(work, arguments, sending, str(python), copied, folder)
    os.close(sending)
    with os.fdopen(receiving, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    assert told, f"the child ended with {status}"
    found = json.loads(told)
    assert "error" not in found, found["error"]
    return found["value"]


def _work(work: Any, arguments: Any, sending: int, python: str, inside: Path, folder: Path) -> None:
    try:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        os.chdir("/")
        os.environ.update(LONGCALL_SANDBOX_PYTHON=python, TMPDIR=str(folder), HOME=str(folder))
        _use(inside)
        told: dict[str, Any] = {"value": run_apart(work, *arguments)}
    except BaseException as error:  # noqa: BLE001  # the parent tells of it
        told = {"error": f"{type(error).__name__}: {error}"}
    os.write(sending, json.dumps(told).encode())
    os._exit(0)


def _use(inside: Path) -> None:
    import tempfile  # noqa: PLC0415

    from longcall.validation.sandbox import bubblewrap, interpreter, sandlock, unsandboxed  # noqa: PLC0415

    tempfile.tempdir = None
    for module in (bubblewrap, interpreter, sandlock, unsandboxed):
        vars(module)["INSIDE"] = inside
