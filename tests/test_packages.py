"""The wheel and the source distribution hold what a user needs, and nothing that is ours alone."""

import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with both packages, built from this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(["uv", "build", "--quiet", "--out-dir", str(folder), str(ROOT)], check=True, timeout=300)
    return folder


def test_the_wheel_holds_code_and_sql_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0].split("-")[0] for name in names} == {"longcall", "longcall_server"}
    sources = {str(path.relative_to(ROOT / "tools")) for path in (ROOT / "tools").rglob("*.sql")}
    assert sources
    assert sources <= set(names)
    assert "longcall/py.typed" in names


def test_the_source_distribution_holds_what_the_wheel_is_built_from(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        names = {name.split("/", 1)[1] for name in packed.getnames() if "/" in name}

    assert {"README.md", "LICENSE", "pyproject.toml", "server/longcall_server/app.py"} <= names
    assert not any(name.startswith((".ci", "benchmarks", "tests/node/node_modules")) for name in names)
