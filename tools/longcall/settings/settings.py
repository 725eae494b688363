"""The operator's choices."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from longcall.settings.tables import Caps, LimitSettings, ModelSettings, PriceSettings, ProviderSettings
from longcall.settings.values import (
    Count,
    Days,
    Folders,
    Home,
    JsonFile,
    McpFile,
    Models,
    Names,
    ProxyURL,
    Seconds,
    Switch,
    one_of,
)


class Settings(BaseSettings):
    """The operator's choices, frozen. Each `x` is read from longcall.toml and over it from LONGCALL_X."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="LONGCALL_", env_nested_delimiter="__", str_strip_whitespace=True
    )

    home: Home = Field(default_factory=lambda: Path(platformdirs.user_data_dir("longcall", appauthor=False)))
    """Where the task store, results, logs and locks live; always absolute."""
    model: str | None = None
    """The model asked when a call names none, or an alias."""
    aliases: Mapping[str, str] = Field(default_factory=dict)
    """Names of your own for models."""
    models: Mapping[str, ModelSettings] = Field(default_factory=dict)
    """How calls of single models are made."""
    providers: Mapping[str, ProviderSettings] = Field(default_factory=dict)
    """How providers are reached."""
    limits: Mapping[str, LimitSettings] = Field(default_factory=dict)
    """What is sent at most, by model or provider."""
    prices: Mapping[str, PriceSettings] = Field(default_factory=dict)
    """Prices beside and over those that LiteLLM knows."""
    caps: Caps = Field(default_factory=Caps)
    """What may be spent."""
    keys: Mapping[str, SecretStr] = Field(default_factory=dict)
    """Keys by variable (`OPENAI_API_KEY`) or provider (`openai`): the key, or `keyring` for the system's keyring."""
    fallbacks: Models = ()
    """Models that are asked instead when a provider turns a request away, for models that name none of their own."""
    max_in_flight: Count = 64
    """Calls that one worker has at providers at once."""
    worker_idle_s: Seconds = 600.0
    """Seconds without work after which a worker leaves."""
    wait_s: Seconds | None = None
    """Seconds that llm_call waits before it answers `working`; None takes the host's own limit."""
    promote_s: Seconds = 10.0
    """Seconds after which a call from a host that takes MCP tasks becomes one."""
    timeout_s: Seconds = 3600.0
    """Seconds after which a task's work is cancelled, unless the call says otherwise."""
    first_byte_s: Seconds | None = None
    """Seconds within which a provider must begin to answer; None leaves it to `timeout_s`."""
    idle_s: Seconds | None = None
    """Seconds that may pass between two pieces of an answer; None leaves it to `timeout_s`."""
    inline_chars: Count = 40_000
    """Longest text in a tool's answer; a longer one goes to a file."""
    attempts: Count = 3
    """Requests sent at most for one task, where the provider refused or could not be reached before any text came."""
    on_interrupt: Annotated[Literal["report", "retry"], *one_of("report", "retry")] = "report"
    """`report` or `retry`: what a call that does not say it wants when its worker dies after the request left."""
    batch_poll_s: Seconds = 60.0
    """Seconds between looks at a batch at its provider, once it has been looked at a few times."""
    keep_days: Days = 7.0
    """Days for which a task is kept after its end."""
    mcp_config: McpFile | None = None
    """A .mcp.json of the operator's, whose servers calls may name; commands in it are run as they stand there."""
    roots: Folders = ()
    """Folders in which calls may read and write files, besides the project's own."""
    writable_servers: Names = ()
    """MCP servers whose writing tools models may use too."""
    claude_labels: JsonFile | None = None
    """A JSON file of the operator's: label → `model`, `system`, `every_server`; beside and over those built in."""
    claude_at_once: Count = 16
    """Processes of Claude's command line at once; each takes about 200 MB."""
    claude_api_key: Switch = False
    """Whether Claude's command line is given ANTHROPIC_API_KEY, which it would bill instead of a subscription."""
    claude_proxy_url: ProxyURL | None = None
    """Where `max/…` models are asked instead of the command line: the root of a longcall proxy, or of one like it."""
    claude_skip_permissions: Switch = False
    """Whether Claude's command line runs without asking for any permission, which its makers call dangerous."""
    log_format: Annotated[Literal["text", "json"], *one_of("text", "json")] = "text"
    """`text` or `json`: how a worker writes its log."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leaves what is given alone: files and environment are read by `longcall.settings.reading`."""
        return (init_settings,)

    @property
    def store_path(self) -> Path:
        """The SQLite file."""
        return self.home / "tasks.sqlite3"

    @property
    def results_path(self) -> Path:
        """The folder for results too long for a tool's answer."""
        return self.home / "results"

    @property
    def unsaved_path(self) -> Path:
        """The folder for answers that the store could not take yet."""
        return self.home / "unsaved"

    @property
    def workers_path(self) -> Path:
        """The folder for the workers' locks and logs."""
        return self.home / "workers"
