"""Keys in the user's file and in the system's keyring."""

import sys
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from longcall.settings import Settings, SettingsError, read_settings, with_keys


class Drawer(KeyringBackend):
    """A keyring in memory."""

    priority = 1  # pyright: ignore[reportAssignmentType]  # keyring declares it as a property of the class

    def __init__(self, passwords: dict[tuple[str, str], str], *, locked: bool = False) -> None:
        super().__init__()
        self.passwords = passwords
        self.locked = locked

    def get_password(self, service: str, username: str) -> str | None:
        """Returns what lies there."""
        if self.locked:
            raise KeyringLocked("it is locked")
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Puts it there."""
        self.passwords[service, username] = password


def settings_with(tmp_path: Path, keys: str) -> Settings:
    path = tmp_path / "longcall.toml"
    path.write_text(f"[keys]\n{keys}")
    return read_settings({"LONGCALL_CONFIG": str(path)})


def test_keys_of_the_file_become_the_providers_variables(tmp_path: Path):
    settings = settings_with(tmp_path, 'openai = "sk-file"\nHF_TOKEN = "hf-file"\ntogether-ai = "t"')
    assert with_keys(settings, {"A": "b"}) == {
        "A": "b",
        "OPENAI_API_KEY": "sk-file",
        "HF_TOKEN": "hf-file",
        "TOGETHER_AI_API_KEY": "t",
    }


def test_the_environment_comes_over_the_file(tmp_path: Path):
    settings = settings_with(tmp_path, 'openai = "sk-file"')
    assert with_keys(settings, {"OPENAI_API_KEY": "sk-env"})["OPENAI_API_KEY"] == "sk-env"
    assert with_keys(settings, {"OPENAI_API_KEY": ""})["OPENAI_API_KEY"] == "sk-file"


def test_no_key_shows_in_what_prints_settings(tmp_path: Path):
    settings = settings_with(tmp_path, 'openai = "sk-file"')
    assert "sk-file" not in repr(settings) + settings.model_dump_json()


def test_the_keyring_is_asked_for_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = settings_with(tmp_path, 'openai = "keyring"')
    monkeypatch.setattr(keyring, "get_password", Drawer({("longcall", "OPENAI_API_KEY"): "sk-ring"}).get_password)
    assert with_keys(settings, {}) == {"OPENAI_API_KEY": "sk-ring"}
    assert with_keys(settings, {"OPENAI_API_KEY": "sk-env"}) == {"OPENAI_API_KEY": "sk-env"}


@pytest.mark.parametrize(
    ("drawer", "sentence"),
    [
        (Drawer({}), "holds no key OPENAI_API_KEY: store it with `keyring set longcall OPENAI_API_KEY`"),
        (Drawer({}, locked=True), "OPENAI_API_KEY cannot be read from the keyring: it is locked"),
    ],
)
def test_a_keyring_without_the_key_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawer: Drawer, sentence: str
):
    monkeypatch.setattr(keyring, "get_password", drawer.get_password)
    with pytest.raises(SettingsError, match=sentence):
        with_keys(settings_with(tmp_path, 'openai = "keyring"'), {})


def test_a_missing_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SettingsError, match=r"install longcall\[keyring\], or set the variable"):
        with_keys(settings_with(tmp_path, 'openai = "keyring"'), {})
