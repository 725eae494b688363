"""The documentation can be built, strictly, and asks nothing of other machines."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FETCHED = re.compile(r"""<(?:script|link|img|source)\b[^>]*\b(?:src|href)="(?:https?:)?//|@import|url\(["']?https?:""")
"""What a browser fetches by itself, as against links that somebody follows."""


def build(site: Path, source: Path) -> subprocess.CompletedProcess[str]:
    """Builds the site with the script that everybody uses."""
    environ = {**os.environ, "UV_NO_SYNC": "1"}
    command = [str(ROOT / "scripts" / "docs"), str(site), str(source)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Returns a copy of the documentation, to be spoilt."""
    shutil.copy(ROOT / "CHANGELOG.md", tmp_path)
    return shutil.copytree(ROOT / "docs", tmp_path / "docs")


def test_the_site_is_built_whole_and_fetches_nothing(tmp_path: Path) -> None:
    done = build(tmp_path / "site", ROOT / "docs")
    assert (done.returncode, done.stderr) == (0, "")
    pages = {str(path.relative_to(tmp_path / "site")) for path in (tmp_path / "site").rglob("*.html")}
    assert {
        str(path.relative_to(ROOT / "docs").with_suffix(".html")) for path in (ROOT / "docs").rglob("*.md")
    } <= pages
    for path in (tmp_path / "site").rglob("*"):
        if path.suffix in (".html", ".css"):
            assert FETCHED.search(path.read_text("utf-8")) is None, path
    assert FETCHED.search('<script src="https://example.com/x.js">')


@pytest.mark.parametrize(
    ("page", "text", "complaint"),
    [
        ("files.md", "[there](nowhere.md)", "nowhere.md"),
        ("files.md", "[there](answers.md#nowhere)", "nowhere"),
        ("lonely.md", "# Lonely", "any toctree"),
        ("index.md", "```{toctree}\nnowhere\n```", "nowhere"),
    ],
    ids=["a link to no page", "a link to no heading", "a page that nothing leads to", "a page that is not there"],
)
def test_what_is_wrong_fails_the_build(source: Path, tmp_path: Path, page: str, text: str, complaint: str) -> None:
    with (source / page).open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")
    done = build(tmp_path / "site", source)
    assert done.returncode != 0
    assert complaint in done.stderr
