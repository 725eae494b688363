"""The Python that runs submissions.

It is the operator's (LONGCALL_SANDBOX_PYTHON, best a virtual environment that nobody writes to), or the one that runs
longcall, with the packages that it has.
"""

import compileall
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from longcall.text import reason_of
from longcall.validation.sandbox import INSIDE, SandboxError

_ASK = """
import json, os, sys, sysconfig
paths = sorted({sysconfig.get_path(name) for name in ("purelib", "platlib")})
print(json.dumps([os.path.realpath(getattr(sys, "_base_executable", sys.executable)), sys.base_prefix, paths]))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One Python."""

    executable: Path
    prefix: Path
    packages: tuple[Path, ...]
    """Its folders of installed packages."""

    @property
    def readable(self) -> tuple[Path, ...]:
        """The folders that it needs."""
        return (self.prefix, *self.packages)


def interpreter() -> Interpreter:
    """Returns the Python that runs submissions.

    Raises:
        SandboxError: the operator's cannot be started.
    """
    return _ask(os.environ.get("LONGCALL_SANDBOX_PYTHON", "").strip() or sys.executable)


@cache
def _ask(executable: str) -> Interpreter:
    try:
        told = subprocess.run(  # noqa: S603  # the operator's own
            [executable, "-I", "-c", _ASK], capture_output=True, text=True, check=True, timeout=60, env={}
        )
        real, prefix, packages = json.loads(told.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise SandboxError(f"The Python for submissions ({executable}) does not answer: {reason_of(error)}.") from None
    # Where nobody may write there is bytecode already, or each start takes some milliseconds more.
    compileall.compile_dir(INSIDE, quiet=2)
    folders = tuple(Path(folder) for folder in packages if Path(folder).is_dir())
    return Interpreter(Path(real), Path(prefix), folders)
