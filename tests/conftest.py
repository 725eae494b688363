"""What every test stands on: a store of its own, no key, and no way to a paid model."""

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from support.mocks import Mock, aimock, llmock
from support.processes import NO_CLAUDE, front_processes, kill, worker_processes

from longcall.environment import matters

# Before anything imports them: makes failed assertions of the contract suites speak.
pytest.register_assert_rewrite(
    "tools.tasks.bench",
    "tools.tasks.checking_bench",
    "tools.tasks.checks_contract",
    "tools.tasks.clock_contract",
    "tools.tasks.conversation_contract",
    "tools.tasks.ending_contract",
    "tools.tasks.fan_out_contract",
    "tools.tasks.fan_out_keys_contract",
    "tools.tasks.money_contract",
    "tools.tasks.principal_contract",
    "tools.tasks.request_contract",
    "tools.tasks.resending_contract",
    "tools.tasks.review_contract",
    "tools.tasks.samples",
    "tools.tasks.store_contract",
)

# A shell that runs us in the background has SIGINT ignored, and what tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = Path(__file__).parent
NOWHERE = "http://127.0.0.1:9"
"""The discard port on loopback: nothing answers there."""
TRACING = "COVERAGE_PROCESS_CONFIG"
"""The variable by which coverage follows into processes."""
TRACING_CONFIG = os.environ.get(TRACING)
TRACED = ("server", "tools")
"""Folders of tests that are there to run the lines of processes; others look at these from outside."""
ANSWER = "A long answer, in many words, so that it streams in pieces: " + "word " * 200 + "end."


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Has coverage follow only into the processes of tests in TRACED: it makes a worker's start a third longer."""
    if TRACING_CONFIG is not None:
        os.environ[TRACING] = TRACING_CONFIG if item.path.relative_to(TESTS).parts[0] in TRACED else ""


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The store speaks asyncio, and so do we."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Takes every provider's variable and the user's settings away and sends everything beyond loopback nowhere."""
    for name in list(os.environ):
        if matters(name) or name.startswith("LONGCALL_") or name == "CLAUDE_PROJECT_DIR":
            monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, NOWHERE)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("LONGCALL_CLAUDE_CLI", NO_CLAUDE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-config"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """Returns a LONGCALL_HOME of the test's own; whatever process is left on it afterwards is killed."""
    path = tmp_path / "home"
    monkeypatch.setenv("LONGCALL_HOME", str(path))
    monkeypatch.setenv("LONGCALL_WORKER_IDLE_S", "30")
    yield path
    kill(front_processes(path) + worker_processes(path))


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    """Returns the environment for a server with the test's store and no key."""
    assert os.environ["LONGCALL_HOME"] == str(home)
    return dict(os.environ)


@pytest.fixture(scope="session")
def openai_mock(tmp_path_factory: pytest.TempPathFactory) -> Generator[Mock]:
    """Returns an aimock that answers everything with ANSWER at once."""
    fixture = {"match": {}, "response": {"content": ANSWER}}
    with aimock([fixture], tmp_path_factory.mktemp("aimock")) as mock:
        yield mock


@pytest.fixture(scope="session")
def llmock_server() -> Generator[Mock]:
    """Returns an llmock that echoes; tests ask it for faults by its control interface or model names."""
    with llmock("--response-style", "echo") as mock:
        yield mock
