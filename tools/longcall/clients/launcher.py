"""What a client must run to start the longcall that runs now."""

import json
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

_TAG = "CACHEDIR.TAG"
"""Marks a folder whose content may be deleted at any time (bford.info/cachedir); uv's cache has one."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A command line that serves MCP over stdio."""

    command: str
    args: tuple[str, ...] = ()
    installs: bool = False
    """Whether its first start installs, which takes long."""
    is_local: bool = True
    """Whether it means something on this machine alone."""


def origin() -> str | None:
    """Returns what uvx must be told with `--from`: a folder, a file or a git URL; None when the registry has it."""
    try:
        told = distribution("longcall").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    if told is None:
        return None
    found: dict[str, Any] = json.loads(told)
    url: str = found["url"]
    if "vcs_info" in found:
        revision = found["vcs_info"].get("requested_revision")
        return f"{found['vcs_info']['vcs']}+{url}" + (f"@{revision}" if revision else "")
    return url2pathname(unquote(urlsplit(url).path)) if url.startswith("file:") else url


def launch(environ: Mapping[str, str], *, shared: bool = False) -> Launch:
    """Returns how to start this longcall, by absolute paths: programs with windows know little of a user's PATH.

    An environment that uvx made is gone with its cache, so that uvx is named instead. With `shared` the command is to
    make sense on other machines too, where that can be: a git URL does, a folder does not.
    """
    source = origin()
    if shared and (source is None or "+" in source.partition("://")[0]):
        return Launch("uvx", _by_uvx(source), installs=True, is_local=False)
    if is_passing(Path(sys.prefix)):
        return Launch(_uvx(environ), _by_uvx(source), installs=True)
    if script := _script(environ):
        return Launch(str(script))
    return Launch(sys.executable, ("-m", "longcall_server"))


def is_passing(prefix: Path) -> bool:
    """Whether the environment in `prefix` may be gone tomorrow: it is below a cache or among temporary files."""
    # Its own tag does not count: uv marks every environment, so that backups leave it out.
    cached = any((parent / _TAG).is_file() for parent in prefix.parents)
    return cached or ".cache" in prefix.parts or prefix.is_relative_to(tempfile.gettempdir())


def _by_uvx(source: str | None) -> tuple[str, ...]:
    return ("longcall",) if source is None else ("--from", source, "longcall")


def _uvx(environ: Mapping[str, str]) -> str:
    # uv tells its children where it is; uvx is beside it.
    beside = [str(Path(uv).with_name("uvx"))] if (uv := environ.get("UV")) else []
    found = (shutil.which(name, path=environ.get("PATH")) for name in (*beside, "uvx"))
    return next((path for path in found if path), "uvx")


def _script(environ: Mapping[str, str]) -> Path | None:
    """Returns the installed command: by its name on the PATH, which outlives an upgrade, if that is this very one."""
    name = "longcall.exe" if os.name == "nt" else "longcall"
    ours = Path(sysconfig.get_path("scripts")) / name
    if not ours.is_file():
        return None
    on_path = shutil.which("longcall", path=environ.get("PATH"))
    return Path(on_path).absolute() if on_path and Path(on_path).resolve() == ours.resolve() else ours
