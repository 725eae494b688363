"""One store and one worker for the tests of the tools, and a client of each protocol era."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Literal

import pytest
from mcp import Client
from support.processes import clean_environ, front_processes, kill, server, worker_processes


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    """Returns the environment of a store whose worker all tests of the tools share."""
    home = tmp_path_factory.mktemp("tools") / "home"
    yield clean_environ(home)
    kill(front_processes(home) + worker_processes(home))


@pytest.fixture(scope="module", params=["legacy", "auto"])
async def client(store: dict[str, str], request: pytest.FixtureRequest) -> AsyncGenerator[Client]:
    """Returns a client attached to the real server, once with `initialize` and once with `server/discover`."""
    mode: Literal["legacy", "auto"] = request.param
    async with Client(server(store, Path(store["LONGCALL_HOME"]).parent), mode=mode) as attached_client:
        yield attached_client


@pytest.fixture(scope="module")
async def one_client(store: dict[str, str]) -> AsyncGenerator[Client]:
    """Returns a client for what does not depend on the protocol's era."""
    async with Client(server(store, Path(store["LONGCALL_HOME"]).parent)) as attached_client:
        yield attached_client
