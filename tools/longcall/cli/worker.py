"""`longcall worker`: the processes that do the work."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from longcall.access import open_session
from longcall.cli.exits import Exit, run
from longcall.cli.terminal import complain, remark, say, table
from longcall.settings import Settings, here
from longcall.tasks.launch import err_path, log_path, worker_environ
from longcall.tasks.lock import is_alive

app = typer.Typer(help="Looks after the workers: one for each set of keys, started when needed.")


@app.callback(invoke_without_command=True)
def worker(context: typer.Context) -> None:
    """Looks after the workers: one for each set of keys, started when needed."""
    if context.invoked_subcommand is None:
        status()


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False) -> None:
    """Tells which workers live, and where they log."""
    settings = here()
    found = [path.stem for path in sorted(settings.workers_path.glob("*.lock"))]
    lives = {environment: is_alive(settings.workers_path, environment) for environment in found}
    if as_json:
        say(json.dumps([_facts(settings, *item) for item in lives.items()], indent=2) + "\n")
        return
    table(("environment", "worker", "log"), [_row(settings, *item) for item in lives.items()])
    if not lives:
        remark(f"No worker has run yet for the store in {settings.home}; the first call starts one.", "dim")


def _facts(settings: Settings, environment: str, lives: bool) -> dict[str, object]:
    paths = {"log": log_path(settings, environment), "stderr": err_path(settings, environment)}
    return {"environment": environment, "lives": lives, **{name: str(path) for name, path in paths.items()}}


def _row(settings: Settings, environment: str, lives: bool) -> tuple[str | Text, ...]:
    return (
        environment,
        Text("lives", style="green") if lives else Text("none", style="dim"),
        _log(settings, environment),
    )


def _log(settings: Settings, environment: str) -> str:
    written = log_path(settings, environment)
    printed = err_path(settings, environment)
    has_printed = printed.exists() and printed.stat().st_size > 0
    return f"{_short(written)} and {printed.name}" if has_printed else _short(written)


def _short(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and sys.platform != "win32" else str(path)


@app.command("run")
def run_worker() -> None:
    """Runs the worker of this environment's keys here, until it has been idle for LONGCALL_WORKER_IDLE_S or Ctrl-C."""
    from longcall.tasks import process  # noqa: PLC0415  # it needs what only workers need

    settings = here()

    async def environment() -> str:
        async with open_session(settings, os.environ) as session:
            return session.client.environment

    ours = run(environment)
    if is_alive(settings.workers_path, ours):
        complain(f"A worker already lives for these keys (environment {ours}).")
        raise typer.Exit(Exit.TROUBLE)
    remark(f"The worker of environment {ours} runs here; it logs to {log_path(settings, ours)}. Ctrl-C ends it.")
    for name in os.environ.keys() - worker_environ(os.environ).keys():
        del os.environ[name]
    signal.signal(signal.SIGINT, _leave)
    process.run_worker(ours)


def _leave(_signal: int, _frame: object) -> None:
    # At once, as when a worker dies: an orderly end would cancel work that providers keep for the next worker.
    remark("The worker ended. What it was at is told as interrupted, or fetched by the next one.")
    sys.stderr.flush()
    os._exit(Exit.INTERRUPTED)
