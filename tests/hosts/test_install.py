"""What `longcall install` writes, as the real Claude Code reads it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.claude import NOWHERE, claude_environ, claude_executable

ROOT = Path(__file__).parents[2]
RUN_S = 120.0


@pytest.fixture
def world(tmp_path: Path, environ: dict[str, str]) -> dict[str, str]:
    """Returns the environment of a user who has Claude Code, and no settings of it yet."""
    ours = {name: value for name, value in environ.items() if name.startswith(("LONGCALL_", "UV_"))}
    (tmp_path / "project").mkdir()
    return {**claude_environ(NOWHERE, tmp_path), **ours}


def claude(world: Mapping[str, str], folder: Path, *words: str) -> str:
    """Returns what Claude Code says."""
    done = subprocess.run(
        [str(claude_executable()), *words], env=world, cwd=folder, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=RUN_S, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def longcall(world: Mapping[str, str], folder: Path, *words: str) -> str:
    """Runs our command and returns what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "longcall_server", *words], env=world, cwd=folder,
        capture_output=True, text=True, timeout=RUN_S, check=True,
    )  # fmt: skip
    return done.stdout


def line_of(told: str) -> str:
    """Returns Claude Code's line about longcall."""
    return next((line for line in told.splitlines() if line.startswith("longcall:")), "")


def test_claude_code_connects_to_what_was_installed_and_forgets_what_was_removed(
    world: dict[str, str], tmp_path: Path
) -> None:
    project = tmp_path / "project"
    claude(world, project, "mcp", "add", "--scope", "user", "other", "--", "/nowhere/other")
    longcall(world, project, "install", "claude-code", "--env", "OPENAI_API_KEY", "--model", "demo/echo")
    told = claude(world, project, "mcp", "list")
    assert "Connected" in line_of(told), told
    assert "/nowhere/other" in told
    entry = claude(world, project, "mcp", "get", "longcall")
    assert "Scope: User config" in entry
    longcall(world, project, "uninstall", "claude-code")
    told = claude(world, project, "mcp", "list")
    assert (line_of(told), "/nowhere/other" in told) == ("", True)


def test_it_is_the_entry_that_claude_code_would_have_written(world: dict[str, str], tmp_path: Path) -> None:
    project, config = tmp_path / "project", tmp_path / "config" / ".claude.json"
    longcall(world, project, "install", "claude-code", "--env", "OPENAI_API_KEY")
    ours = json.loads(config.read_text("utf-8"))["mcpServers"]["longcall"]
    claude(world, project, "mcp", "remove", "--scope", "user", "longcall")
    reference = "OPENAI_API_KEY=${OPENAI_API_KEY:-}"
    claude(world, project, "mcp", "add", "--scope", "user", "longcall", "-e", reference, "--", ours["command"])
    assert json.loads(config.read_text("utf-8"))["mcpServers"]["longcall"] == ours


def test_a_project_is_approved_first_and_then_connects(world: dict[str, str], tmp_path: Path) -> None:
    project = tmp_path / "project"
    longcall(world, project, "install", "claude-code", "--scope", "project")
    assert "approval" in line_of(claude(world, project, "mcp", "list"))
    _approve(world, project)
    assert "Connected" in line_of(claude(world, project, "mcp", "list"))


def test_this_checkouts_own_mcp_json_connects(world: dict[str, str], tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copy(ROOT / ".mcp.json", project)
    # What runs these tests has installed everything; uv must not look for more on the network.
    world |= {"LONGCALL_CHECKOUT": str(ROOT), "UV_NO_SYNC": "1", "UV_OFFLINE": "1"}
    _approve(world, project)
    told = claude(world, project, "mcp", "list")
    assert "Connected" in line_of(told), told


def _approve(world: Mapping[str, str], project: Path) -> None:
    """Does as a user who is asked whether the project's servers may start."""
    settings = project / ".claude"
    settings.mkdir()
    (settings / "settings.local.json").write_text(json.dumps({"enabledMcpjsonServers": ["longcall"]}))
    config = Path(world["CLAUDE_CONFIG_DIR"]) / ".claude.json"
    known: dict[str, Any] = json.loads(config.read_text("utf-8")) if config.exists() else {}
    projects = {**known.get("projects", {}), str(project): {"hasTrustDialogAccepted": True}}
    config.write_text(json.dumps({**known, "projects": projects}))
