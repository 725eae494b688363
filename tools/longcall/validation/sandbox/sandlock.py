"""sandlock: Landlock and seccomp, without namespaces, for where bubblewrap may make none (as in most containers).

Started by root, the last step inside gives up every capability but stays root in name: another user could not pass the
folders above an interpreter in root's home, and Landlock holds whoever it is.
"""

import base64
import json
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from longcall.validation.sandbox import INSIDE, Job, Outcome
from longcall.validation.sandbox.interpreter import interpreter
from longcall.validation.sandbox.places import Places
from longcall.validation.sandbox.process import Launch, run_process
from longcall.validation.sandbox.seccomp import program

_READABLE = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_SCOPES_SINCE = 6
"""The Landlock ABI from which on signals and abstract sockets are held too (Linux 6.12)."""
_RUNNER = Path(__file__).with_name("sandlock_runner.py")


class Sandlock:
    """Runs jobs under sandlock, with allow-lists alone."""

    name = "sandlock"

    def missing(self) -> str | None:
        """Returns why it cannot be used here."""
        if sys.platform != "linux":
            return "sandlock is for Linux"
        if find_spec("sandlock") is None:
            return "the package sandlock is not installed"
        from sandlock import landlock_abi_version  # pyright: ignore[reportMissingTypeStubs]  # noqa: PLC0415

        abi = landlock_abi_version()
        return (
            None
            if abi >= _SCOPES_SINCE
            else f"sandlock needs Landlock ABI {_SCOPES_SINCE} (Linux 6.12); here it is {abi}"
        )

    async def run(self, job: Job) -> Outcome:
        """Runs a job in a fresh folder."""
        python = interpreter()
        with tempfile.TemporaryDirectory(prefix="longcall-work-", ignore_cleanup_errors=True) as outer:
            work, pipe = Path(outer) / "work", Path(outer) / "pipe"
            work.mkdir()
            os.mkfifo(pipe)
            places = Places(str(job.folder), str(INSIDE), str(work), str(python.executable))
            # Its own filter lets sockets of other families through.
            own = base64.b64encode(program()).decode("ascii")
            argv = places.command(job, drop=os.geteuid() == 0, filter=own)
            argv = [part.replace("{result}", str(pipe)) for part in argv]
            readable = (*_READABLE, *_DEVICES, job.folder, INSIDE, *python.readable, *job.readable)
            policy = {
                "fs_readable": [str(path) for path in readable if os.access(path, os.R_OK)],
                "fs_writable": [str(work), "/dev/null", str(pipe)],
                "clean_env": True,
                "env": places.environ(job),
                "cwd": str(work),
                "max_memory": f"{job.limits.memory_mb}M",
                "max_processes": job.limits.processes,
                "no_coredump": True,
                "pipe": str(pipe),
            }
            words = json.dumps(policy)[:-1] + ', "result": "{result}"}'
            command = [sys.executable, "-I", str(_RUNNER), words, *argv]
            return await run_process(Launch(self.name, command, job.limits, job.stdin))
