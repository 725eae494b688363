"""What may be read at all."""

import os
from pathlib import Path

import pytest
from tools.files.conftest import SECRETS

from longcall.errors import CallError
from longcall.files.roots import Roots, usable
from longcall.files.secrets import secret_part


@pytest.mark.parametrize("given", ["README.md", "./src/../README.md", "inner.txt"])
def test_a_file_below_the_root_is_found_where_it_really_is(roots: Roots, project: Path, given: str) -> None:
    assert roots.resolve(given) == project / "README.md"
    assert roots.resolve(str(project / given)) == project / "README.md"
    with roots.open(roots.resolve(given)) as file:
        assert file.read() == b"# Hello\n"


@pytest.mark.parametrize("given", [
    "../outside.txt", "src/../../outside.txt", "link.txt", "linked/outside.txt", "linked", "/etc/passwd", "/", "..",
    "~", "/proc/self/environ", "../project-two/x", "//etc/passwd", "../missing",
])  # fmt: skip
def test_nothing_outside_the_root_is_found(roots: Roots, project: Path, given: str) -> None:
    (project.parent / "project-two").mkdir()
    (project.parent / "project-two" / "x").write_text("a name that begins like the root's")
    with pytest.raises(CallError, match="outside the folders"):
        roots.resolve(given)
    with pytest.raises(CallError, match="outside the folders"):
        roots.resolve(given, must_exist=False)


def test_the_whole_machine_as_a_root_leaves_out_what_is_no_file() -> None:
    roots = Roots.of(["/"])
    for path in ("/proc/self/environ", "/dev/null", "/sys/kernel"):
        with pytest.raises(CallError, match="outside the folders"):
            roots.resolve(path)


@pytest.mark.parametrize("name", [*SECRETS, ".ENV", "ID_RSA", "Server.PEM", ".git/config", ".ssh/config", ".env. "])
def test_secrets_are_refused_by_name_in_any_case(roots: Roots, project: Path, name: str) -> None:
    path = project / "src" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("SECRET")
    with pytest.raises(CallError, match="hold secrets"):
        roots.resolve(f"src/{name}")


def test_a_link_with_a_harmless_name_to_a_secret_is_refused(roots: Roots) -> None:
    with pytest.raises(CallError, match="hold secrets"):
        roots.resolve("innocent.txt")


@pytest.mark.parametrize("name", [
    ".env.example", "id_rsa.pub", "credentials.py", "environment.py", "keys.md", ".gitignore", "monkey", "history.md",
])  # fmt: skip
def test_what_only_looks_like_a_secret_is_taken(name: str) -> None:
    assert secret_part(Path(name)) is None


def test_no_root_is_told() -> None:
    with pytest.raises(CallError, match="LONGCALL_ROOTS"):
        Roots.of(["/nowhere/at/all"]).resolve("x")


def test_a_missing_file_is_told_and_nul_is_no_path(roots: Roots) -> None:
    with pytest.raises(CallError, match="there is no such file; relative paths begin at "):
        roots.resolve("missing.py")
    with pytest.raises(CallError, match="NUL"):
        roots.resolve("a\0b")


def test_a_pipe_is_no_plain_file_and_does_not_block(roots: Roots, project: Path) -> None:
    os.mkfifo(project / "pipe")
    with pytest.raises(CallError, match="no plain file"):
        roots.open(roots.resolve("pipe"))


def test_a_file_that_becomes_a_link_after_it_was_found_is_not_opened(roots: Roots, project: Path) -> None:
    found = roots.resolve("README.md")
    found.unlink()
    found.symlink_to(project.parent / "outside.txt")
    with pytest.raises(CallError):
        roots.open(found)


def test_a_folder_that_becomes_a_link_after_it_was_found_is_not_read(roots: Roots, project: Path) -> None:
    found = roots.resolve("src/deep/c.txt")
    elsewhere = project.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "c.txt").write_text("OUTSIDE")
    (project / "src" / "deep").rename(project / "src" / "moved")
    (project / "src" / "deep").symlink_to(elsewhere)
    with pytest.raises(CallError, match="outside"):
        roots.open(found)


def test_neither_the_whole_machine_nor_the_home_is_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "project").mkdir()
    assert usable(tmp_path / "project")
    assert not usable(tmp_path)
    assert not usable(Path("/"))
    assert not usable(tmp_path / "missing")
