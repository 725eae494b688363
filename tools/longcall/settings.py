"""Everything read from the environment, once."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from longcall.errors import LongcallError


class SettingsError(LongcallError):
    """A LONGCALL_… variable holds something that cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's choices, frozen. Each field `x` is read from LONGCALL_X; empty counts as unset."""

    home: Path = field(default_factory=lambda: Path(platformdirs.user_data_dir("longcall", appauthor=False)))
    """Where the task store, results, logs and locks live; always absolute."""
    model: str | None = None
    """The model asked when a call names none."""
    max_in_flight: int = 64
    """Calls that one worker has at providers at once."""
    worker_idle_s: float = 600.0
    """Seconds without work after which a worker leaves."""
    wait_s: float | None = None
    """Seconds that llm_call waits before it answers `working`; None takes the host's own limit."""
    promote_s: float = 10.0
    """Seconds after which a call from a host that takes MCP tasks becomes one."""
    timeout_s: float = 3600.0
    """Seconds after which a task's work is cancelled, unless the call says otherwise."""
    inline_chars: int = 40_000
    """Longest text in a tool's answer; a longer one goes to a file."""
    attempts: int = 3
    """Requests sent at most for one task, where the provider refused or could not be reached before any text came."""
    on_interrupt: str = "report"
    """`report` or `retry`: what a call that does not say it wants when its worker dies after the request left."""
    keep_days: float = 7.0
    """Days for which a task is kept after its end."""
    mcp_config: Path | None = None
    """A .mcp.json of the operator's, whose servers calls may name; commands in it are run as they stand there."""
    roots: tuple[Path, ...] = ()
    """Folders in which calls may read and write files, besides the project's own."""
    writable_servers: tuple[str, ...] = ()
    """MCP servers whose writing tools models may use too."""
    claude_labels: Path | None = None
    """A JSON file of the operator's: label → `model`, `system`, `every_server`; beside and over those built in."""
    claude_at_once: int = 16
    """Processes of Claude's command line at once; each takes about 200 MB."""
    claude_api_key: bool = False
    """Whether Claude's command line is given ANTHROPIC_API_KEY, which it would bill instead of a subscription."""
    claude_proxy_url: str | None = None
    """Where `max/…` models are asked instead of the command line: the root of a longcall proxy, or of one like it."""
    claude_skip_permissions: bool = False
    """Whether Claude's command line runs without asking for any permission, which its makers call dangerous."""

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


def _positive(number: Callable[[str], float]) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = number(text)
        if not 0 < value < float("inf"):
            raise ValueError
        return value

    return convert


def _one_of(*words: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text.lower() not in words:
            raise ValueError
        return text.lower()

    return convert


_ON = ("1", "true", "yes", "on")
_OFF = ("0", "false", "no", "off")


def _absolute(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise ValueError  # a worker runs in another folder than who set it
    return path


def _root(text: str) -> str:
    parts = urlsplit(text)
    if "@" in text or "?" in text:  # whatever is secret there, the sentence must not show
        raise SettingsError("LONGCALL_CLAUDE_PROXY_URL must hold no name, password or query.")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError
    return text.rstrip("/").removesuffix("/v1")


def _switch(text: str) -> bool:
    if text.lower() not in (*_ON, *_OFF):
        raise ValueError
    return text.lower() in _ON


def _folders(text: str) -> tuple[Path, ...]:
    return tuple(_absolute(part.strip()) for part in text.split(os.pathsep) if part.strip())


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_READERS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "home": (lambda text: Path(text).expanduser().absolute(), "a folder"),
    "model": (str, "a model name"),
    "max_in_flight": (_positive(int), "a whole number above 0"),
    "worker_idle_s": (_positive(float), "seconds above 0"),
    "wait_s": (_positive(float), "seconds above 0"),
    "promote_s": (_positive(float), "seconds above 0"),
    "timeout_s": (_positive(float), "seconds above 0"),
    "inline_chars": (_positive(int), "a whole number above 0"),
    "attempts": (_positive(int), "a whole number above 0"),
    "on_interrupt": (_one_of("report", "retry"), "report or retry"),
    "keep_days": (_positive(float), "days above 0"),
    "mcp_config": (_absolute, "the absolute path of a .mcp.json"),
    "roots": (_folders, f"absolute paths of folders, with {os.pathsep} between them"),
    "writable_servers": (_names, "names with commas between them"),
    "claude_labels": (_absolute, "the absolute path of a JSON file"),
    "claude_at_once": (_positive(int), "a whole number above 0"),
    "claude_api_key": (_switch, "1 or 0"),
    "claude_proxy_url": (_root, "a URL like http://127.0.0.1:3010"),
    "claude_skip_permissions": (_switch, "1 or 0"),
}


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Reads the settings from environment variables.

    Raises:
        SettingsError: a variable holds something that cannot be used; the sentence names it.
    """
    found: dict[str, object] = {}
    for name, (convert, wanted) in _READERS.items():
        variable = f"LONGCALL_{name.upper()}"
        text = environ.get(variable, "").strip()
        if not text:
            continue
        try:
            found[name] = convert(text)
        except (ValueError, RuntimeError):
            raise SettingsError(f"{variable} is {text!r}, but must be {wanted}.") from None
    return Settings(**found)  # pyright: ignore[reportArgumentType]  # each reader yields its field's type
