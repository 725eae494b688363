"""The README says only what is true: its snippets are run here."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from support.guides import blocks, commands
from support.processes import call

from longcall_server.binding import Binding

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def run(command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end and returns what it said."""
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)


def test_the_python_example_prints_the_answers(environ: dict[str, str]) -> None:
    (example,) = blocks(README, "python")

    done = run([sys.executable, "-c", example], environ)

    assert done.returncode == 0, done.stderr
    first, story = done.stdout.splitlines()
    assert first == "completed Say hello"
    assert story.endswith("this last one.")


def test_the_console_commands_work_as_shown(environ: dict[str, str]) -> None:
    (console,) = blocks(README, "console")
    assert commands(console)

    for line, shown in commands(console):
        _, *words = shlex.split(line)
        done = run([sys.executable, "-m", "longcall_server", *words], environ)
        assert done.returncode == 0, (words, done.stderr)
        assert shown.strip() in done.stdout


def test_the_host_snippets_name_our_command() -> None:
    (desktop,) = (json.loads(block)["mcpServers"]["longcall"] for block in blocks(README, "json"))
    (codex,) = (tomllib.loads(block)["mcp_servers"]["longcall"] for block in blocks(README, "toml"))

    for entry in (desktop, codex):
        assert [entry["command"], *entry["args"]] == ["uvx", "--from", "FROM", "longcall"]
    assert "-- uvx --from FROM longcall" in README


def test_the_http_snippet_names_where_the_server_listens_by_default() -> None:
    (snippet,) = blocks(README, "bash")
    serve, attach = snippet.splitlines()
    assert serve == "longcall serve --http"
    assert attach == f"claude mcp add --transport http longcall {Binding().url}"


TABLES = {"aliases", "models", "providers", "limits", "prices", "caps", "keys"}
"""Settings that are tables; docs/settings.md tells of them."""


def test_every_setting_is_in_the_table_with_its_default() -> None:
    from longcall.settings import Settings  # noqa: PLC0415  # only here

    shown = dict(re.findall(r"^\| `(LONGCALL_\w+)` \| .* \| (.*) \|$", README, re.MULTILINE))

    assert set(shown) == {f"LONGCALL_{name.upper()}" for name in set(Settings.model_fields) - TABLES}
    for name in ("promote_s", "timeout_s", "max_in_flight", "attempts", "worker_idle_s", "inline_chars", "keep_days"):
        assert float(shown[f"LONGCALL_{name.upper()}"]) == getattr(Settings(), name)


@pytest.mark.parametrize("script", ["scripts/test", ".ci/run"])
def test_the_scripts_are_sound_and_may_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(ROOT / script)], check=False).returncode == 0


async def test_this_checkout_attaches_itself_by_its_mcp_json(environ: dict[str, str]) -> None:
    entry = json.loads((ROOT / ".mcp.json").read_text("utf-8"))["mcpServers"]["longcall"]
    fill = re.compile(r"\$\{(\w+):-([^}]*)\}")

    def expand(text: str) -> str:
        return fill.sub(lambda found: os.environ.get(found[1]) or found[2], text)

    server = StdioServerParameters(
        command=entry["command"],
        args=[expand(argument) for argument in entry["args"]],
        # What runs these tests has installed everything; uv must not look for more on the network.
        env={**environ, "UV_NO_SYNC": "1", **{name: expand(value) for name, value in entry["env"].items()}},
        cwd=ROOT,
    )
    async with Client(server) as client:
        answer = await call(client, "llm_call", prompt="hello", model="demo/echo")

    assert answer["text"] == "hello"
