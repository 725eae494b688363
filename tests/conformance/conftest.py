"""The servers that the conformance suite looks at, each a process of its own on loopback."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.apart import run_apart
from support.http_server import http_client, http_server
from support.processes import call, clean_environ, front_processes, kill, worker_processes


@contextmanager
def fixture_server(environ: dict[str, str], folder: Path, *leave_out: str) -> Generator[str]:
    """Runs the fixture server, without the fixture named, and yields its URL."""
    folder.mkdir()
    path = {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "conformance.fixture_server", *leave_out]
    with (folder / "stderr").open("wb") as said:
        process = subprocess.Popen(
            command, env=environ | path, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        assert url, (folder / "stderr").read_text("utf-8")
        yield url
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def environ_for_suite(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    """Returns the environment of a store that all servers of the suite share."""
    home = tmp_path_factory.mktemp("conformance") / "home"
    # demo/fail says that it may be asked again; the suite is not to wait for that.
    yield clean_environ(home, LONGCALL_ATTEMPTS="1")
    kill(front_processes(home) + worker_processes(home))


@pytest.fixture(scope="session")
def shipped(environ_for_suite: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Returns the URL of `longcall serve --http`, whose worker is ready."""
    with http_server(environ_for_suite, tmp_path_factory.mktemp("shipped") / "served") as server:
        run_apart(_make_ready, server.url)
        yield server.url


async def _make_ready(url: str) -> None:
    async with http_client(url) as client:
        answer = await call(client, "llm_call", prompt="get ready", model="demo/echo", wait_s=45)
        assert answer["status"] == "completed"


@pytest.fixture(scope="session")
def fixtures(
    shipped: str, environ_for_suite: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Generator[str]:
    """Returns the URL of the fixture server."""
    del shipped  # it has made the worker ready
    with fixture_server(environ_for_suite, tmp_path_factory.mktemp("fixtures") / "served") as url:
        yield url
