"""longcall.toml of the user and of a project, under the environment."""

from pathlib import Path

import pytest

from longcall.settings import Caps, ModelSettings, SettingsError, find_settings, operated, read_settings

EVERYTHING = """
model = "fast"
timeout_s = 600
roots = ["/srv/texts"]
fallbacks = ["openai/gpt-5-mini"]

[aliases]
fast = "openai/gpt-5-nano"

[providers.lab]
kind = "openai"
api_base = "http://127.0.0.1:1234/v1/"
api_key_env = "LAB_KEY"

[models."openai/gpt-5"]
timeout_s = 3000
first_byte_s = 60
idle_s = 30
long_running = true
poll_s = 20
fallbacks = ["anthropic/claude-haiku-4-5"]

[limits.openai]
max_in_flight = 8
requests_per_minute = 500
tokens_per_minute = 200000

[prices."lab/qwen"]
input_usd_per_1m = 0
output_usd_per_1m = 0.5
context_window = 32768

[caps]
call_usd = 1
day_usd = 20
"""


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """Returns where the user's file is."""
    return tmp_path / "config" / "longcall.toml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Returns a project folder with a repository around it."""
    (tmp_path / "project" / ".git").mkdir(parents=True)
    (tmp_path / "project" / "inner").mkdir()
    return tmp_path / "project"


def write(path: Path, text: str) -> dict[str, str]:
    """Writes the user's file and returns the environment that names it."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return {"LONGCALL_CONFIG": str(path)}


def test_a_file_can_say_everything(user: Path):
    settings = read_settings(write(user, EVERYTHING))
    assert settings.model == "fast"
    assert settings.roots == (Path("/srv/texts"),)
    assert settings.aliases == {"fast": "openai/gpt-5-nano"}
    assert settings.providers["lab"].api_base == "http://127.0.0.1:1234/v1"
    assert settings.models["openai/gpt-5"] == ModelSettings(
        timeout_s=3000,
        first_byte_s=60,
        idle_s=30,
        long_running=True,
        poll_s=20,
        fallbacks=("anthropic/claude-haiku-4-5",),
    )
    assert settings.limits["openai"].tokens_per_minute == 200_000
    assert settings.prices["lab/qwen"].output_usd_per_1m == 0.5
    assert settings.caps == Caps(call_usd=1, day_usd=20)


def test_the_project_comes_over_the_user_and_the_environment_over_both(user: Path, project: Path):
    environ = write(user, 'model = "a/user"\ntimeout_s = 1\nwait_s = 1\n[aliases]\none = "a/1"\ntwo = "a/2"')
    (project / "longcall.toml").write_text('model = "a/project"\ntimeout_s = 2\n[aliases]\ntwo = "a/3"')
    found = find_settings({**environ, "LONGCALL_MODEL": "a/variable"}, project / "inner")
    settings = found.settings
    assert (settings.model, settings.timeout_s, settings.wait_s) == ("a/variable", 2, 1)
    assert settings.aliases == {"one": "a/1", "two": "a/3"}
    assert found.origins == {
        "model": "LONGCALL_MODEL",
        "timeout_s": str(project / "longcall.toml"),
        "wait_s": str(user),
        "aliases.one": str(user),
        "aliases.two": str(project / "longcall.toml"),
    }


def test_a_file_above_the_repository_is_none_of_the_projects(project: Path):
    (project.parent / "longcall.toml").write_text('model = "a/stranger"')
    assert read_settings({}, project / "inner").model is None


def test_outside_of_a_repository_only_the_folder_itself_counts(tmp_path: Path):
    (tmp_path / "longcall.toml").write_text('model = "a/above"')
    (tmp_path / "inner").mkdir()
    assert read_settings({}, tmp_path / "inner").model is None
    assert read_settings({}, tmp_path).model == "a/above"


@pytest.mark.parametrize(
    "text",
    [
        '[providers.openai]\napi_base = "http://stranger"',
        '[keys]\nopenai = "sk-1"',
        'mcp_config = "/x/.mcp.json"',
        'roots = ["/"]',
        'writable_servers = ["files"]',
        'home = "/x"',
        'claude_proxy_url = "http://stranger"',
        "claude_skip_permissions = true",
        'on_interrupt = "retry"',
        '[prices."a/b"]\ninput_usd_per_1m = 0\noutput_usd_per_1m = 0',
        "[limits.openai]\nmax_in_flight = 1000",
    ],
)
def test_a_project_may_say_no_command_folder_address_or_key(project: Path, text: str):
    (project / "longcall.toml").write_text(text)
    name = text.partition(".")[0].strip("[").partition(" ")[0].partition("]")[0]
    with pytest.raises(
        SettingsError, match=f"`{name}` in .*project.longcall.toml is refused: .*LONGCALL_{name.upper()}"
    ):
        read_settings({}, project)


def test_a_project_can_lower_the_users_caps_and_never_raise_them(user: Path, project: Path):
    environ = write(user, "[caps]\ncall_usd = 1\nday_usd = 20\nunpriced = 'allow'")
    (project / "longcall.toml").write_text(
        "[caps]\ncall_usd = 5\nday_usd = 2\nproject_tokens = 1000\nunpriced = 'allow'"
    )
    assert read_settings(environ, project).caps == Caps(call_usd=1, day_usd=2, project_tokens=1000, unpriced="allow")
    (project / "longcall.toml").write_text("[caps]\nunpriced = 'refuse'")
    assert read_settings(environ, project).caps == Caps(call_usd=1, day_usd=20)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("timout_s = 3", r"`timout_s` in .*longcall.toml is no setting; did you mean `timeout_s`\?"),
        ("[caps]\nday_eur = 3", r"`caps.day_eur` in .* is no setting; did you mean `day_usd`\?"),
        ('[models."a/b"]\ntimeout = 3', r"`models.a/b.timeout` in .* did you mean `timeout_s`\?"),
        ("[nonsense]\nx = 1", r"`nonsense` in .* is no setting. Known here: aliases, "),
        ('timeout_s = "soon"', "`timeout_s` in .* is 'soon', but must be seconds above 0"),
        ("[caps]\ncall_usd = -1", "`caps.call_usd` in .* is -1, but must be US dollars, 0 or more"),
        ("roots = ['here']", '`roots` in .* is \\["here"\\], but must be absolute paths'),
        ("[prices.x]\ninput_usd_per_1m = 1", "`prices.x.output_usd_per_1m` in .*longcall.toml is missing"),
        ("[providers.x]\napi_base = 'http://me:pw@host'", "`providers.x.api_base` in .* must hold no name, password"),
        ("[keys]\nopenai = 3", "`keys.openai` in .* must be a text"),
        ("model = fast", "longcall.toml is no TOML: Invalid value .*line 1"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_place(user: Path, text: str, sentence: str):
    with pytest.raises(SettingsError, match=sentence) as caught:
        read_settings(write(user, text))
    assert "pw" not in str(caught.value)


def test_a_file_that_is_no_text_is_told(user: Path):
    environ = write(user, "")
    user.write_bytes(b"model = '\xff'")
    with pytest.raises(SettingsError, match="cannot be read: it is not UTF-8"):
        read_settings(environ)


def test_a_file_that_is_named_must_be_there(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"LONGCALL_CONFIG is .*, but there is no such file"):
        read_settings({"LONGCALL_CONFIG": str(tmp_path / "none.toml")})


def test_the_users_own_file_may_lie_in_the_project(project: Path):
    environ = write(project / "longcall.toml", 'home = "/elsewhere"')
    assert read_settings(environ, project).home == Path("/elsewhere")


def test_tables_can_come_from_variables(user: Path):
    environ = write(user, "[caps]\nday_usd = 20\ncall_usd = 1")
    environ |= {"LONGCALL_CAPS__DAY_USD": "5", "LONGCALL_ALIASES": '{"fast": "a/b"}'}
    found = find_settings(environ)
    assert found.settings.caps == Caps(day_usd=5, call_usd=1)
    assert found.settings.aliases == {"fast": "a/b"}
    assert found.origins["caps.day_usd"] == "LONGCALL_CAPS__DAY_USD"
    assert found.origins["aliases.fast"] == "LONGCALL_ALIASES"
    with pytest.raises(SettingsError, match="LONGCALL_ALIASES must be a JSON object"):
        read_settings({"LONGCALL_ALIASES": "fast=a/b"})


def test_workers_are_told_apart_by_what_the_users_file_says_to_them(user: Path, project: Path):
    assert operated(read_settings({}), {}) == ""
    environ = write(user, 'model = "a/b"\ntimeout_s = 5')
    assert operated(read_settings(environ), environ) == ""  # of calls, not of workers
    environ = write(user, '[providers.lab]\napi_base = "http://127.0.0.1:1"')
    one = operated(read_settings(environ), environ)
    environ = write(user, '[providers.lab]\napi_base = "http://127.0.0.1:2"')
    other = operated(read_settings(environ), environ)
    assert one
    assert one != other
    (project / "longcall.toml").write_text("timeout_s = 5")
    assert operated(read_settings(environ, project), environ) == other
    variable = {"LONGCALL_MAX_IN_FLIGHT": "3"}
    assert operated(read_settings(variable), variable) == ""  # the variable itself tells them apart
