"""The wheel and the source distribution hold what a user needs, and nothing that is ours alone."""

import re
import tarfile
import zipfile
from pathlib import Path

from packages.conftest import ROOT, done, offline_uv

OURS_ALONE = re.compile(r"(^|/)(tests|benchmarks|scripts|\.ci|plugin|desktop|node_modules|__pycache__|uv\.lock)(/|$)")
HANDED_ON = ("*.sql", "*.json", "*.mjs", "py.typed")
"""What the code reads or hands on besides itself."""


def _sources(*patterns: str) -> set[str]:
    roots = (ROOT / "tools", ROOT / "server")
    return {str(path.relative_to(root)) for root in roots for pattern in patterns for path in root.rglob(pattern)}


def _packed(archive: Path) -> set[str]:
    with tarfile.open(archive) as packed:
        return {name.split("/", 1)[1] for name in packed.getnames() if "/" in name}


def test_the_wheel_holds_the_code_and_what_it_reads_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert names == _sources("*.py", *HANDED_ON)
    assert {"longcall/py.typed", "longcall/tasks/queries.sql", "longcall/validation/rules.json"} <= names
    assert "longcall/validation/inside/reporter.mjs" in names


def test_the_wheel_says_its_licence_and_its_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        told = {Path(name).name: packed.read(name).decode() for name in packed.namelist() if ".dist-info/" in name}

    assert told["LICENSE"] == (ROOT / "LICENSE").read_text("utf-8")
    assert "License-Expression: MIT" in told["METADATA"]
    assert "longcall = longcall_server.__main__:main" in told["entry_points.txt"]


def test_the_source_distribution_holds_what_the_wheel_is_built_from_and_the_guides(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    names = _packed(archive)

    assert {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "docs/packages.md"} <= names
    assert {f"server/{name}" for name in _sources("*.py") if name.startswith("longcall_server/")} <= names
    assert not {name for name in names if OURS_ALONE.search(name)}


def test_the_search_for_what_is_ours_alone_would_find_it() -> None:
    ours = [path.relative_to(ROOT).as_posix() for path in (Path(__file__), ROOT / ".ci" / "run", ROOT / "uv.lock")]

    assert all(OURS_ALONE.search(name) for name in ours)
    assert not OURS_ALONE.search("tools/longcall/tasks/migrations/001_tasks.sql")


def test_a_wheel_straight_from_the_checkout_is_the_same(wheel: Path, tmp_path: Path) -> None:
    done("uv", "build", "--quiet", "--wheel", "--out-dir", tmp_path, ROOT, cwd=tmp_path, more=offline_uv())
    (straight,) = tmp_path.glob("*.whl")

    assert straight.read_bytes() == wheel.read_bytes()
