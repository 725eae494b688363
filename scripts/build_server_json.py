"""Builds the entry for the MCP registry: `server.json`, completed with a bundle that was published somewhere.

Usage: build_server_json.py NAME BUNDLE URL OUT. NAME is what the registry shall call it, like io.github.someone/name,
BUNDLE is the .mcpb file, URL where it can be fetched, and OUT the file to write. The hash is that of BUNDLE.
"""

import hashlib
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

WRITTEN = Path(__file__).resolve().parents[1] / "server.json"


def variables(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the variables that the bundle's server reads, as the registry wants them told."""
    told: list[dict[str, Any]] = []
    for name, filled in manifest["server"]["mcp_config"]["env"].items():
        option = manifest["user_config"][filled.removeprefix("${user_config.").removesuffix("}")]
        told.append({
            "name": name,
            "description": option["description"],
            "isRequired": option["required"],
            "isSecret": option.get("sensitive", False),
        })  # fmt: skip
    return told


def entry(name: str, bundle: Path, url: str) -> dict[str, Any]:
    """Returns the whole entry."""
    with zipfile.ZipFile(bundle) as packed:
        manifest = json.loads(packed.read("manifest.json"))
    package = {
        "registryType": "mcpb",
        "identifier": url,
        "fileSha256": hashlib.sha256(bundle.read_bytes()).hexdigest(),
        "transport": {"type": "stdio"},
        "environmentVariables": variables(manifest),
    }
    written = json.loads(WRITTEN.read_text("utf-8"))
    return {**written, "name": name, "version": manifest["version"], "packages": [package]}


def main() -> int:
    """Returns the exit code."""
    if len(sys.argv) != 5:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    _, name, bundle, url, out = sys.argv
    told = json.dumps(entry(name, Path(bundle), url), indent=2, ensure_ascii=False)
    Path(out).write_text(f"{told}\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
