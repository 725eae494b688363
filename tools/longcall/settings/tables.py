"""The tables of longcall.toml: providers, models, limits, prices and caps."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from longcall.settings.values import ApiBase, Count, Dollars, Models, Seconds, Switch, Tokens, one_of


class ProviderSettings(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """`[providers.NAME]`: how a provider is reached. Of the user's own file alone, since keys are sent there."""

    api_base: ApiBase | None = None
    """Where it is asked."""
    kind: str | None = Field(default=None, min_length=1)
    """For a name of your own: the LiteLLM provider whose API it speaks, for example `openai`."""
    api_key_env: str | None = Field(default=None, min_length=1)
    """The environment variable that holds its key; None takes the provider's own."""


class ModelSettings(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """`[models."provider/model"]`: how calls of a model are made."""

    timeout_s: Seconds | None = None
    """Seconds after which its work is cancelled, unless the call says otherwise."""
    first_byte_s: Seconds | None = None
    """Seconds within which the provider must begin to answer."""
    idle_s: Seconds | None = None
    """Seconds that may pass between two pieces of an answer."""
    long_running: Switch = False
    """Whether it is known to need long: llm_call then hands out the task at once, instead of waiting."""
    poll_s: Seconds | None = None
    """Seconds that a caller should leave between two looks."""
    fallbacks: Models = ()
    """Models that are asked instead when the provider turns a request away."""


class LimitSettings(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """`[limits.NAME]`, NAME being a model or a provider: what one worker sends at most."""

    max_in_flight: Count | None = None
    """Requests at once."""
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None


class PriceSettings(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """`[prices."provider/model"]`: what LiteLLM's list does not know, or your contract says otherwise."""

    input_usd_per_1m: Dollars
    """US dollars per million input tokens."""
    output_usd_per_1m: Dollars
    cached_input_usd_per_1m: Dollars | None = None
    """The same for input that the provider had cached; None takes the whole price."""
    context_window: Count | None = None
    """Tokens that go in and out together at most."""


class Caps(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """`[caps]`: what may be spent. Checked before a request leaves, over all processes on the store."""

    call_usd: Dollars | None = None
    """US dollars for one task, all its requests together."""
    call_tokens: Tokens | None = None
    day_usd: Dollars | None = None
    """US dollars a day (UTC), everything on this store together."""
    day_tokens: Tokens | None = None
    project_usd: Dollars | None = None
    """US dollars for a project folder in all."""
    project_tokens: Tokens | None = None
    unpriced: Annotated[Literal["refuse", "allow"], *one_of("refuse", "allow")] = "refuse"
    """What becomes of a model whose price nobody knows while a cap in dollars is set."""

    def lowered(self, other: "Caps") -> "Caps":
        """Returns these caps, each lowered to the other's where that is lower."""
        ours, theirs = self.model_dump(exclude_none=True), other.model_dump(exclude_none=True)
        lowest = {name: min(caps[name] for caps in (ours, theirs) if name in caps) for name in {**ours, **theirs}}
        strict = self.unpriced == "refuse" or ("unpriced" in other.model_fields_set and other.unpriced == "refuse")
        return Caps.model_validate(lowest | {"unpriced": "refuse" if strict else "allow"})

    @property
    def in_usd(self) -> tuple[str, ...]:
        """Names of the caps in dollars that are set."""
        return tuple(name for name in ("call_usd", "day_usd", "project_usd") if getattr(self, name) is not None)

    @property
    def is_any(self) -> bool:
        """Whether any cap is set."""
        return bool(self.model_dump(exclude_none=True, exclude={"unpriced"}))
