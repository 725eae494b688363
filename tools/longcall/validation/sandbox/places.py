"""The words of a job's command, and the limits, as a backend fills them in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from longcall.validation.sandbox import Job

ENVIRON: Mapping[str, str] = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENSSL_CONF": "/dev/null",
}
"""All that a job finds in its environment, beside HOME, TMPDIR and its own variables."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie inside."""

    folder: str
    inside: str
    work: str
    python: str

    def fill(self, text: str, spec: str) -> str:
        """Returns `text` with the words for places and the spec replaced."""
        words = {"{in}": self.folder, "{inside}": self.inside, "{work}": self.work, "{python}": self.python}
        for word, place in words.items():
            text = text.replace(word, place)
        return spec if text == "{spec}" else text

    def command(self, job: Job, **spec: Any) -> list[str]:
        """Returns the job's command with every word filled in but `{result}`; `spec` is for `inside/enter.py`."""
        spec_text = repr({**spec, "limits": limits_of(job)})
        return [self.fill(part, spec_text) for part in job.command]

    def environ(self, job: Job) -> dict[str, str]:
        """Returns the environment inside."""
        own = {name: self.fill(value, "") for name, value in job.environ.items()}
        return {**ENVIRON, "HOME": self.work, "TMPDIR": self.work, **own}


def limits_of(job: Job) -> dict[str, int]:
    """Returns the job's limits under their names in `resource`."""
    mib = 1024 * 1024
    limits = {
        "RLIMIT_CPU": max(1, round(job.limits.cpu_s)),
        "RLIMIT_NPROC": job.limits.processes,
        "RLIMIT_FSIZE": job.limits.file_mb * mib,
        "RLIMIT_NOFILE": 256,
        "RLIMIT_CORE": 0,
        "RLIMIT_MEMLOCK": 65536,
    }
    return {**limits, "RLIMIT_AS": job.limits.memory_mb * mib} if job.by_address_space else limits
