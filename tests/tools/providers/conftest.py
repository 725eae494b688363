"""The LiteLLM provider in this process, imported once, and mock providers that tests point it at."""

import json
import tempfile
import urllib.request
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from support.claude import Claude
from support.mocks import Mock, aimock

from longcall.beside import beside
from longcall.calling import new_call
from longcall.models import Completion
from longcall.providers.litellm import LiteLLMProvider
from longcall.providers.thread import LoopThread

TEXT = "An answer in many words, so that it streams in pieces: " + "word " * 20 + "end."
COUNTED = {"prompt_tokens": 11, "completion_tokens": 22, "input_tokens": 11, "output_tokens": 22}
KEYS = {
    "OPENAI_API_KEY": "sk-mock-openai-0123456789",
    "ANTHROPIC_API_KEY": "sk-ant-mock-0123456789",
    "GEMINI_API_KEY": "mock-gemini-0123456789",
    "FIREWORKS_API_KEY": "mock-fireworks-0123456789",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets LiteLLM's own models warn when they are first built, which here happens within a test."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings("ignore::UserWarning:pydantic"))
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning:litellm"))


@pytest.fixture(scope="session")
async def provider(anyio_backend: str) -> AsyncGenerator[LiteLLMProvider]:
    """Returns the provider with LiteLLM loaded."""
    with start_blocking_portal() as portal:
        provider = LiteLLMProvider(LoopThread(portal), batch_poll_s=0.05)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what LiteLLM's own modules do at import is not ours
            await provider.load()
        async with beside(provider.run_batches):
            yield provider
        await provider.aclose()


@pytest.fixture
def ask(provider: LiteLLMProvider) -> Callable[..., Coroutine[Any, Any, tuple[list[str], Completion]]]:
    """Returns a function that asks a model and returns the pieces of its text and the completion.

    `pieces` takes the text as it comes, for streams that fail; `sending` is what the provider awaits.
    """

    async def nothing() -> None:
        pass

    async def ask_model(
        model: str,
        prompt: str = "hello",
        *,
        pieces: list[str] | None = None,
        sending: Callable[[], Awaitable[None]] = nothing,
        **options: Any,
    ) -> tuple[list[str], Completion]:
        heard: list[str] = [] if pieces is None else pieces
        completion: Completion | None = None
        async with aclosing(provider.stream(new_call(model=model, prompt=prompt, **options), sending)) as events:
            async for event in events:
                if isinstance(event, str):
                    heard.append(event)
                elif isinstance(event, Completion):
                    completion = event
        assert completion is not None
        return heard, completion

    return ask_model


@pytest.fixture
def point_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Returns a function that points the providers at base URLs, with keys that mean nothing elsewhere."""

    def point(**bases: str) -> None:
        for name, value in {
            **KEYS,
            **{f"{provider.upper()}_API_BASE": base for provider, base in bases.items()},
        }.items():
            monkeypatch.setenv(name, value)

    return point


@pytest.fixture(scope="session")
def _aimock(tmp_path_factory: pytest.TempPathFactory) -> Generator[Mock]:
    fixtures: list[dict[str, Any]] = [
        {"match": {"userMessage": "counted"}, "response": {"content": TEXT, "usage": COUNTED}},
        {"match": {"userMessage": "cut"}, "response": {"content": TEXT, "finishReason": "length"}},
        {"match": {}, "response": {"content": TEXT}},
    ]
    with aimock(fixtures, tmp_path_factory.mktemp("aimock")) as mock:
        yield mock


@pytest.fixture
def wires(_aimock: Mock, point_at: Callable[..., None]) -> Mock:
    """Returns an aimock that all providers are pointed at: it says TEXT, counts tokens of prompts with `counted`."""
    url = _aimock.url
    point_at(
        openai=f"{url}/v1",
        anthropic=url,
        gemini=f"{url}/v1beta",
        ollama=url,
        hosted_vllm=f"{url}/v1",
        lm_studio=f"{url}/v1",
        fireworks=f"{url}/v1",
    )
    return _aimock


@pytest.fixture
def order(llmock_server: Mock, point_at: Callable[..., None]) -> Callable[..., None]:
    """Returns a function that orders faults of llmock for the next requests; all providers are pointed at it."""
    url = llmock_server.url
    point_at(openai=f"{url}/v1", anthropic=f"{url}/anthropic", gemini=f"{url}/gemini/v1beta")
    llmock_server.ask("/_llmock/reset", method="POST")

    def order_faults(*behaviours: dict[str, Any]) -> None:
        body = json.dumps({"behaviors": behaviours}).encode()
        request = urllib.request.Request(f"{url}/_llmock/scenario", data=body, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.loads(answer.read())["queued"] == len(behaviours)

    return order_faults


@pytest.fixture
def claude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Claude:
    """Returns Claude's real command line in a world of its own, with no session of Claude Code around it."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return Claude(tmp_path)
