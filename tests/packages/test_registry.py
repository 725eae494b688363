"""The entry for the MCP registry: the released schema and the registry's rules accept it, and it says what is true."""

import hashlib
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from packages.conftest import ROOT, done, run

NAME = "io.github.someone/longcall"
URL = "https://github.com/someone/longcall/releases/download/v0.1.0/longcall-0.1.0.mcpb"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a bundle to point at."""
    folder = tmp_path_factory.mktemp("registry")
    path, _ = done(sys.executable, ROOT / "scripts" / "build_mcpb.py", folder, cwd=folder).split()
    return Path(path)


@pytest.fixture
def entry(bundle: Path, tmp_path: Path) -> dict[str, Any]:
    """Returns the entry for that bundle."""
    out = tmp_path / "entry.json"
    done(sys.executable, ROOT / "scripts" / "build_server_json.py", NAME, bundle, URL, out, cwd=tmp_path)
    return json.loads(out.read_text("utf-8"))


def _problems(entry: dict[str, Any], folder: Path) -> list[str]:
    """Returns what the released schema and the registry's rules beyond it say against an entry."""
    package = "skillsaw.schemas.mcp_registry.v2025_12_11"
    schema = json.loads(files(package).joinpath("server.schema.json").read_text("utf-8"))
    assert schema["$id"] == entry["$schema"]
    found = [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(entry)]
    place = folder / "linted"
    place.mkdir(exist_ok=True)
    (place / "server.json").write_text(json.dumps(entry))
    rules = ("--rule", "mcp-registry-server-json-valid", "--rule", "mcp-registry-version-semver")
    lint = (Path(sys.executable).with_name("skillsaw"), "lint", "--no-custom-rules", "--no-plugins", "--strict")
    told = run(*lint, *rules, "--type", "mcp-registry", place, cwd=folder)
    return found + ([told.stdout] if told.returncode else [])


def test_what_is_written_today_is_valid_and_promises_no_package(tmp_path: Path) -> None:
    written = json.loads((ROOT / "server.json").read_text("utf-8"))
    assert _problems(written, tmp_path) == []
    assert not {"packages", "remotes", "repository", "websiteUrl"} & set(written)


def test_completed_it_names_the_bundle_by_its_hash(entry: dict[str, Any], bundle: Path, tmp_path: Path) -> None:
    assert _problems(entry, tmp_path) == []
    (package,) = entry["packages"]
    assert (package["registryType"], package["identifier"]) == ("mcpb", URL)
    assert package["fileSha256"] == hashlib.sha256(bundle.read_bytes()).hexdigest()
    secrets = {variable["name"] for variable in package["environmentVariables"] if variable["isSecret"]}
    assert secrets == {"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY"}
    assert entry["name"] == NAME


@pytest.mark.parametrize(
    "wrong",
    [
        {"description": "long " * 30},
        {"name": "longcall"},
        {"version": "^0.1.0"},
        {"packages": [{"registryType": "pypi"}]},
    ],
)
def test_a_wrong_entry_is_refused(entry: dict[str, Any], wrong: dict[str, Any], tmp_path: Path) -> None:
    assert _problems({**entry, **wrong}, tmp_path)


def test_without_its_arguments_the_builder_says_what_it_takes(tmp_path: Path) -> None:
    told = run(sys.executable, ROOT / "scripts" / "build_server_json.py", NAME, cwd=tmp_path)
    assert told.returncode == 2
    assert "NAME BUNDLE URL OUT" in told.stderr
