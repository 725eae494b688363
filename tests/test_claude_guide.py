"""The guide to Claude's command line says only what is true: its snippets are run here, against the real one."""

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from support.claude import claude_environ, claude_executable
from support.guides import blocks, commands
from support.http_server import HttpServer, proxy_server
from support.mocks import aimock
from support.processes import clean_environ, kill, worker_processes

from longcall.providers.claude_names import LABELS
from longcall_server.proxy.command import PORT

GUIDE = (Path(__file__).parents[1] / "docs" / "claude.md").read_text("utf-8")
TEXT = "Said by Claude."


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    """Returns the environment of somebody who has Claude's command line."""
    folder = tmp_path_factory.mktemp("guide")
    with aimock([{"match": {}, "response": {"content": TEXT}}], folder) as model:
        claude = {"LONGCALL_CLAUDE_CLI": str(claude_executable()), "LONGCALL_CLAUDE_API_KEY": "1"}
        environ = {**clean_environ(folder / "home", **claude), **claude_environ(model.url, folder)}
        yield {**environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"}
        kill(worker_processes(folder / "home"))


@pytest.fixture(scope="module")
def proxy(world: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Generator[HttpServer]:
    with proxy_server(world, tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.mark.parametrize(("line", "shown"), commands("".join(blocks(GUIDE, "console"))))
def test_a_command_works_as_shown(world: dict[str, str], proxy: HttpServer, line: str, shown: str):
    here = line.replace(f"http://127.0.0.1:{PORT}", proxy.root)
    assert (here != line) == line.startswith("curl")
    done = subprocess.run(["bash", "-c", here], env=world, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "error" in done.stdout.lower()) == (0, False), done.stderr
    assert shown.strip() in done.stdout
    if "call" in line.split() or '"messages"' in line:
        assert TEXT in done.stdout


def test_openais_client_is_answered(world: dict[str, str], proxy: HttpServer):
    (example,) = blocks(GUIDE, "python")
    environ = {**world, "PROXY": proxy.url}
    done = subprocess.run(
        [sys.executable, "-c", example], env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, TEXT), done.stderr


def test_the_guide_names_the_command_the_port_and_every_label():
    assert [block.strip() for block in blocks(GUIDE, "bash")] == ["longcall proxy"]
    assert f"port {PORT}" in GUIDE
    assert all(f"`max/{label}`" in GUIDE for label in LABELS)
