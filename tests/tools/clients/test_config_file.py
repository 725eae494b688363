"""A config file is replaced whole, with its mode and its link, or not at all."""

import stat
from pathlib import Path

import pytest

from longcall.clients.config_file import read
from longcall.clients.formats import ConfigError


def mode(path: Path) -> int:
    """Returns the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_the_old_file_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("old")
    path.chmod(0o640)
    backup = read(path).replace("new", private=True)
    assert backup is not None
    assert (path.read_text(), backup.read_text()) == ("new", "old")
    assert (mode(path), mode(backup)) == (0o640, 0o640)
    assert {found.name for found in tmp_path.iterdir()} == {"config.json", backup.name}
    assert backup.name.startswith("config.json.2")


def test_a_new_file_is_its_users_alone_or_a_projects(tmp_path: Path) -> None:
    ours, shared = tmp_path / "a" / "b" / "config.json", tmp_path / "project.json"
    assert read(ours).replace("{}", private=True) is None
    assert read(shared).replace("{}", private=False) is None
    assert mode(ours) == 0o600
    assert mode(shared) & 0o600 == 0o600


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real, link = tmp_path / "dotfiles" / "real.json", tmp_path / "link.json"
    link.symlink_to(real)
    read(link).replace("first", private=True)
    read(link).replace("second", private=True)
    assert link.is_symlink()
    assert real.read_text() == "second"
    assert [found.name for found in tmp_path.iterdir() if found.suffix == ".bak"] == []


def test_a_file_that_another_program_changed_meanwhile_is_left_so(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("old")
    file = read(path)
    path.write_text("changed by its client")
    with pytest.raises(ConfigError, match="changed by another program meanwhile"):
        file.replace("new", private=True)
    assert path.read_text() == "changed by its client"
    assert [*tmp_path.iterdir()] == [path]


def test_one_that_came_into_being_meanwhile_is_left_so(tmp_path: Path) -> None:
    file = read(tmp_path / "config.json")
    file.path.write_text("by its client")
    with pytest.raises(ConfigError, match="meanwhile"):
        file.replace("new", private=True)
    assert file.path.read_text() == "by its client"


def test_the_mark_at_its_beginning_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"\xef\xbb\xbf{}")
    file = read(path)
    assert file.text == "{}"
    file.replace('{"a": 1}', private=True)
    assert path.read_bytes() == b'\xef\xbb\xbf{"a": 1}'


def test_what_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    folder, blocked = tmp_path / "folder", tmp_path / "blocked"
    folder.mkdir()
    with pytest.raises(ConfigError, match=r"folder cannot be read: "):
        read(folder)
    (tmp_path / "latin").write_bytes(b"\xe4")
    with pytest.raises(ConfigError, match=r"no text in UTF-8 \(byte 0\)"):
        _ = read(tmp_path / "latin").text
    file = read(blocked / "config.json")
    blocked.write_text("a file, where a folder is needed")
    with pytest.raises(ConfigError, match=r"cannot be written: .* left as it is"):
        file.replace("{}", private=True)
