"""Builds the bundle for Claude Desktop: `dist/longcall-VERSION.mcpb`, or in the folder given as the argument.

The same sources give the same bytes, so that a registry's entry can name their hash. Prints the path and the SHA-256.
"""

import hashlib
import json
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SINGLE = ("pyproject.toml", "uv.lock", "README.md", "LICENSE")
FOLDERS = ("server", "tools")
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the bundle; a real one would change its bytes with each checkout."""


def sources() -> Iterator[tuple[str, bytes]]:
    """Yields each file's name in the bundle with what it holds, in a fixed order."""
    yield "launch.py", (ROOT / "desktop" / "launch.py").read_bytes()
    for name in SINGLE:
        yield name, (ROOT / name).read_bytes()
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and not any(
                part.startswith((".", "__pycache__")) for part in path.parts[len(ROOT.parts) :]
            ):
                yield path.relative_to(ROOT).as_posix(), path.read_bytes()


def manifest() -> dict[str, object]:
    """Returns the manifest with what `pyproject.toml` says of version and description."""
    written = json.loads((ROOT / "desktop" / "manifest.json").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {**written, "version": project["version"], "description": project["description"]}


def build(folder: Path) -> Path:
    """Writes the bundle into `folder`, which is made where missing, and returns its path."""
    told = manifest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"longcall-{told['version']}.mcpb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        manifest_bytes = (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()
        for name, held in [("manifest.json", manifest_bytes), *sources()]:
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            bundle.writestr(entry, held)
    return path


def main() -> int:
    """Returns the exit code."""
    path = build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist")
    sys.stdout.write(f"{path}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
