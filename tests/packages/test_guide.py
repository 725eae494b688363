"""The guide to the packages says only what is true: its commands are run in a copy of the checkout."""

import re
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from packages.conftest import ROOT, copy_checkout, offline_uv
from support.claude import NOWHERE, claude_environ, claude_executable
from support.processes import clean_environ, front_processes, kill, worker_processes

from longcall_server.binding import Binding

GUIDE = (ROOT / "docs" / "packages.md").read_text("utf-8")
CONSOLES = re.findall(r"^```console\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Path, dict[str, str]]]:
    """Returns a copy of the checkout, and the environment of somebody who has uv and Claude Code."""
    folder = tmp_path_factory.mktemp("guide")
    copy_checkout(folder / "checkout")
    commands = folder / "bin"
    commands.mkdir()
    (commands / "claude").symlink_to(claude_executable())
    environ = {**clean_environ(folder / "home"), **claude_environ(NOWHERE, folder), **offline_uv()}
    yield folder / "checkout", {**environ, "PATH": f"{commands}:{environ['PATH']}"}
    kill(front_processes(folder / "home") + worker_processes(folder / "home"))


def test_the_commands_say_what_is_shown(world: tuple[Path, dict[str, str]]) -> None:
    folder, environ = world
    for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "".join(CONSOLES), re.MULTILINE):
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert shown.strip() in done.stdout, command


def test_the_container_is_published_where_its_server_listens() -> None:
    assert f"-p 127.0.0.1:{Binding().port}:{Binding().port}" in GUIDE
    assert Binding().url in GUIDE
    assert f"EXPOSE {Binding().port}" in (ROOT / "Dockerfile").read_text("utf-8")
