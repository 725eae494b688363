"""The seam between a check that must run code and what keeps that code in.

A backend runs one Job and returns an Outcome. It takes nothing from this process's environment along, gives no network,
kills whatever the job left behind, and never runs the code in another way when its own fails: then it raises
SandboxError. Which backend is used is decided in `choice`, after its probes.

In the words of a job's command these stand for places inside: `{in}` the folder with the submission (read-only),
`{inside}` longcall's own programs, `{work}` an empty folder to write into, `{python}` the interpreter, `{spec}` what
`inside/enter.py` takes, `{result}` the number of the private descriptor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from longcall.errors import LongcallError

INSIDE = Path(__file__).parents[1] / "inside"
"""The folder of the programs that run inside."""


class SandboxError(LongcallError):
    """A sandbox could not run the code at all. That is neither a pass nor a fault of the code."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use."""

    wall_s: float = 10.0
    cpu_s: float = 5.0
    memory_mb: int = 512
    processes: int = 64
    output_kb: int = 64
    file_mb: int = 16


CEILINGS = Limits(wall_s=60.0, cpu_s=60.0, memory_mb=2048, processes=256, output_kb=1024, file_mb=256)
"""What a caller may ask for at most, where the operator says nothing else."""


@dataclass(frozen=True, slots=True)
class Job:
    """One command, and what it may see."""

    command: tuple[str, ...]
    folder: Path
    """On this side: what is seen as `{in}`."""
    limits: Limits
    stdin: bytes = b""
    readable: tuple[Path, ...] = ()
    """More folders that it needs: a compiler's, an interpreter's."""
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    by_address_space: bool = True
    """Whether memory is held by RLIMIT_AS too, under which Node, Go and Java do not even start."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    backend: str
    exit: int | None
    """None when it was ended from outside."""
    signal: int | None
    stdout: str
    stderr: str
    result: bytes
    """What came over the private descriptor."""
    ended_by: str | None = None
    """`timeout`, `oom`, `output_limit`; None when it ended by itself."""
    wall_ms: float = 0.0
    peak_mb: float = 0.0


class Sandbox(Protocol):
    """One backend."""

    name: str

    def missing(self) -> str | None:
        """Returns why it cannot be used here, found without running anything; None when it may be tried."""
        ...

    async def run(self, job: Job) -> Outcome:
        """Runs a job to its end, whatever that is.

        Raises:
            SandboxError: the job was not started.
        """
        ...
