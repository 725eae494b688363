"""What is read from the environment."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from longcall import SettingsError
from longcall.settings import Settings, read_settings

LISTS = {"roots", "writable_servers", "fallbacks"}
TABLES = {"aliases", "models", "providers", "limits", "prices", "caps", "keys"}


def test_without_variables_the_defaults_hold():
    assert read_settings({}) == Settings()
    assert Settings().home.is_absolute()


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("LONGCALL_HOME", "/somewhere", Path("/somewhere")),
        ("LONGCALL_MODEL", " demo/echo ", "demo/echo"),
        ("LONGCALL_MAX_IN_FLIGHT", "3", 3),
        ("LONGCALL_WORKER_IDLE_S", "0.5", 0.5),
        ("LONGCALL_WAIT_S", "20", 20.0),
        ("LONGCALL_TIMEOUT_S", "1e3", 1000.0),
        ("LONGCALL_INLINE_CHARS", "100", 100),
        ("LONGCALL_ATTEMPTS", "1", 1),
        ("LONGCALL_ON_INTERRUPT", "Retry", "retry"),
        ("LONGCALL_KEEP_DAYS", "0.5", 0.5),
        ("LONGCALL_MCP_CONFIG", "/somewhere/.mcp.json", Path("/somewhere/.mcp.json")),
        ("LONGCALL_ROOTS", f"/a/b{os.pathsep} /c {os.pathsep}", (Path("/a/b"), Path("/c"))),
        ("LONGCALL_WRITABLE_SERVERS", "files, web,", ("files", "web")),
        ("LONGCALL_CLAUDE_AT_ONCE", "3", 3),
        ("LONGCALL_CLAUDE_API_KEY", "Yes", True),
        ("LONGCALL_CLAUDE_SKIP_PERMISSIONS", "1", True),
        ("LONGCALL_LOG_FORMAT", "JSON", "json"),
        ("LONGCALL_CLAUDE_PROXY_URL", "http://127.0.0.1:3010", "http://127.0.0.1:3010"),
        ("LONGCALL_CLAUDE_PROXY_URL", "https://claude.example.com/sub/v1/", "https://claude.example.com/sub"),
    ],
)
def test_each_variable_sets_its_field_alone(variable: str, text: str, value: object):
    field = variable.removeprefix("LONGCALL_").lower()
    assert read_settings({variable: text}).model_dump() == {**Settings().model_dump(), field: value}


def test_every_field_can_be_set():
    words = {"home": "/h", "model": "m", "on_interrupt": "retry", "mcp_config": "/m", "claude_labels": "/l"}
    words |= {"claude_api_key": "True", "claude_skip_permissions": "True", "claude_proxy_url": "http://p"}
    words |= {"log_format": "json"}
    given = words | dict.fromkeys(set(Settings.model_fields) - set(words) - LISTS - TABLES, "7")
    settings = read_settings({f"LONGCALL_{name.upper()}": text for name, text in given.items()})
    assert {
        name: str(value).removesuffix(".0") for name, value in settings.model_dump(exclude=LISTS | TABLES).items()
    } == given


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_an_empty_variable_counts_as_unset(text: str):
    assert read_settings({f"LONGCALL_{name.upper()}": text for name in Settings.model_fields}) == Settings()


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "-inf", "1e999", "nonsense", "1,5", "0x10", "9" * 5_000])
@pytest.mark.parametrize(
    "name", ["MAX_IN_FLIGHT", "WORKER_IDLE_S", "WAIT_S", "TIMEOUT_S", "INLINE_CHARS", "ATTEMPTS", "KEEP_DAYS"]
)
def test_a_figure_that_cannot_be_used_is_named(name: str, text: str):
    with pytest.raises(SettingsError, match=f"LONGCALL_{name} is '.*', but must be .* above 0"):
        read_settings({f"LONGCALL_{name}": text})


@pytest.mark.parametrize("name", ["MAX_IN_FLIGHT", "INLINE_CHARS", "ATTEMPTS"])
def test_a_count_must_be_whole(name: str):
    with pytest.raises(SettingsError, match="a whole number"):
        read_settings({f"LONGCALL_{name}": "1.5"})


@pytest.mark.parametrize("url", ["proxy:3010", "ftp://proxy", "http://", "http://me:secret@proxy", "http://proxy?a=b"])
def test_a_proxy_must_be_a_url_without_a_secret_in_it(url: str):
    with pytest.raises(SettingsError, match="LONGCALL_CLAUDE_PROXY_URL") as caught:
        read_settings({"LONGCALL_CLAUDE_PROXY_URL": url})
    assert "secret" not in str(caught.value)


def test_what_an_interruption_leads_to_must_be_one_of_two_words():
    with pytest.raises(SettingsError, match="LONGCALL_ON_INTERRUPT is 'again', but must be report or retry"):
        read_settings({"LONGCALL_ON_INTERRUPT": "again"})


def test_a_home_is_absolute_wherever_it_is_given_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/users/ann")
    assert read_settings({"LONGCALL_HOME": "deep/er"}).home == tmp_path / "deep" / "er"
    assert read_settings({"LONGCALL_HOME": "~/calls"}).home == Path("/users/ann/calls")


def test_the_home_of_an_unknown_user_cannot_be_used():
    with pytest.raises(SettingsError, match="LONGCALL_HOME"):
        read_settings({"LONGCALL_HOME": "~nobody-of-that-name/calls"})


def test_the_parts_of_a_home_stand_below_it():
    settings = Settings(home=Path("/h"))
    parts = [settings.store_path, settings.results_path, settings.workers_path, settings.unsaved_path]
    assert {part.parent for part in parts} == {Path("/h")}
    assert len(set(parts)) == 4


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().model = "other"


@pytest.mark.parametrize("text", ["servers.json", "./.mcp.json", "~nobody-of-that-name/.mcp.json"])
def test_a_path_that_means_another_file_elsewhere_is_refused(text: str):
    with pytest.raises(SettingsError, match=r"must be the absolute path of a \.mcp\.json"):
        read_settings({"LONGCALL_MCP_CONFIG": text})


@pytest.mark.parametrize("text", ["0", "off", "No", "FALSE"])
def test_a_switch_can_be_off(text: str):
    assert read_settings({"LONGCALL_CLAUDE_API_KEY": text}) == Settings()


def test_a_switch_is_on_or_off():
    with pytest.raises(SettingsError, match="LONGCALL_CLAUDE_API_KEY is 'maybe', but must be 1 or 0"):
        read_settings({"LONGCALL_CLAUDE_API_KEY": "maybe"})
