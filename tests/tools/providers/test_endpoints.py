"""Providers where the operator has them: LiteLLM is asked there, under the right name and with the right key."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from support.mocks import Mock

from longcall.call import Call
from longcall.calling import new_call
from longcall.errors import ProviderError
from longcall.models import Completion
from longcall.providers.endpoints import Endpoint, Endpoints
from longcall.providers.litellm import LiteLLMProvider
from longcall.settings import ProviderSettings

Ask = Callable[..., Coroutine[Any, Any, tuple[list[str], Completion]]]


def asking(model: str) -> Call:
    return new_call(model=model, prompt="hello")


@pytest.mark.parametrize("name", ["lm_studio", "hosted_vllm", "litellm_proxy", "openrouter", "ollama", "openai"])
async def test_a_known_provider_is_asked_at_an_address_of_ones_own(
    provider_at: Callable[[dict[str, ProviderSettings], dict[str, str]], Ask], openai_mock: Mock, name: str
) -> None:
    base = openai_mock.url if name == "ollama" else f"{openai_mock.url}/v1"
    ask = provider_at({name: ProviderSettings(api_base=base, api_key_env="MINE")}, {"MINE": "key-0123456789"})
    before = len(openai_mock.journal())
    pieces, completion = await ask(f"{name}/some-model-of-mine")
    assert "".join(pieces).startswith("A long answer")
    assert completion.cost_usd is None  # nobody knows its price
    assert len(openai_mock.journal()) == before + 1


async def test_a_server_that_speaks_anthropics_api_can_have_a_name_of_ones_own(
    provider_at: Callable[[dict[str, ProviderSettings], dict[str, str]], Ask], openai_mock: Mock
) -> None:
    ask = provider_at({"gateway": ProviderSettings(kind="anthropic", api_base=openai_mock.url)}, {})
    pieces, _ = await ask("gateway/claude-of-mine")
    assert "".join(pieces).startswith("A long answer")
    assert openai_mock.journal()[-1]["path"] == "/v1/messages"


LAB = ProviderSettings(kind="openai", api_base="http://lab/v1")


@pytest.mark.parametrize(
    ("providers", "environ", "model", "endpoint"),
    [
        ({}, {}, "openai/x", Endpoint("openai/x")),
        ({"lab": LAB}, {}, "openai/x", Endpoint("openai/x")),
        ({"lab": LAB}, {}, "lab", Endpoint("lab")),
        (
            {"lab": LAB},
            {"OPENAI_API_KEY": "sk-1"},
            "lab/a/b",
            Endpoint("openai/a/b", {"model": "openai/a/b", "api_base": "http://lab/v1", "api_key": "none"}),
        ),
        (
            {"my-lab": LAB},
            {"MY_LAB_API_KEY": "k"},
            "my-lab/x",
            Endpoint("openai/x", {"model": "openai/x", "api_base": "http://lab/v1", "api_key": "k"}),
        ),
        (
            {"openai": ProviderSettings(api_base="http://gate")},
            {"OPENAI_API_KEY": "sk-1"},
            "openai/x",
            Endpoint("openai/x", {"model": "openai/x", "api_base": "http://gate", "api_key": "sk-1"}),
        ),
        (
            {"groq": ProviderSettings(api_base="http://gate")},
            {},
            "groq/x",
            Endpoint("groq/x", {"model": "groq/x", "api_base": "http://gate"}),
        ),
    ],
)
def test_where_and_how_a_model_is_asked(
    providers: dict[str, ProviderSettings], environ: dict[str, str], model: str, endpoint: Endpoint
) -> None:
    assert Endpoints(providers, environ).of(asking(model)) == endpoint


@pytest.mark.parametrize(
    ("provider", "code", "said"),
    [
        (ProviderSettings(kind="openai"), "rejected", "set `api_base` in .providers.lab. of longcall.toml"),
        (ProviderSettings(api_base="http://x", api_key_env="LAB"), "no_key", "set LAB, which .providers.lab. names"),
    ],
)
def test_what_is_missing_is_named(provider: ProviderSettings, code: str, said: str) -> None:
    with pytest.raises(ProviderError, match=said) as caught:
        Endpoints({"lab": provider}, {}).of(asking("lab/x"))
    assert caught.value.failure.code == code


@pytest.fixture
def provider_at(
    provider: LiteLLMProvider, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, ProviderSettings], dict[str, str]], Ask]:
    """Returns what has the provider's addresses and keys be others, and returns what asks it."""

    def at(providers: dict[str, ProviderSettings], environ: dict[str, str]) -> Ask:
        monkeypatch.setattr(provider, "_endpoints", Endpoints(providers, environ))
        return ask

    return at


async def test_a_name_of_ones_own_without_a_kind_is_told_to_lack_it(
    provider_at: Callable[[dict[str, ProviderSettings], dict[str, str]], Ask], openai_mock: Mock
) -> None:
    ask = provider_at({"mine": ProviderSettings(api_base=f"{openai_mock.url}/v1")}, {})
    with pytest.raises(ProviderError, match=r"\[providers.mine\] in longcall.toml says no `kind`") as caught:
        await ask("mine/some-model")
    assert caught.value.failure.code == "unknown_model"
    with pytest.raises(ProviderError, match="No provider is known for the model 'theirs/some-model'"):
        await ask("theirs/some-model")
