"""The documentation can be built, strictly, and asks nothing of other machines."""

import re
import shutil
import subprocess
from pathlib import Path

from support.processes import untraced

ROOT = Path(__file__).parents[1]
FETCHED = re.compile(r"""<(?:script|link|img|source)\b[^>]*\b(?:src|href)="(?:https?:)?//|@import|url\(["']?https?:""")
"""What a browser fetches by itself, as against links that somebody follows."""


def build(site: Path, source: Path) -> subprocess.CompletedProcess[str]:
    """Builds the site with the script that everybody uses."""
    environ = {**untraced(), "UV_NO_SYNC": "1"}
    command = [str(ROOT / "scripts" / "docs"), str(site), str(source)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300, check=False)


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


WRONG = {
    "[there](nowhere.md)": "nowhere.md",
    "[there](answers.md#no-heading)": "no-heading",
    "```{toctree}\nno-page\n```": "no-page",
}
"""What a page may hold that is wrong, and what the complaint of it names."""


def test_what_is_wrong_fails_the_build(tmp_path: Path) -> None:
    shutil.copy(ROOT / "CHANGELOG.md", tmp_path)
    source = shutil.copytree(ROOT / "docs", tmp_path / "docs")
    with (source / "files.md").open("a", encoding="utf-8") as file:
        file.write("".join(f"\n{text}\n" for text in WRONG))
    (source / "lonely.md").write_text("# Lonely\n")
    done = build(tmp_path / "site", source)
    assert done.returncode != 0
    for name in (*WRONG.values(), "lonely.md"):
        assert name in done.stderr
    assert "any toctree" in done.stderr
    assert len(done.stderr.splitlines()) >= len(WRONG) + 1
