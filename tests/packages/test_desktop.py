"""The bundle for Claude Desktop: the official tools accept it, and its server starts by its manifest's own command."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from packages.conftest import ROOT, done, offline_uv, run
from support.node import NODE_PARTS, node, node_command
from support.processes import call, error_text

BUILD = ROOT / "scripts" / "build_mcpb.py"
KEY = "sk-mock-openai-0123456789"


def _mcpb(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run(*node_command("@anthropic-ai/mcpb", "dist/cli/cli.js"), *words, cwd=cwd)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the bundle of this checkout."""
    folder = tmp_path_factory.mktemp("bundle")
    path, _ = done(sys.executable, BUILD, folder, cwd=folder).split()
    return Path(path)


@pytest.fixture(scope="module")
def unpacked(bundle: Path) -> Path:
    """Returns the folder into which the official tool has unpacked it, far from the checkout."""
    folder = bundle.with_name("unpacked")
    told = _mcpb("unpack", bundle, folder, cwd=bundle.parent)
    assert told.returncode == 0, told.stdout + told.stderr
    return folder


def _config(folder: Path, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a host makes of the manifest when its user has chosen so."""
    node_command("@anthropic-ai/mcpb", "dist/node.js")
    script = NODE_PARTS.parent / "mcpb_config.mjs"
    asked = json.dumps({"folder": str(folder), "userConfig": dict(chosen)})
    told = subprocess.run([node(), script], input=asked, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(told.stdout)


def _server(config: Mapping[str, Any], environ: Mapping[str, str]) -> StdioServerParameters:
    return StdioServerParameters(
        command=config["command"], args=config["args"], env={**environ, **offline_uv(), **config["env"]}, cwd="/"
    )


async def _told_of_openai(client: Client) -> tuple[str | None, bool]:
    """Returns the default model, and whether there is a key for OpenAI's."""
    told = await call(client, "list_models", query="openai/gpt-4o-mini")
    return told["default"], told["models"][0]["callable"]


def test_the_official_tool_accepts_the_manifest_and_refuses_a_wrong_one(unpacked: Path, tmp_path: Path) -> None:
    good = _mcpb("validate", unpacked, cwd=tmp_path)
    assert good.returncode == 0, good.stdout + good.stderr
    written = json.loads((unpacked / "manifest.json").read_text("utf-8"))
    without_version = {name: value for name, value in written.items() if name != "version"}
    unknown_type = {**written, "server": {**written["server"], "type": "uvx"}}
    for number, wrong in enumerate([without_version, unknown_type, {**written, "commands": []}]):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(wrong))
        assert _mcpb("validate", path, cwd=tmp_path).returncode != 0, number


def test_the_official_tool_packs_the_same_files_again(unpacked: Path, tmp_path: Path) -> None:
    told = _mcpb("pack", unpacked, tmp_path / "again.mcpb", cwd=tmp_path)
    assert told.returncode == 0, told.stdout + told.stderr
    ours = {path.relative_to(unpacked) for path in unpacked.rglob("*.py")} - {Path("launch.py")}
    assert ours == {path.relative_to(ROOT) for name in ("server", "tools") for path in (ROOT / name).rglob("*.py")}


def test_the_same_sources_give_the_same_bundle(bundle: Path, tmp_path: Path) -> None:
    path, sha256 = done(sys.executable, BUILD, tmp_path, cwd=tmp_path).split()
    assert Path(path).read_bytes() == bundle.read_bytes()
    assert len(sha256) == 64


def test_the_keys_are_kept_as_secrets_and_nothing_is_required(unpacked: Path) -> None:
    options = json.loads((unpacked / "manifest.json").read_text("utf-8"))["user_config"]
    assert {name for name, option in options.items() if option.get("sensitive")} == {
        name for name in options if name.endswith("_api_key")
    }
    assert not any(option["required"] for option in options.values())
    filled = _config(unpacked, dict.fromkeys(options, "x"))["env"]
    assert set(filled.values()) == {"x"}


async def test_the_tools_it_tells_of_are_those_it_has(unpacked: Path, environ: dict[str, str]) -> None:
    told = {tool["name"] for tool in json.loads((unpacked / "manifest.json").read_text("utf-8"))["tools"]}
    async with Client(_server(_config(unpacked, {}), environ)) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == told


@pytest.mark.parametrize("left", ["default", "empty", "unfilled"])
async def test_a_user_who_configures_nothing_can_call_and_sees_no_files(
    unpacked: Path, environ: dict[str, str], left: str
) -> None:
    config = _config(unpacked, {})
    if left == "unfilled":
        config["env"] = json.loads((unpacked / "manifest.json").read_text("utf-8"))["server"]["mcp_config"]["env"]
    elif left == "empty":
        config["args"] = ["" if word.startswith("${user_config") else word for word in config["args"]]
    async with Client(_server(config, environ)) as client:
        answer = await call(client, "llm_call", prompt="hello", model="demo/echo")
        nameless = await error_text(client, "llm_call", prompt="hello")
        refused = await error_text(client, "llm_call", prompt="hello", model="demo/echo", files=["pyproject.toml"])
        told = await _told_of_openai(client)
    assert (answer["status"], answer["text"]) == ("completed", "hello")
    assert "LONGCALL_MODEL" in nameless
    assert "user_config" not in nameless
    assert "LONGCALL_ROOTS" in refused
    assert told == (None, False)


async def test_what_a_user_configures_reaches_the_server(
    unpacked: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    first, second, elsewhere = (tmp_path / name for name in ("first", "second", "elsewhere"))
    for folder in (first, second, elsewhere):
        folder.mkdir()
        (folder / f"{folder.name}.txt").write_text(f"the {folder.name} folder")
    gone = str(tmp_path / "gone")
    chosen = {"folders": [gone, str(first), str(second)], "model": "demo/echo", "openai_api_key": KEY}
    async with Client(_server(_config(unpacked, chosen), environ)) as client:
        shown = [
            (await call(client, "llm_call", prompt="read", files=[path]))["text"]
            for path in ("first.txt", str(second / "second.txt"))
        ]
        refused = await error_text(client, "llm_call", prompt="read", files=[str(elsewhere / "elsewhere.txt")])
        told = await _told_of_openai(client)
    assert ["the first folder" in shown[0], "the second folder" in shown[1]] == [True, True]
    assert "elsewhere.txt" in refused
    assert told == ("demo/echo", True)


def test_the_launcher_leaves_other_variables_alone(unpacked: Path, environ: dict[str, str], tmp_path: Path) -> None:
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); import launch; launch.configure(sys.argv[2:]);"
        "print(os.environ.get('A'), os.environ.get('B'), os.environ.get('LONGCALL_ROOTS'), os.getcwd())"
    )
    told = done(
        sys.executable, "-c", program, unpacked, "${user_config.folders}", "", tmp_path,
        cwd=Path("/"), environ=environ, more={"A": "${user_config.a}", "B": "see ${user_config.a}"},
    )  # fmt: skip
    assert told.split() == ["None", "see", "${user_config.a}", str(tmp_path), os.fspath(tmp_path)]
