"""The entry of longcall in a client's config: what it says, and whether one that is there is ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import Any

from longcall.clients.formats import ConfigError
from longcall.clients.launcher import Launch
from longcall.clients.registry import Client

NAME = "longcall"
"""The name under which it is registered."""
_STARTERS = ("uv", "uvx", "pipx", "python", "python3", "py")
_MODULE = "longcall_server"
_HARMLESS = ("LONGCALL_MODEL", "LONGCALL_HOME")


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables that the server gets."""

    values: Mapping[str, str] = field(default_factory=dict[str, str])
    """Those whose values stand in the entry."""
    references: tuple[str, ...] = ()
    """Those that the client is to take from its own environment."""

    def masked(self) -> "Variables":
        """Returns the same with nothing in it that may be secret."""
        shown = {name: value if name in _HARMLESS else "<its value>" for name, value in self.values.items()}
        return Variables(shown, self.references)


def written(client: Client, launch: Launch, variables: Variables) -> dict[str, Any]:
    """Returns the entry as the client wants it.

    Raises:
        ConfigError: the client cannot refer to variables.
    """
    if variables.references and not client.can_refer:
        names = ", ".join(variables.references)
        raise ConfigError(
            f"{client.title} cannot take {names} from the environment: its config file holds values alone. Add"
            f" --copy-keys to write the values of today into it, or say --env {variables.references[0]}=value."
        )
    entry: dict[str, Any] = {**client.extra, "command": launch.command, "args": [*launch.args]}
    env = dict(variables.values)
    if client.reference is not None:
        env |= {name: client.reference.format(name) for name in variables.references}
    if env:
        entry["env"] = env
    if client.names_variables is not None and variables.references:
        entry[client.names_variables] = [*variables.references]
    return entry | (dict(client.slow_start) if launch.installs else {})


def is_ours(entry: object) -> bool:
    """Whether an entry starts longcall: by its command, or by uvx, uv, pipx or Python."""
    if not isinstance(entry, Mapping):
        return False
    found: Mapping[str, Any] = entry  # pyright: ignore[reportUnknownVariableType]  # looked at word by word
    args: Any = found.get("args")
    words = [str(word) for word in args] if isinstance(args, list | tuple) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # as above
    command = _stem(str(found.get("command") or ""))
    starts = command.startswith(_STARTERS) and any(
        word in (NAME, _MODULE) or _stem(word) == NAME for word in words[-1:]
    )
    return command == NAME or starts


def _stem(path: str) -> str:
    # The rules of Windows know both separators.
    return PureWindowsPath(path).name.lower().removesuffix(".exe")
