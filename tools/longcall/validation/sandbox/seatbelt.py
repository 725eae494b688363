"""Seatbelt, the sandbox of macOS: a profile that denies everything but what a job needs.

Written from the system's documentation and not tried on a Mac by those who wrote it: the probes decide whether it
holds.
"""

import os
import sys
import tempfile
from pathlib import Path

from longcall.validation.sandbox import INSIDE, Job, Outcome
from longcall.validation.sandbox.interpreter import interpreter
from longcall.validation.sandbox.places import Places
from longcall.validation.sandbox.process import Launch, run_process

_PROGRAM = Path("/usr/bin/sandbox-exec")
_SYSTEM = (
    "/usr/lib",
    "/usr/bin",
    "/usr/share",
    "/bin",
    "/System/Library",
    "/Library/Frameworks",
    "/private/var/db/dyld",
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


class Seatbelt:
    """Runs jobs under sandbox-exec."""

    name = "seatbelt"

    def missing(self) -> str | None:
        """Returns why it cannot be used here."""
        if sys.platform != "darwin":
            return "Seatbelt is for macOS"
        if os.geteuid() == 0:
            return "Seatbelt gives root no other user to become; run longcall as an ordinary user"
        return None if _PROGRAM.exists() else "there is no sandbox-exec here"

    async def run(self, job: Job) -> Outcome:
        """Runs a job in a fresh folder."""
        python = interpreter()
        with tempfile.TemporaryDirectory(prefix="longcall-work-", ignore_cleanup_errors=True) as created:
            work = _real(created)
            places = Places(str(job.folder.resolve()), str(INSIDE), str(work), str(python.executable))
            readable = (INSIDE, job.folder, *python.readable, *job.readable)
            argv = [str(_PROGRAM), "-p", profile(work, readable), *places.command(job)]
            return await run_process(
                Launch(self.name, argv, job.limits, job.stdin, environ=places.environ(job), cwd=work)
            )


def profile(work: Path, readable: tuple[Path, ...]) -> str:
    """Returns the profile under which only `work` can be written, and only `readable` and the system be read."""
    seen = "\n".join(
        f"  (subpath {_quoted(str(path))})" for path in (*_SYSTEM, *(path.resolve() for path in readable), work)
    )
    devices = "\n".join(f"  (literal {_quoted(path)})" for path in _DEVICES)
    return "\n".join([
        "(version 1)",
        "(deny default)",
        "(allow process-fork)",
        f"(allow process-exec\n{seen})",
        '(allow file-read-metadata (literal "/") (subpath "/usr") (subpath "/private"))',
        f"(allow file-read*\n{seen}\n{devices})",
        f"(allow file-write*\n  (subpath {_quoted(str(work))})\n  (literal \"/dev/null\"))",
        "(allow sysctl-read)",
        "(allow signal (target same-sandbox))",
        "(deny network*)",
    ])  # fmt: skip


def _real(path: str) -> Path:
    return Path(path).resolve()


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
