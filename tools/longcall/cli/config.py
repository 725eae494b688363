"""`longcall config`: what is set here, and where each value comes from."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from longcall.cli.terminal import remark, say, table
from longcall.settings import Settings, find_settings, project_file, user_file

app = typer.Typer(no_args_is_help=True, help="Shows the settings of longcall.toml and the environment.")
_DEFAULT = "default"
_HIDDEN = "(hidden)"


@app.callback()
def config() -> None:
    """Shows the settings of longcall.toml and the environment."""


@app.command()
def show(
    everything: Annotated[bool, typer.Option("--all", help="Also what was left at its default.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Shows each setting, its value and the file or variable that it comes from; keys are never shown."""
    folder = Path.cwd()
    found = find_settings(os.environ, folder)
    rows = [(name, value, _origin(name, found.origins)) for name, value in _values(found.settings)]
    shown = [row for row in rows if everything or row[2] != _DEFAULT]
    files = {"user": str(user_file(os.environ)), "project": str(project_file(folder) or "")}
    if as_json:
        values = {name: {"value": value, "from": origin} for name, value, origin in shown}
        say(json.dumps({"files": files, "settings": values}, indent=2, ensure_ascii=False) + "\n")
        return
    table(("setting", "value", "from"), [(name, _text(value), origin) for name, value, origin in shown])
    there = "" if Path(files["user"]).is_file() else " (there is none yet)"
    remark(f"Your file: {files['user']}{there}. This project's: {files['project'] or 'none'}.", "dim")
    if not everything:
        remark("--all shows what was left at its default too.", "dim")


def _values(settings: Settings) -> Iterator[tuple[str, Any]]:
    hidden = {"keys": dict.fromkeys(settings.keys, _HIDDEN)}
    return _flat(settings.model_dump(mode="json") | hidden)


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        dotted = f"{before}.{name}" if before else name
        if isinstance(value, dict):
            yield from _flat(cast("dict[str, Any]", value), dotted)
        else:
            yield dotted, value


def _origin(name: str, origins: Mapping[str, str]) -> str:
    return origins.get(name, _DEFAULT)


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)
