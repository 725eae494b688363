"""A store with a scripted provider that tests share when they leave its worker alive."""

import secrets
from collections.abc import Generator

import pytest
from support.processes import clean_environ, front_processes, kill, worker_processes
from support.scripted import ScriptedEndpoint, scripted_endpoint


@pytest.fixture(scope="session")
def endpoint() -> Generator[ScriptedEndpoint]:
    """Returns a provider that holds back answers until a test releases them."""
    with scripted_endpoint() as running:
        yield running


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, endpoint: ScriptedEndpoint) -> Generator[dict[str, str]]:
    """Returns the environment of a store whose worker, once it has imported LiteLLM, serves many tests."""
    home = tmp_path_factory.mktemp("shared") / "home"
    yield clean_environ(home, **endpoint.environ())
    kill(front_processes(home) + worker_processes(home))


@pytest.fixture
def prompt() -> str:
    """Returns a prompt that nothing else asks."""
    return f"prompt-{secrets.token_hex(8)}"
