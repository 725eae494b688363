"""The wheel alone, installed by pip far from the checkout, is all of longcall."""

import re
import sys
import tomllib
from collections.abc import Generator
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from packages.conftest import ROOT, done, offline_uv, run
from support.processes import call, clean_environ, front_processes, kill, untraced, worker_processes

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
VERSION = PROJECT["version"]
OUTSIDE = """
import sys
import longcall, longcall.api, longcall_server.app
ours = ("longcall", "longcall_server")
files = [module.__file__ for name, module in sys.modules.items() if name.split(".")[0] in ours]
assert len(files) > 20, files
print("\\n".join(file for file in files if not file.startswith(sys.prefix)))
"""
"""Prints the files of longcall that a Python imports from outside its own environment."""


@pytest.fixture(scope="module")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder of packages with all that we depend on, as the lock names it, and without longcall."""
    folder = tmp_path_factory.mktemp("dependencies")
    locked = ("sync", "--quiet", "--frozen", "--no-dev", "--no-install-project", "--no-compile-bytecode")
    environment = {**offline_uv(), "UV_PROJECT_ENVIRONMENT": str(folder / "venv")}
    done("uv", *locked, "--project", ROOT, cwd=folder, more=environment)
    (site,) = folder.glob("venv/lib/*/site-packages")
    assert not list(site.glob("longcall*"))
    return site


@pytest.fixture(scope="module")
def installed(wheel: Path, dependencies: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the `bin` of an environment into which pip has put the wheel alone, beside our dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    done(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    (site,) = folder.glob("venv/lib/*/site-packages")
    (site / "dependencies.pth").write_text(f"{dependencies}\n")
    python = folder / "venv" / "bin" / "python"
    done(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel, cwd=folder)
    return python.parent


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    """Returns the environment of somebody who has never seen the checkout."""
    home = tmp_path_factory.mktemp("world") / "home"
    environ = untraced(clean_environ(home))
    for name in ("PYTHONPATH", "VIRTUAL_ENV"):
        environ.pop(name, None)
    yield environ
    kill(front_processes(home) + worker_processes(home))


def test_pip_finds_every_dependency_there(installed: Path, tmp_path: Path) -> None:
    checking = (installed / "python", "-m", "pip", "check")
    assert "No broken requirements" in done(*checking, cwd=tmp_path)
    (dependencies,) = installed.parent.glob("lib/*/site-packages/dependencies.pth")
    dependencies.rename(tmp_path / "dependencies.pth")
    try:
        assert "requires mcp, which is not installed" in run(*checking, cwd=tmp_path).stdout
    finally:
        (tmp_path / "dependencies.pth").rename(dependencies)


def test_nothing_is_imported_from_the_checkout(installed: Path, world: dict[str, str], tmp_path: Path) -> None:
    assert done(installed / "python", "-c", OUTSIDE, cwd=tmp_path, environ=world).strip() == ""
    ours = done(sys.executable, "-c", OUTSIDE, cwd=tmp_path, environ=world)
    assert str(ROOT / "tools" / "longcall" / "__init__.py") in ours.splitlines()


def test_the_command_line_works(installed: Path, world: dict[str, str], tmp_path: Path) -> None:
    told = done(installed / "longcall", "--version", cwd=tmp_path, environ=world)
    assert told.split() == ["longcall", VERSION]
    said = done(installed / "longcall", "call", "Say hello", "-m", "demo/echo", cwd=tmp_path, environ=world)
    assert said.strip() == "Say hello"
    assert run(installed / "longcall", "call", " ", "-m", "demo/echo", cwd=tmp_path, environ=world).returncode != 0


async def test_the_server_answers_over_stdio(installed: Path, world: dict[str, str], tmp_path: Path) -> None:
    server = StdioServerParameters(command=str(installed / "longcall"), env=world, cwd=tmp_path)
    async with Client(server) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        answer = await call(client, "llm_call", prompt="hello", model="demo/echo")
        checked = await call(client, "validate_code", code="def f(:", language="python")
    assert tools == {"llm_call", "start_task", "poll_task", "cancel_task", "validate_code", "list_models"}
    assert (answer["status"], answer["text"]) == ("completed", "hello")
    assert checked["report"]["verdict"] == "fail"


def test_uvx_builds_it_from_a_path_and_finds_its_command(
    built: Path, dependencies: Path, world: dict[str, str], tmp_path: Path
) -> None:
    (archive,) = built.glob("*.tar.gz")
    names = [re.split(r"[^\w-]", required)[0] for required in PROJECT["dependencies"]]
    nowhere = tmp_path / "overrides.txt"  # a registry would be asked for them, so they come from the lock instead
    nowhere.write_text("\n".join(f"{name}; python_version < '3'" for name in names))
    uvx = ("uvx", "--quiet", "--overrides", nowhere, "--from", archive, "longcall", "--version")
    offline = {**world, **offline_uv()}
    assert "ModuleNotFoundError" in run(*uvx, cwd=tmp_path, environ=offline).stderr
    told = done(*uvx, cwd=tmp_path, environ=offline, more={"PYTHONPATH": str(dependencies)})
    assert told.split() == ["longcall", VERSION]
