"""The command that a client is told: one that is still there tomorrow."""

import json
import os
import shutil
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from longcall.clients import launcher
from longcall.clients.launcher import Launch, is_passing, launch, origin

SCRIPTS = Path(sys.executable).parent


@pytest.fixture(autouse=True)
def _no_passing_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Has temporary files elsewhere, since this checkout may be among them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


@pytest.fixture
def from_git(monkeypatch: pytest.MonkeyPatch) -> str:
    """Has longcall installed from a git URL."""
    url = "git+https://example.com/longcall.git@v1"
    monkeypatch.setattr(launcher, "origin", lambda: url)
    return url


def test_the_installed_command_is_named_by_its_absolute_path() -> None:
    assert launch({"PATH": "/nowhere"}) == Launch(str(SCRIPTS / "longcall"))
    assert shutil.which(launch(os.environ).command) is not None


def test_a_link_to_it_on_the_path_comes_first_and_another_program_of_its_name_does_not(tmp_path: Path) -> None:
    (tmp_path / "longcall").symlink_to(SCRIPTS / "longcall")
    assert launch({"PATH": str(tmp_path)}).command == str(tmp_path / "longcall")
    (tmp_path / "longcall").unlink()
    (tmp_path / "longcall").write_text("#!/bin/sh\n")
    (tmp_path / "longcall").chmod(0o755)
    assert launch({"PATH": str(tmp_path)}).command == str(SCRIPTS / "longcall")


def test_without_the_command_python_runs_the_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def scripts(_name: str) -> str:
        return str(tmp_path)

    monkeypatch.setattr("sysconfig.get_path", scripts)
    assert launch({}) == Launch(sys.executable, ("-m", "longcall_server"))


def test_an_environment_in_a_cache_is_not_named_but_uvx_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, from_git: str
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "temporary" / "env"))
    (tmp_path / "uvx").write_text("#!/bin/sh\n")
    (tmp_path / "uvx").chmod(0o755)
    expected = Launch(str(tmp_path / "uvx"), ("--from", from_git, "longcall"), installs=True)
    assert launch({"UV": str(tmp_path / "uv"), "PATH": "/nowhere"}) == expected
    assert launch({"PATH": str(tmp_path)}) == expected
    assert launch({"PATH": "/nowhere"}).command == "uvx"


def test_only_what_is_below_a_cache_or_temporary_is_passing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/nowhere/tmp")
    environment = tmp_path / "archive" / "env"
    environment.mkdir(parents=True)
    (environment / "CACHEDIR.TAG").write_text("its own")
    assert not is_passing(environment)
    (tmp_path / "CACHEDIR.TAG").write_text("a cache's")
    assert is_passing(environment)
    assert is_passing(Path("/home/ada/.cache/pipx/abc"))
    assert is_passing(Path("/nowhere/tmp/env"))
    assert not is_passing(Path("/home/ada/.local/share/uv/tools/longcall"))


def test_what_is_shared_names_nothing_of_this_machine_where_that_can_be(
    monkeypatch: pytest.MonkeyPatch, from_git: str
) -> None:
    shared = Launch("uvx", ("--from", from_git, "longcall"), installs=True, is_local=False)
    assert launch({"PATH": "/nowhere"}, shared=True) == shared
    monkeypatch.setattr(launcher, "origin", lambda: None)
    assert launch({}, shared=True).args == ("longcall",)
    monkeypatch.setattr(launcher, "origin", lambda: "/work/longcall")
    assert launch({"PATH": "/nowhere"}, shared=True) == Launch(str(SCRIPTS / "longcall"))


@pytest.mark.parametrize(
    ("told", "source"),
    [
        ({"url": "file:///work/my%20longcall", "dir_info": {"editable": True}}, "/work/my longcall"),
        ({"url": "https://example.com/longcall.git", "vcs_info": {"vcs": "git", "commit_id": "a"}},
         "git+https://example.com/longcall.git"),
        ({"url": "https://example.com/x.git", "vcs_info": {"vcs": "git", "requested_revision": "v1", "commit_id": "a"}},
         "git+https://example.com/x.git@v1"),
        ({"url": "https://example.com/longcall.whl", "archive_info": {}}, "https://example.com/longcall.whl"),
        (None, None),
    ],
)  # fmt: skip
def test_where_it_came_from_is_read_from_what_its_installer_wrote(
    monkeypatch: pytest.MonkeyPatch, told: object, source: str | None
) -> None:
    found = distribution("longcall")

    def read_text(_self: object, _name: str) -> str | None:
        return None if told is None else json.dumps(told)

    monkeypatch.setattr(type(found), "read_text", read_text)
    assert origin() == source
