"""Where settings come from: the user's longcall.toml, the project's over it, and LONGCALL_… variables over both."""

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import platformdirs
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource
from pydantic_settings import SettingsError as SourceError

from longcall.complaint import words_of
from longcall.errors import LongcallError
from longcall.settings.settings import Settings
from longcall.settings.values import SECRET, WANTED

FILE = "longcall.toml"
_PREFIX = "LONGCALL_"
_OF_PROJECTS = frozenset({
    "model", "aliases", "models", "fallbacks", "caps", "wait_s", "promote_s", "timeout_s", "first_byte_s", "idle_s",
    "inline_chars",
})  # fmt: skip
"""What a project's file may say. It comes with whatever was checked out: it says no command, folder, address or key."""
_OF_WORKERS = frozenset({
    "providers", "mcp_config", "writable_servers", "claude_labels", "claude_api_key", "claude_proxy_url",
    "claude_skip_permissions",
})  # fmt: skip
"""What decides who is asked, as whom and with what tools: tasks under other choices are another worker's."""


class SettingsError(LongcallError):
    """A LONGCALL_… variable or a longcall.toml holds something that cannot be used."""


@dataclass(frozen=True, slots=True)
class Found:
    """The settings, and where each came from."""

    settings: Settings
    origins: Mapping[str, str]
    """Dotted name → the variable or the file; what is missing is the default."""


def user_file(environ: Mapping[str, str]) -> Path:
    """Returns the user's longcall.toml: LONGCALL_CONFIG, or the one in the user's folder for configuration."""
    named = environ.get("LONGCALL_CONFIG", "").strip()
    return Path(named).expanduser() if named else Path(platformdirs.user_config_dir("longcall", appauthor=False)) / FILE


def project_file(folder: Path) -> Path | None:
    """Returns the nearest longcall.toml from `folder` up to the root of its repository; outside of one, only there."""
    above = [folder, *folder.parents]
    root = next((index for index, parent in enumerate(above) if (parent / ".git").exists()), 0)
    return next((parent / FILE for parent in above[: root + 1] if (parent / FILE).is_file()), None)


def read_settings(environ: Mapping[str, str], project: Path | None = None) -> Settings:
    """Reads the settings of the user, of a project folder if one is given, and of the environment.

    Raises:
        SettingsError: something there cannot be used; the sentence names it.
    """
    return find_settings(environ, project).settings


def here() -> Settings:
    """Reads the settings of this process, in the folder that it runs in; raises as `read_settings`."""
    return read_settings(os.environ, Path.cwd())


def find_settings(environ: Mapping[str, str], project: Path | None = None) -> Found:
    """Reads the settings, and tells where each came from; raises as `read_settings`."""
    user = user_file(environ)
    if environ.get("LONGCALL_CONFIG", "").strip() and not user.is_file():
        raise SettingsError(
            f"LONGCALL_CONFIG is {str(user)!r}, but there is no such file. Set it to the path of a longcall.toml, or"
            " unset it."
        )
    of_user, of_environ, origins = _of_file(user), _of_environ(environ), dict[str, str]()
    of_project, path = {}, project_file(project) if project is not None else None
    if path is not None and not (user.is_file() and path.samefile(user)):
        of_project = _of_file(path)
        _demand_harmless(of_project, path, user)
    lowering = of_project.pop("caps", None)
    for values, origin in ((of_user, str(user)), (of_project, str(path)), (of_environ, "")):
        origins |= {name: origin or _variable(name, environ) for name in _names(values)}
    settings = _settings(_merged(_merged(of_user, of_project), of_environ), origins)
    if lowering is not None:
        settings = _lowered(settings, lowering, str(path), origins)
    return Found(settings, origins)


def operated(settings: Settings, environ: Mapping[str, str]) -> str:
    """Returns what the user's file says to workers, canonically, with keys that it names; empty where it says nothing.

    What LONGCALL_… variables say is left out: a worker's environment is told apart by them already.
    """
    unset = {name for name in _OF_WORKERS if not environ.get(_PREFIX + name.upper(), "").strip()}
    said = settings.model_dump(mode="json", include=unset, exclude_defaults=True)
    named = {provider.api_key_env for provider in settings.providers.values()}
    keys = {name: environ[name] for name in named if name is not None and environ.get(name)}
    return json.dumps([said, keys], sort_keys=True) if said or keys else ""


class _Environment(EnvSettingsSource):
    """LONGCALL_… variables of a given environment; blank ones count as unset."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): text.strip() for name, text in self._environ.items() if text.strip()}


def _of_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    try:
        return _Environment(environ)()
    except SourceError as error:
        field = str(error).partition('"')[2].partition('"')[0]
        raise SettingsError(f"{_PREFIX}{field.upper()} must be a JSON object, or be unset.") from None


def _of_file(path: Path) -> dict[str, Any]:
    try:
        return TomlConfigSettingsSource(Settings, path)()
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is no TOML: {error}. Mend it there.") from None
    except RecursionError:
        raise SettingsError(f"{path} is no TOML: its tables lie too deep in each other.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8, save it so"
        raise SettingsError(f"{path} cannot be read: {reason}.") from None


def _demand_harmless(values: Mapping[str, Any], path: Path, user: Path) -> None:
    known = Settings.model_fields
    for name in values:
        if name in known and name not in _OF_PROJECTS:
            raise SettingsError(
                f"`{name}` in {path} is refused: a project's file may not say it, since it comes with what is checked"
                f" out. Put it into your own file ({user}) or set {_PREFIX}{name.upper()}."
            )


def _settings(values: Mapping[str, Any], origins: Mapping[str, str]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_sentence(error.errors(include_url=False)[0], origins)) from None


def _lowered(settings: Settings, caps: Any, path: str, origins: dict[str, str]) -> Settings:
    said = {"caps": caps}
    lowered = settings.caps.lowered(_settings(said, dict.fromkeys(_names(said), path)).caps)
    changed = [name for name, value in lowered if value != getattr(settings.caps, name)]
    origins |= {f"caps.{name}": path for name in changed}  # what lowers nothing is not where the cap comes from
    return settings.model_copy(update={"caps": lowered})


def _sentence(error: ErrorDetails, origins: Mapping[str, str]) -> str:
    parts = [str(part) for part in error["loc"] if not (isinstance(part, int) or part == "[key]")]
    name = ".".join(parts)
    origin = _origin(parts, origins)
    where = origin if origin == _PREFIX + name.replace(".", "__").upper() else f"`{name}` in {origin}"
    match error["type"]:
        case "extra_forbidden":
            return f"{where} is no setting{_suggestion(parts)}"
        case kind if kind == WANTED:
            return f"{where} is {_shown(error['input'])}, but must be {error['msg']}."
        case kind if kind == SECRET:
            return f"{where} {error['msg']}."
        case "missing":
            return f"{where} is missing."
        case _:
            return f"{where} {words_of(error).replace('an object', 'a table')}."


def _origin(parts: list[str], origins: Mapping[str, str]) -> str:
    """Returns where a value was read from, or what stands beside it in its table."""
    for known in _prefixes(parts):
        if known in origins:
            return origins[known]
        beside = next((origin for name, origin in origins.items() if name.startswith(known + ".")), None)
        if beside is not None:
            return beside
    return "the settings"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return json.dumps(value, default=str)
    return repr(value) if isinstance(value, str | int | float | bool) else "something else"


def _suggestion(parts: list[str]) -> str:
    """Returns the nearest name that is known in that table, as the end of a sentence."""
    known = list(Settings.model_fields) if len(parts) == 1 else list(_table(parts[0]))
    near = difflib.get_close_matches(parts[-1], known, n=1)
    return f"; did you mean `{near[0]}`?" if near else f". Known here: {', '.join(sorted(known))}."


def _table(name: str) -> Mapping[str, Any]:
    field = Settings.model_fields[name].annotation
    return getattr(getattr(field, "__args__", (field,))[-1], "model_fields", {})


def _prefixes(parts: list[str]) -> Iterator[str]:
    return (".".join(parts[:length]) for length in range(len(parts), 0, -1))


def _names(values: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in values.items():
        dotted = f"{before}.{name}" if before else name
        if isinstance(value, dict) and value:
            yield from _names(cast("dict[str, Any]", value), dotted)
        else:
            yield dotted


def _variable(name: str, environ: Mapping[str, str]) -> str:
    """Returns the variable that a dotted name was read from: its own, or that of the table around it."""
    upper = {variable.upper(): variable for variable in environ}
    names = (_PREFIX + known.replace(".", "__").upper() for known in _prefixes(name.split(".")))
    return next((upper[variable] for variable in names if variable in upper), _PREFIX + name.upper())


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        both = isinstance(value, dict) and isinstance(below, dict)
        merged[name] = _merged(cast("dict[str, Any]", below), cast("dict[str, Any]", value)) if both else value
    return merged
