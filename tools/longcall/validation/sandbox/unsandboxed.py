"""No sandbox at all: only for an operator who says so in LONGCALL_UNSANDBOXED=1.

It is for machines where everything is thrown away afterwards. Limits hold as far as the system's own do; every report
shows that nothing else did.
"""

import os
import sys
import tempfile
from pathlib import Path

from longcall.validation.sandbox import INSIDE, Job, Outcome
from longcall.validation.sandbox.interpreter import interpreter
from longcall.validation.sandbox.places import Places
from longcall.validation.sandbox.process import Launch, run_process


class Unsandboxed:
    """Runs jobs as they are."""

    name = "none"

    def missing(self) -> str | None:
        """Returns why it may not be used."""
        if sys.platform == "win32":
            return "code cannot be held to limits on Windows"
        if os.environ.get("LONGCALL_UNSANDBOXED", "").strip() != "1":
            return "the operator has not allowed to run code without a sandbox"
        return None

    async def run(self, job: Job) -> Outcome:
        """Runs a job in a fresh folder."""
        with tempfile.TemporaryDirectory(prefix="longcall-work-", ignore_cleanup_errors=True) as work:
            places = Places(str(job.folder), str(INSIDE), work, str(interpreter().executable))
            argv = places.command(job)
            launch = Launch(self.name, argv, job.limits, job.stdin, environ=places.environ(job), cwd=Path(work))
            return await run_process(launch)
