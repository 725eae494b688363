"""Whose keys a task runs with."""

import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longcall.environment import fingerprint, matters, read_salt

SALT = b"salt" * 8
KEYS = {"OPENAI_API_KEY": "sk-mock-1", "ANTHROPIC_API_KEY": "sk-ant-mock-1", "HTTPS_PROXY": "http://127.0.0.1:9"}
READS = """
import sys
from pathlib import Path
from longcall.environment import read_salt

print("ready", flush=True)
for line in sys.stdin:
    print(read_salt(Path(line.strip())).hex(), flush=True)
"""
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
ENVIRONS = st.dictionaries(st.sampled_from([*KEYS, "AWS_REGION", "PATH", "LANG"]), VALUES)


def shown(environ: dict[str, str]) -> dict[str, str]:
    """Returns the part of an environment that a provider can notice."""
    return {name: value for name, value in environ.items() if value and name not in ("PATH", "LANG")}


@given(ENVIRONS, ENVIRONS)
def test_fingerprints_are_equal_exactly_when_all_that_matters_is(one: dict[str, str], other: dict[str, str]):
    assert (fingerprint(one, SALT) == fingerprint(other, SALT)) == (shown(one) == shown(other))


@pytest.mark.parametrize("name", sorted(KEYS))
def test_another_value_or_none_is_another_environment(name: str):
    without = {known: value for known, value in KEYS.items() if known != name}
    fingerprints = {fingerprint(environ, SALT) for environ in (KEYS, {**KEYS, name: "other"}, without)}
    assert len(fingerprints) == 3
    assert fingerprint({**KEYS, name: ""}, SALT) == fingerprint(without, SALT)


def test_the_order_of_variables_does_not_matter():
    assert fingerprint(dict(reversed(KEYS.items())), SALT) == fingerprint(KEYS, SALT)


def test_stores_with_other_salts_have_other_fingerprints_of_the_same_keys():
    found = fingerprint(KEYS, SALT)
    assert found != fingerprint(KEYS, SALT[::-1])
    assert len(found) == 16
    assert int(found, 16) >= 0


def test_a_value_that_is_no_text_has_a_fingerprint_too():
    assert fingerprint({"OPENAI_API_KEY": "\udcff"}, SALT) != fingerprint({"OPENAI_API_KEY": "\udcfe"}, SALT)


@pytest.mark.parametrize(
    "name",
    [
        *("OPENAI_API_KEY", "openai_api_key", "FOO_API_KEY", "FOO_BASE_URL", "AWS_PROFILE", "VERTEXAI_LOCATION"),
        *("NO_PROXY", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CLI_PATH"),
        *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME", "LONGCALL_LOG_FORMAT"),
        *("LONGCALL_CLAUDE_CLI", "LONGCALL_CLAUDE_API_KEY", "LONGCALL_MCP_CONFIG", "ANTHROPIC_MODEL"),
    ],
)
def test_variables_of_providers_and_of_the_way_to_them_matter(name: str):
    assert matters(name)


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "LANG", "LONGCALL_HOME", "LONGCALL_MODEL", "TERM"),
        # What Claude Code 2.1.330 tells the servers that it starts: it differs in every session.
        *("CLAUDECODE", "CLAUDE_PROJECT_DIR", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT"),
        *("CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_MESSAGING_SOCKET", "CLAUDE_CODE_MESSAGING_TOKEN"),
        *("CLAUDE_CODE_CHILD_NOTES_DIR", "CLAUDE_CODE_LAUNCHED_BY_SESSION_IDS"),
    ],
)
def test_other_variables_do_not_matter(name: str):
    assert not matters(name)


def test_the_salt_is_made_once_and_for_the_user_alone(tmp_path: Path):
    salt = read_salt(tmp_path)
    assert len(salt) == 32
    assert read_salt(tmp_path) == salt
    assert [file.name for file in tmp_path.iterdir()] == ["salt"]
    assert stat.S_IMODE((tmp_path / "salt").stat().st_mode) == 0o600


def test_two_stores_have_two_salts(tmp_path: Path):
    (tmp_path / "other").mkdir()
    assert read_salt(tmp_path) != read_salt(tmp_path / "other")


def test_processes_that_make_the_salt_at_the_same_instant_agree(tmp_path: Path):
    homes = [tmp_path / str(number) for number in range(25)]
    with ExitStack() as stack:
        command = [sys.executable, "-c", READS]
        processes = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(3)
        ]
        for process in processes:
            stack.callback(process.kill)
        assert [_line(process) for process in processes] == ["ready"] * 3
        for home in homes:
            home.mkdir()
            for process in processes:
                _say(process, str(home))
            assert {_line(process) for process in processes} == {read_salt(home).hex()}
    assert len({read_salt(home) for home in homes}) == 25


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
