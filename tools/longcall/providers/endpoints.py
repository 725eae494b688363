"""Where the operator has providers asked: addresses and keys of `[providers.…]`, for LiteLLM."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from longcall.call import Call
from longcall.errors import ProviderError
from longcall.settings import ProviderSettings, key_variable

_NO_KEY = "none"
"""What a server is told that wants no key; LiteLLM would send it the key of the provider whose API it speaks."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one call is asked with."""

    model: str
    """As LiteLLM knows it."""
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """`model`, `api_base` and `api_key`, as far as they are the operator's."""

    @property
    def where(self) -> dict[str, Any]:
        """The address and the key alone."""
        return {name: value for name, value in self.arguments.items() if name != "model"}


class Endpoints:
    """The operator's providers."""

    def __init__(self, providers: Mapping[str, ProviderSettings], environ: Mapping[str, str]) -> None:
        self._providers = providers
        self._environ = environ

    def of(self, call: Call, litellm: Any = None) -> Endpoint:
        """Returns what a call is asked with, raising as `at` does; see `resolved`."""
        return self.at(call.model) if litellm is None else self.resolved(litellm, call.model)

    def resolved(self, litellm: Any, asked: str) -> Endpoint:
        """Returns what a model is asked with, also by a name without a provider, which LiteLLM knows; raises as `at`.

        Otherwise the provider's own key would go to the address that the operator has given it.
        """
        if "/" in asked or not self._providers:
            return self.at(asked)
        try:
            provider = litellm.get_llm_provider(model=asked)[1]
        except Exception:  # noqa: BLE001  # whoever asks it is told
            return Endpoint(asked)
        return self.at(f"{provider}/{asked}") if provider in self._providers else Endpoint(asked)

    def at(self, asked: str) -> Endpoint:
        """Returns what a model is asked with, by the name that a call has for it.

        Raises:
            ProviderError: `api_key_env` names a variable that is not there, or a provider of one's own has no address.
        """
        name, _, rest = asked.partition("/")
        provider = self._providers.get(name)
        if provider is None or not rest:
            return Endpoint(asked)
        model = f"{provider.kind}/{rest}" if provider.kind else asked
        arguments = {"model": model, "api_base": provider.api_base, "api_key": self._key(name, provider)}
        if provider.kind and provider.api_base is None:
            raise ProviderError(
                "rejected",
                f"The provider {name!r} has no address: set `api_base` in [providers.{name}] of longcall.toml.",
            )
        return Endpoint(model, {key: value for key, value in arguments.items() if value is not None})

    def _key(self, name: str, provider: ProviderSettings) -> str | None:
        if provider.api_key_env is not None:
            if key := self._environ.get(provider.api_key_env):
                return key
            raise ProviderError(
                "no_key", f"There is no key for {name}: set {provider.api_key_env}, which [providers.{name}] names."
            )
        own = self._environ.get(key_variable(name))
        return own or (_NO_KEY if provider.kind else None)
