"""The plugin for Claude Code, as the real command line takes it: validated, installed, connected, and used."""

import json
import re
import shutil
import tomllib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
from mcp import Client, StdioServerParameters
from packages.conftest import ROOT, copy_checkout, done, offline_uv, run
from support.claude import NOWHERE, claude_environ, claude_executable
from support.mocks import aimock
from support.processes import attached, call, clean_environ, front_processes, kill, worker_processes

from longcall.result import Result, Status, TaskLine
from longcall.retry import Budget, Retry

PLUGIN = ROOT / "plugin"
SHARED = ("server", "tools", "pyproject.toml", "uv.lock", "README.md", "LICENSE")
TOOL = "mcp__plugin_longcall_longcall__llm_call"
FINAL = "That is all."


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with a copy of the checkout in it."""
    folder = tmp_path_factory.mktemp("plugin")
    copy_checkout(folder / "checkout")
    return folder


@pytest.fixture(scope="module")
def world(place: Path) -> Generator[dict[str, str]]:
    """Returns the environment of a user of Claude Code with an empty home and uv."""
    home = place / "longcall"
    ours = {name: value for name, value in clean_environ(home).items() if name.startswith("LONGCALL_")}
    patience = {"MCP_CONNECTION_NONBLOCKING": "0", "MCP_CONNECT_TIMEOUT_MS": "120000", "MCP_TIMEOUT": "120000"}
    yield {**claude_environ(NOWHERE, place), **ours, **offline_uv(), **patience}
    kill(front_processes(home) + worker_processes(home))


@pytest.fixture(scope="module")
def installed(place: Path, world: dict[str, str]) -> Path:
    """Returns the folder into which Claude Code has copied the plugin."""
    _install(place, world)
    (copied,) = (place / "config" / "plugins" / "cache" / "longcall" / "longcall").iterdir()
    return copied


def _install(place: Path, environ: Mapping[str, str]) -> None:
    claude = claude_executable()
    done(claude, "plugin", "marketplace", "add", place / "checkout", cwd=place, environ=environ)
    done(claude, "plugin", "install", "longcall@longcall", cwd=place, environ=environ)


@contextmanager
def _without(path: Path) -> Generator[None]:
    """Takes a folder away until the block ends."""
    aside = path.with_name(f"{path.name}-aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


@pytest.mark.parametrize("part", ["", "plugin"])
def test_the_plugin_and_its_marketplace_are_valid(part: str, world: dict[str, str], tmp_path: Path) -> None:
    told = run(claude_executable(), "plugin", "validate", "--strict", ROOT / part, cwd=tmp_path, environ=world)
    assert told.returncode == 0, told.stdout + told.stderr


def test_the_plugin_directory_would_take_it(world: dict[str, str], tmp_path: Path) -> None:
    checking = (claude_executable(), "plugin", "validate", "--profile", "directory")
    told = run(*checking, PLUGIN, cwd=tmp_path, environ=world)
    assert told.returncode == 0, told.stdout + told.stderr
    bare = tmp_path / "bare"
    (bare / ".claude-plugin").mkdir(parents=True)
    (bare / ".claude-plugin" / "plugin.json").write_text(json.dumps({"name": "bare", "description": "x"}))
    assert run(*checking, bare, cwd=tmp_path, environ=world).returncode != 0


def test_a_wrong_manifest_is_refused(world: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "plugin" / ".claude-plugin" / "plugin.json"
    shutil.copytree(PLUGIN, tmp_path / "plugin", symlinks=True, ignore=shutil.ignore_patterns(".venv"))
    written = json.loads(path.read_text("utf-8"))
    for wrong in ({**written, "name": "Long Call"}, {**written, "comands": "./commands"}):
        path.write_text(json.dumps(wrong))
        told = run(claude_executable(), "plugin", "validate", "--strict", path.parents[1], cwd=tmp_path, environ=world)
        assert told.returncode != 0, wrong


def test_one_version_is_told_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    for path in (PLUGIN / ".claude-plugin" / "plugin.json", ROOT / "server.json"):
        assert json.loads(path.read_text("utf-8"))["version"] == version, path


def test_installed_it_is_connected(installed: Path, world: dict[str, str], tmp_path: Path) -> None:
    told = done(claude_executable(), "mcp", "list", cwd=tmp_path, environ=world)
    (line,) = [line for line in told.splitlines() if line.startswith("plugin:longcall:longcall:")]
    assert line.endswith("✔ Connected"), told


def test_without_its_sources_it_is_not_connected(place: Path, world: dict[str, str], tmp_path: Path) -> None:
    other = {**world, "CLAUDE_CONFIG_DIR": str(tmp_path / "config")}  # Claude Code remembers a server that failed
    _install(place, other)
    with _without(place / "checkout" / "plugin" / "longcall"):
        told = done(claude_executable(), "mcp", "list", cwd=tmp_path, environ=other)
    assert "plugin:longcall:longcall:" in told
    assert "✔ Connected" not in told


def _links(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_symlink()]


def _project(folder: Path) -> Path:
    """Makes a user's project that has something of our name to run."""
    package = folder / "project" / "longcall"
    package.mkdir(parents=True)
    for name in ("__init__.py", "__main__.py"):
        (package / name).write_text("raise SystemExit('somebody else')")
    return package.parent


async def test_the_copy_that_is_made_of_it_stands_alone(
    installed: Path, place: Path, world: dict[str, str], tmp_path: Path
) -> None:
    assert _links(installed) == []
    (entry,) = json.loads((installed / ".mcp.json").read_text("utf-8"))["mcpServers"].values()
    arguments = [word.replace("${CLAUDE_PLUGIN_ROOT}", str(installed)) for word in entry["args"]]
    server = StdioServerParameters(command=entry["command"], args=arguments, env=world, cwd=_project(tmp_path))
    with _without(place / "checkout"):
        async with Client(server) as client:
            answer = await call(client, "llm_call", prompt="hello", model="demo/echo")
    assert (answer["status"], answer["text"]) == ("completed", "hello")


def test_its_command_leads_the_model_to_the_tool(installed: Path, world: dict[str, str], tmp_path: Path) -> None:
    arguments = json.dumps({"prompt": "translate", "model": "demo/echo"})
    fixtures: list[dict[str, Any]] = [
        {"match": {"toolCallId": "one"}, "response": {"content": FINAL}},
        {"match": {}, "response": {"toolCalls": [{"id": "one", "name": TOOL, "arguments": arguments}]}},
    ]
    with aimock(fixtures, tmp_path) as model:
        said = done(
            claude_executable(), "-p", "/longcall:delegate translate this", "--allowedTools", TOOL, "--tools", "",
            cwd=tmp_path, environ={**world, "ANTHROPIC_BASE_URL": model.url},
        )  # fmt: skip
        conversation = json.dumps(model.journal()[-1]["body"]["messages"])
    assert said.strip() == FINAL
    assert "Let another model do this through longcall: translate this" in conversation
    assert "completed" in conversation


async def _vocabulary(environ: Mapping[str, str]) -> set[str]:
    """Returns every word that names something of ours: tools, their arguments and results, and states."""
    words = {*Retry.model_fields, *Budget.model_fields, *Result.model_fields, *TaskLine.model_fields, *get_args(Status)}
    async with attached(environ) as client:
        for tool in (await client.list_tools()).tools:
            words |= {tool.name, *tool.input_schema["properties"]}
    return words


async def test_its_guides_name_only_what_there_is(environ: dict[str, str]) -> None:
    known = await _vocabulary(environ) | {"length", "delegating", "OPENAI_API_KEY", "GEMINI_API_KEY"}
    guides = [*PLUGIN.glob("commands/*.md"), *PLUGIN.glob("skills/*/*.md"), PLUGIN / "README.md"]
    assert len(guides) == 6
    for guide in guides:
        assert set(re.findall(r"`(\w+)(?:=\w+|: \w+)?`", guide.read_text("utf-8"))) <= known, guide
    assert "poll_tasks" not in known


def test_the_links_lead_to_what_the_wheel_is_built_from() -> None:
    linked = PLUGIN / "longcall"
    assert {path.name for path in linked.iterdir() if path.is_symlink()} == set(SHARED)
    for name in SHARED:
        assert (linked / name).resolve() == ROOT / name
    tracked = done("git", "ls-files", "-s", "plugin/longcall", cwd=ROOT)
    assert {line.split()[0] for line in tracked.splitlines()} == {"120000"}
