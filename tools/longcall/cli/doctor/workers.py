"""The worker of this environment's keys: whether it lives, and where it logs."""

from collections.abc import Mapping

from longcall.cli.doctor.finding import Finding
from longcall.environment import fingerprint, read_salt
from longcall.settings import Settings, operated
from longcall.tasks.launch import err_path, log_path
from longcall.tasks.lock import is_alive


def look(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Tells of the worker without starting one; nothing where the store cannot be used."""
    try:
        environment = fingerprint(environ, read_salt(settings.home), operated=operated(settings, environ))
        lives = is_alive(settings.workers_path, environment)
    except OSError:
        return []
    log = log_path(settings, environment)
    if lives:
        return [Finding("worker", works=True, told=f"lives, and logs to {log}")]
    printed = err_path(settings, environment)
    told = "none lives now; the next call starts one"
    if printed.is_file() and printed.stat().st_size:
        told += f". What the last one printed is in {printed}, its log in {log}"
    return [Finding("worker", works=True, told=told)]
