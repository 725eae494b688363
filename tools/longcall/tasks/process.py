"""The worker process: takes the lock first, then everything heavy, and leaves when idle.

Started by `longcall.tasks.launch` as `python -m longcall.tasks.process ENVIRONMENT`.
"""

import logging
import logging.handlers
import os
import secrets
import sqlite3
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

if sys.platform != "win32":
    import resource

import anyio
from anyio.from_thread import start_blocking_portal

from longcall.backoff import Backoff
from longcall.beside import beside
from longcall.caller import Caller
from longcall.catalog import price_list
from longcall.limits import Limits
from longcall.mcp_client.pool import open_pool
from longcall.money.prices import Prices
from longcall.providers import Provider
from longcall.providers.claude_cli import ClaudeCLIProvider
from longcall.providers.claude_proxy import ClaudeProxyProvider
from longcall.providers.litellm import LiteLLMProvider
from longcall.providers.litellm_errors import hide
from longcall.providers.scripted import ScriptedProvider
from longcall.providers.thread import LoopThread
from longcall.routing import Route, route
from longcall.settings import Settings, key_variables, read_settings
from longcall.tasks.doorbell import open_doorbell
from longcall.tasks.launch import log_path
from longcall.tasks.lock import held, lock_path
from longcall.tasks.sqlite import open_sqlite_store
from longcall.tasks.sqlite_file import has_wal_reset_bug, identity
from longcall.tasks.upkeep import checkpoint, keep_up
from longcall.tasks.worker import Worker
from longcall.telemetry.logs import formatter
from longcall.telemetry.opening import open_observer
from longcall.telemetry.watch import SILENCE, Observer

log = logging.getLogger("longcall.tasks.process")  # run as a module, it is called __main__
_LOCK_S = 2.0
"""Seconds to try for the lock: others hold it for an instant to see whether a worker lives."""
_LOG_BYTES = 1_000_000
_OPEN_FILES = 20_000


def main() -> None:
    """Runs the worker of the environment that the command line names."""
    run_worker(sys.argv[1])


def run_worker(environment: str) -> None:
    """Runs the worker of an environment until it has nothing to do, unless another one lives."""
    os.umask(0o077)  # logs are the user's alone too
    settings = read_settings(os.environ)
    _log_to(settings, environment)
    _raise_file_limit()
    observer = SILENCE
    try:
        while True:
            with held(lock_path(settings.workers_path, environment), timeout=_LOCK_S) as ours:
                if not ours:
                    return
                observer = open_observer(os.environ) if observer is SILENCE else observer
                anyio.run(_serve, settings, environment, observer)
            # A task that came between the last look and the release of the lock found this worker alive: it is ours.
            if not anyio.run(_has_queued, settings, environment):
                return
    finally:
        observer.close()  # without the lock: whoever asks meanwhile gets another worker at once


def _log_to(settings: Settings, environment: str) -> None:
    file = logging.handlers.RotatingFileHandler(
        log_path(settings, environment),
        maxBytes=_LOG_BYTES,
        backupCount=2,
        encoding="utf-8",
        errors="backslashreplace",
    )
    file.setFormatter(formatter(settings.log_format))
    logging.basicConfig(level=logging.INFO, handlers=[file])
    for name in ("httpx", "httpx2", "aiosqlite", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


async def _has_queued(settings: Settings, environment: str) -> bool:
    async with open_sqlite_store(settings.store_path) as store:
        return await store.has_queued(environment)


async def _serve(settings: Settings, environment: str, observer: Observer) -> None:
    name = secrets.token_hex(8)
    with start_blocking_portal() as portal:
        async with (
            open_sqlite_store(settings.store_path) as store,
            open_doorbell() as bell,
            open_pool(settings.mcp_config, settings.writable_servers, os.environ) as servers,
        ):
            if has_wal_reset_bug():
                log.info("SQLite %s has the WAL-reset bug; one process at a time checkpoints", sqlite3.sqlite_version)
            await store.enrol(name, environment, os.getpid(), bell.port)
            hide(key_variables(settings))
            litellm = LiteLLMProvider(
                LoopThread(portal), settings.providers, settings.prices, batch_poll_s=settings.batch_poll_s
            )
            worker = Worker(
                name=name,
                environment=environment,
                store=store,
                bell=bell,
                caller=Caller(
                    _finder(litellm, settings),
                    Backoff(attempts=settings.attempts),
                    servers,
                    Limits(settings.limits, settings.max_in_flight),
                ),
                max_in_flight=settings.max_in_flight,
                idle_s=settings.worker_idle_s,
                unsaved=settings.unsaved_path,
                prices=_prices(litellm, settings),
                holds_lock=_still_holds(lock_path(settings.workers_path, environment)),
                observer=observer,
            )
            async with beside(partial(keep_up, store, settings, environment), litellm.run_batches):
                await worker.run()
            await litellm.aclose()
            await checkpoint(store, settings, above=0)


def _still_holds(lock: Path) -> Callable[[], bool]:
    ours = identity(lock)
    return lambda: identity(lock) == ours


def _raise_file_limit() -> None:
    """A call in flight is an open file, and the usual limit of 1,024 is meant for programs with few."""
    if sys.platform != "win32":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _claude(settings: Settings) -> Provider:
    if settings.claude_proxy_url is not None:
        return ClaudeProxyProvider(settings.claude_proxy_url, os.environ)
    return ClaudeCLIProvider(settings, os.environ)


def _prices(litellm: LiteLLMProvider, settings: Settings) -> Prices:
    # What LiteLLM holds anyway is not read once more; only Claude's command line is asked without it.
    listed = cache(price_list)
    return Prices(settings.prices, lambda: litellm.listed() or listed(), bills_claude=settings.claude_api_key)


def _finder(litellm: LiteLLMProvider, settings: Settings) -> Callable[[str], Provider]:
    providers: dict[Route, Provider] = {
        Route.SCRIPTED: ScriptedProvider(),
        Route.CLAUDE: _claude(settings),
        Route.LITELLM: litellm,
    }
    return lambda model: providers[route(model)]


if __name__ == "__main__":
    main()
