"""What `files` leads to, and how a model is shown it."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.files.conftest import PNG, SECRETS, git_ignores

from longcall.errors import CallError
from longcall.files import finding, gathering, reading
from longcall.files.asked import Lines, split
from longcall.files.finding import find
from longcall.files.gathering import gather
from longcall.files.quoting import quoted
from longcall.files.roots import Roots


def names(roots: Roots, *entries: str) -> list[str]:
    """Returns the files that entries lead to."""
    return [roots.shown(found.path) for found in find(entries, roots)[0]]


@pytest.mark.parametrize(("entry", "found"), [
    ("src/a.py", ["src/a.py"]),
    ("src/*.py", ["src/a.py"]),
    ("src/**/*.py", ["src/a.py", "src/deep/b.py"]),
    ("**/*.py", ["src/a.py", "src/deep/b.py"]),
    ("src/deep", ["src/deep/b.py", "src/deep/c.txt"]),
    ("src/deep/", ["src/deep/b.py", "src/deep/c.txt"]),
    ("src/deep/?.[!t]*", ["src/deep/b.py"]),
    ("src/*.log", ["src/kept.log"]),
    ("src/noise.log", ["src/noise.log"]),
    ("data/[1].txt", ["data/[1].txt"]),
    ("a:10-20", ["a:10-20"]),
    ("build/out.py", ["build/out.py"]),
])  # fmt: skip
def test_an_entry_leads_to_its_files(roots: Roots, project: Path, entry: str, found: list[str]) -> None:
    assert names(roots, entry) == found
    assert sorted(names(roots, str(project / entry))) == sorted(found)


def test_a_file_named_twice_is_shown_once_in_the_order_of_the_entries(roots: Roots) -> None:
    assert names(roots, "src/deep/c.txt", "src/deep", "README.md") == ["src/deep/c.txt", "src/deep/b.py", "README.md"]


def test_what_a_folder_holds_is_what_git_would_take(roots: Roots, project: Path) -> None:
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    every = [path for path in project.rglob("*") if path.is_file() and not path.is_symlink()]
    shown = [path.relative_to(project).as_posix() for path in every if ".git" not in path.parts]
    taken = {name for name in shown if not git_ignores(project, name) and not name.startswith("node_modules")}
    secrets = {f"src/{name}" for name in SECRETS}
    assert set(names(roots, ".")) == taken - secrets
    assert {"src/kept.log"} <= taken
    assert "build/out.py" not in taken


def test_secrets_and_links_in_a_folder_are_passed_over_and_told(roots: Roots) -> None:
    found, skipped = find(["."], roots)
    assert {f"src/{name}" for name in SECRETS} <= {one.path for one in skipped}
    assert {"link.txt", "innocent.txt"} <= {one.path for one in skipped}
    gathered = gather(["."], roots)
    assert "SECRET" not in gathered.text
    assert "OUTSIDE" not in gathered.text
    assert "program" in {one.path for one in gathered.skipped}
    assert len(gathered.shown) == len(found) - 1


@pytest.mark.parametrize("entry", ["../*.txt", "/etc/*", "linked/*.txt", "../**", "linked/../../*"])
def test_a_pattern_reaches_nothing_outside(roots: Roots, entry: str) -> None:
    with pytest.raises(CallError, match="outside the folders"):
        gather([entry], roots)


@pytest.mark.parametrize("entry", ["*.nothing", "build", "build/*", "src/.env*", "node_modules"])
def test_a_pattern_that_leads_to_nothing_is_an_error(roots: Roots, entry: str) -> None:
    if entry == "node_modules":
        assert names(roots, entry) == ["node_modules/x/index.py"]  # named itself
        return
    with pytest.raises(CallError, match="no file that can be shown"):
        gather([entry], roots)


def test_a_pattern_that_backtracks_for_ever_elsewhere_ends_here(roots: Roots, project: Path) -> None:
    (project / ("a" * 250)).write_text("x")
    with pytest.raises(CallError, match="no file"):
        gather(["*a" * 60 + "*b"], roots)


@pytest.mark.parametrize(("lines", "first", "last", "told"), [
    ("10-12", 10, 12, "10-12 of 100"), ("99-", 99, 100, "99-100 of 100"), ("7", 7, 7, "7-7 of 100"),
    ("-3", 98, 100, "98-100 of 100"), ("90-5000", 90, 100, "90-100 of 100"),
])  # fmt: skip
def test_lines_of_a_file(roots: Roots, lines: str, first: int, last: int, told: str) -> None:
    [shown] = gather([f"src/a.py:{lines}"], roots).shown
    text = "".join(f"line {number}\n" for number in range(first, last + 1))
    assert shown.block == f'File "src/a.py" lines {told}:\n```\n{text}```\n'
    assert shown.lines == told


@pytest.mark.parametrize("entry", ["src/a.py:0-3", "src/a.py:9-3", "src/a.py:-0", "src/a.py:101-110", "src:1-2"])
def test_lines_that_cannot_be_are_told(roots: Roots, entry: str) -> None:
    with pytest.raises(CallError, match="lines"):
        gather([entry], roots)


def test_a_path_without_lines_is_a_path() -> None:
    assert split("C:/x/y.py") == ("C:/x/y.py", None)
    assert split("y.py:3-4") == ("y.py", Lines(3, 4))


@given(text=st.text(st.sampled_from('`~a\n"\\ <>/:é'), max_size=60), path=st.text(max_size=20))
def test_no_text_closes_its_block(text: str, path: str) -> None:
    head, fence, *body, end, rest = quoted(path, None, text).split("\n")
    assert head.startswith('File "')
    assert (rest, end) == ("", fence)
    assert set(fence) == {"`"}
    assert "\n".join(body) == text.removesuffix("\n")
    assert not any(line.strip().startswith(fence) for line in body)


def test_the_same_files_make_the_same_text(roots: Roots) -> None:
    assert gather(["src"], roots).text == gather(["src"], roots).text


def test_binary_files_are_refused_and_other_encodings_understood(roots: Roots, project: Path) -> None:
    with pytest.raises(CallError, match="binary"):
        gather(["program"], roots)
    (project / "wide.txt").write_bytes("Grüße".encode("utf-16"))
    (project / "marked.txt").write_bytes("Grüße".encode("utf-8-sig"))
    assert gather(["wide.txt", "marked.txt"], roots).text.count("\nGrüße\n") == 2


def test_images_and_pdfs_are_parts(roots: Roots) -> None:
    picture, paper = gather(["picture.png", "paper.pdf"], roots).shown
    assert picture.part is not None
    assert picture.part["image_url"]["url"].startswith("data:image/png;base64,")
    assert (picture.kind, picture.bytes) == ("image/png", len(PNG))
    assert paper.part is not None
    assert paper.part["file"]["filename"] == "paper.pdf"
    assert paper.tokens == 2 * 2_000


def test_an_image_has_no_lines_and_a_limit(roots: Roots, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGE_IMAGE_BYTES", 1_000)
    (project / "most.png").write_bytes(PNG.ljust(1_000, b"\0"))
    (project / "more.png").write_bytes(PNG.ljust(1_001, b"\0"))
    assert gather(["most.png"], roots).shown
    with pytest.raises(CallError, match="1,000"):
        gather(["more.png"], roots)
    with pytest.raises(CallError, match="no lines"):
        gather(["picture.png:1-2"], roots)


def test_what_is_too_much_is_told(roots: Roots, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "TEXT_BYTES", 10)
    monkeypatch.setattr(reading, "PDF_BYTES", 10)
    with pytest.raises(CallError, match="MB"):
        gather(["src/a.py"], roots)
    monkeypatch.undo()
    monkeypatch.setattr(gathering, "MOST_BYTES", 100)
    with pytest.raises(CallError, match=r"together.*a\.py"):
        gather(["src/deep/b.py", "src/a.py"], roots)
    monkeypatch.setattr(finding, "MOST_FILES", 2)
    with pytest.raises(CallError, match="more than 2 files"):
        gather(["src/**"], roots)
    monkeypatch.setattr(finding, "_MOST_LOOKED_AT", 2)
    with pytest.raises(CallError, match="smaller folder"):
        gather(["src/**/zzz"], roots)


def test_an_empty_entry_is_told(roots: Roots) -> None:
    with pytest.raises(CallError, match="empty"):
        gather([" "], roots)
