"""A store that clients not of our making share, and where the server over it is."""

import json
import sys
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import anyio
import pytest
from support.apart import run_apart
from support.http_server import HttpServer, http_server
from support.processes import clean_environ, front_processes, kill, worker_processes

RUN_S = 60.0
Where = dict[str, Any]
"""What a client needs to attach: `url`, or `command`, `args` and `env`."""


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    """Returns the environment of the store; a call becomes an MCP task soon."""
    home = tmp_path_factory.mktemp("interop") / "home"
    yield clean_environ(home, LONGCALL_PROMOTE_S="0.3")
    kill(front_processes(home) + worker_processes(home))


@pytest.fixture(scope="session")
def over_http(shared: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Generator[HttpServer]:
    """Returns the server over HTTP."""
    with http_server(shared, tmp_path_factory.mktemp("interop-http") / "served") as server:
        yield server


@pytest.fixture(scope="session")
def wheres(shared: dict[str, str], over_http: HttpServer) -> Mapping[str, Where]:
    """Returns where the server is, for each transport."""
    return {
        "stdio": {"command": sys.executable, "args": ["-m", "longcall_server"], "env": shared},
        "http": {"url": over_http.url},
    }


@pytest.fixture(params=["stdio", "http"])
def transport(request: pytest.FixtureRequest) -> str:
    """Returns the name of each transport."""
    return request.param


def seen_by(client: Sequence[str], wheres: Mapping[str, Where], environ: Mapping[str, str]) -> Mapping[str, Any]:
    """Runs a client over all transports at once, and returns what each saw.

    The client reads where to attach from stdin, and writes what it saw to stdout, both as JSON.
    """
    seen: dict[str, Any] = {}

    async def run(transport: str, where: Where) -> None:
        ended = await anyio.run_process([*client], input=json.dumps(where).encode(), env=environ, check=False)
        assert ended.returncode == 0, ended.stderr.decode()
        seen[transport] = json.loads(ended.stdout)

    async def run_all() -> None:
        with anyio.fail_after(RUN_S):
            async with anyio.create_task_group() as running:
                for transport, where in wheres.items():
                    running.start_soon(run, transport, where)

    run_apart(run_all)
    return seen
