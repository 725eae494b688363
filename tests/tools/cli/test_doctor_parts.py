"""Each thing that `longcall doctor` looks at, in the states that it may be found in."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from support.claude import Endpoint, answering, claude_environ, claude_executable, fake_cli
from support.mocks import Mock
from support.processes import kill, until, worker_processes

from longcall.cli.doctor import keys, programs, registrations, sandboxes, server, store, workers
from longcall.cli.doctor.finding import Finding
from longcall.clients.places import User
from longcall.settings import Settings, read_settings
from longcall.tasks import sqlite_file
from longcall.tasks.launch import err_path
from longcall.tasks.lock import is_alive
from longcall.validation.sandbox import choice
from longcall.validation.sandbox.probes import Proof

KEY = "sk-mock-openai-0123456789"


def by_name(found: list[Finding]) -> dict[str, Finding]:
    """Returns findings by what they are of."""
    return {one.what: one for one in found}


def apart(look: Callable[..., list[Finding]], *about: object) -> list[Finding]:
    """Returns what is found in a thread of its own, since what looks runs a loop, and this thread may have one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(look, *about).result()


def run(environ: Mapping[str, str], *words: str) -> None:
    """Runs our command."""
    subprocess.run([sys.executable, "-m", "longcall_server", *words], env=environ, check=True, capture_output=True)


@pytest.mark.parametrize("damage", ["no database", "broken pages"])
def test_a_broken_store_is_told_and_left_as_it_is(home: Path, environ: dict[str, str], damage: str) -> None:
    settings = read_settings(environ)
    assert by_name(apart(store.look, settings, environ))["task store"].told.endswith("sound")
    path = settings.store_path
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    broken = b"no database at all" * 300 if damage == "no database" else whole[:4096] + bytes(len(whole) - 4096)
    path.write_bytes(broken)
    (found,) = apart(store.look, settings, environ)
    assert (found.works, found.is_needed) == (False, True)
    assert "is broken" in found.told
    assert "Nothing was changed" in found.remedy
    assert path.read_bytes() == broken
    assert not [*home.glob("*.corrupt*")]


def test_a_store_of_a_newer_longcall_is_told_with_its_own_remedy(home: Path, environ: dict[str, str]) -> None:
    home.mkdir(exist_ok=True)
    with closing(sqlite3.connect(home / "tasks.sqlite3")) as connection:
        connection.execute("CREATE TABLE tasks (id)")
        connection.execute("PRAGMA user_version = 999")
    (found,) = apart(store.look, read_settings(environ), environ)
    assert "was written by a newer longcall" in found.told
    assert found.remedy == "Upgrade longcall, or set LONGCALL_HOME to another folder."


def test_a_large_store_is_told_in_megabytes(environ: dict[str, str]) -> None:
    settings = read_settings(environ)
    apart(store.look, settings, environ)
    with closing(sqlite3.connect(settings.store_path)) as connection:
        connection.execute("CREATE TABLE padding AS SELECT zeroblob(2000000) AS bytes")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert "0 tasks, 2." in by_name(apart(store.look, settings, environ))["task store"].told
    assert " MB, sound" in by_name(apart(store.look, settings, environ))["task store"].told


@pytest.mark.parametrize("has_bug", [True, False])
def test_an_sqlite_with_the_bug_is_told_and_one_without_it_is_not(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, has_bug: bool
) -> None:
    version = (3, 51, 2) if has_bug else (3, 51, 3)
    monkeypatch.setattr(store, "has_wal_reset_bug", lambda: sqlite_file.has_wal_reset_bug(version))
    found = by_name(apart(store.look, read_settings(environ), environ))["SQLite"]
    assert (found.works, "WAL-reset" in found.told, found.remedy == "") == (not has_bug, has_bug, not has_bug)
    assert not found.is_needed


async def test_a_worker_that_lives_is_told_with_its_log_and_a_dead_one_with_what_it_printed(
    home: Path, environ: dict[str, str]
) -> None:
    settings = read_settings(environ)
    assert workers.look(settings, environ) == []  # there is no store yet
    run(environ, "call", "hello", "-m", "demo/echo")
    (log,) = (home / "workers").glob("*.log")
    assert [one.told for one in workers.look(settings, environ)] == [f"lives, and logs to {log}"]
    printed = err_path(settings, log.stem)
    kill(worker_processes(home))
    # Its lock goes with the last of its threads, a little after it has become a zombie.
    await until(lambda: not is_alive(settings.workers_path, log.stem))
    printed.write_text("")
    assert [one.told for one in workers.look(settings, environ)] == ["none lives now; the next call starts one"]
    printed.write_text("a crash")
    (found,) = workers.look(settings, environ)
    assert (str(printed) in found.told, "a crash" in found.told) == (True, False)


def test_keys_are_told_by_their_names_alone() -> None:
    (found,) = keys.look({"OPENAI_API_KEY": KEY, "GOOGLE_API_KEY": "secret", "XAI_API_KEY": ""})
    assert (found.works, found.told) == (True, "gemini (GOOGLE_API_KEY), openai (OPENAI_API_KEY)")
    (none,) = keys.look({})
    assert (none.works, "OPENAI_API_KEY" in none.remedy) == (False, True)


async def test_every_provider_is_asked_for_its_models_and_nothing_is_spent(openai_mock: Mock) -> None:
    url = openai_mock.url
    environ = {
        "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{url}/v1/", "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url,
        "GEMINI_API_KEY": KEY, "GEMINI_API_BASE": url, "OLLAMA_API_BASE": url, "AWS_PROFILE": "mine",
    }  # fmt: skip
    before = len(openai_mock.journal())
    found = by_name(await keys.look_online(Settings(), environ))
    assert {what: one.works for what, one in found.items()} == {
        "online anthropic": True, "online bedrock": True, "online gemini": False, "online ollama": True,
        "online openai": True,
    }  # fmt: skip
    assert found["online openai"].told.startswith("it lists ")
    assert found["online gemini"].told == "it answered with HTTP 404"
    assert "not asked" in found["online bedrock"].told
    assert [request for request in openai_mock.journal()[before:] if request["method"] != "GET"] == []


async def test_a_provider_that_refuses_or_is_not_there_is_told_without_any_secret() -> None:
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_API_BASE": "http://user:secret@127.0.0.1:9"}
    (gone,) = await keys.look_online(Settings(), environ)
    assert (gone.works, gone.told) == (False, "it could not be reached (ConnectError)")
    assert gone.remedy
    with answering(Endpoint(401, b"{}")) as endpoint:
        (refused,) = await keys.look_online(Settings(), environ | {"OPENAI_API_BASE": endpoint.url})
    assert (refused.works, refused.told) == (False, "it answered with HTTP 401")
    assert "OPENAI_API_KEY" in refused.remedy
    (unusable,) = await keys.look_online(Settings(), environ | {"OPENAI_API_KEY": "no header\n"})
    assert not unusable.works
    assert not any(word in str((gone, refused, unusable)) for word in ("secret", KEY, "no header"))


@pytest.mark.parametrize("api_key", [True, False])
def test_the_real_claude_tells_whether_calls_find_it_logged_in(tmp_path: Path, api_key: bool) -> None:
    path = claude_executable()
    environ = {**claude_environ("http://127.0.0.1:9", tmp_path), "LONGCALL_CLAUDE_CLI": str(path)}
    found = by_name(programs.look(Settings(claude_api_key=api_key), environ))
    assert found["Claude's command line"].told == str(path)
    login = found["Claude's login"]
    if api_key:
        assert (login.works, login.told) == (True, "logged in (api_key)")
    else:  # a key that calls are not given is no login
        assert (login.works, login.told, "claude auth login" in login.remedy) == (False, "not logged in", True)


@pytest.mark.parametrize("said", ["no such command", "[]"])
def test_a_claude_that_cannot_tell_is_told_so(tmp_path: Path, said: str) -> None:
    fake = fake_cli(tmp_path, [f"print({said!r})"], sys.executable)
    login = by_name(programs.look(Settings(), {"LONGCALL_CLAUDE_CLI": str(fake)}))["Claude's login"]
    assert (login.works, "cannot tell" in login.told) == (False, True)


def test_no_claude_is_looked_for_where_a_proxy_answers() -> None:
    found = by_name(programs.look(Settings(claude_proxy_url="http://127.0.0.1:9"), {"PATH": "/nowhere"}))
    assert "not needed" in found["Claude's command line"].told
    assert "Claude's login" not in found
    without = by_name(programs.look(Settings(), {"PATH": "/nowhere"}))["Claude's command line"]
    assert (without.works, "LONGCALL_CLAUDE_CLI" in without.remedy) == (False, True)


def test_the_filesystem_server_is_the_best_that_is_here(tmp_path: Path) -> None:
    environ = {"PATH": f"{tmp_path}{os.pathsep}/nowhere"}
    for name in ("mcp-server-filesystem", "npx", "node"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    installed = by_name(programs.look(Settings(), environ))
    assert installed["filesystem server"].told == str(tmp_path / "mcp-server-filesystem")
    assert installed["node"].told == str(tmp_path / "node")
    (tmp_path / "mcp-server-filesystem").unlink()
    assert "npx fetches" in by_name(programs.look(Settings(), environ))["filesystem server"].told
    (tmp_path / "npx").unlink()
    stand_in = by_name(programs.look(Settings(), environ))["filesystem server"]
    assert (stand_in.told, "Node" in stand_in.remedy) == ("longcall's own stand-in", True)


@pytest.mark.parametrize("holds", [True, False])
def test_what_to_do_for_a_sandbox_is_told_where_none_holds(monkeypatch: pytest.MonkeyPatch, holds: bool) -> None:
    async def proofs() -> list[Proof]:
        return [Proof("bwrap", trusted=False, detail="not found"), Proof("sandlock", trusted=holds, detail="probed")]

    monkeypatch.setattr(choice, "proofs", proofs)
    found = by_name(apart(sandboxes.look))
    assert (found["sandbox bwrap"].works, found["sandbox sandlock"].works) == (False, holds)
    assert ("longcall[check]" in found["sandbox bwrap"].remedy) is not holds


def test_clients_are_told_with_what_is_wrong_in_them(environ: dict[str, str], tmp_path: Path) -> None:
    user, project = tmp_path / "user", tmp_path / "project"
    project.mkdir()
    mine = environ | {"HOME": str(user), "XDG_CONFIG_HOME": "", "CODEX_HOME": ""}
    (none,) = registrations.look(User(user, mine), project)
    assert (none.works, "longcall install" in none.remedy) == (False, True)
    run(mine, "install", "codex")
    ours = {"command": sys.executable, "args": ["-m", "longcall_server"]}
    for path, text in {
        project / ".vscode/mcp.json": json.dumps({"servers": {"longcall": ours}}),
        project / ".mcp.json": '{"mcpServers": {"longcall": {"command": "docker"}}}',
        user / ".claude.json": '{"mcpServers": {"longcall": {"command": "/nowhere/longcall"}}}',
        user / ".cursor/mcp.json": '{"mcpServers": {"longcall": {"url": "http://127.0.0.1:8020/mcp"}}}',
        user / ".gemini/settings.json": '{"mcpServers": {"other": {"command": "docker"}}}',
        user / ".config/Claude/claude_desktop_config.json": '{"mcpServers": ',
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = by_name(registrations.look(User(user, mine, "linux"), project))
    assert {what for what, one in found.items() if one.works} == {"Codex", "VS Code (project)", "Cursor"}
    assert "by a URL" in found["Cursor"].told
    assert "/nowhere/longcall, which is not there" in found["Claude Code"].told
    assert found["Claude Code"].remedy == "`longcall install claude-code` mends it."
    assert "starts something else" in found["Claude Code (project)"].told
    assert "longcall install claude-code --scope project --force" in found["Claude Code (project)"].remedy
    assert "line 1, column 16" in found["Claude Desktop"].told
    assert set(found) == {
        "Codex", "VS Code (project)", "Cursor", "Claude Code", "Claude Code (project)", "Claude Desktop",
    }  # fmt: skip


async def test_a_server_that_never_answers_is_given_up(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mute = (sys.executable, "-c", "import sys; print('still here', file=sys.stderr, flush=True); sys.stdin.read()")

    def command(_environ: Mapping[str, str]) -> tuple[str, ...]:
        return mute

    monkeypatch.setattr(server, "_command", command)
    monkeypatch.setattr(server, "_PATIENCE_S", 2.0)
    (found,) = await server.look(environ)
    assert (found.works, found.is_needed) == (False, True)
    assert found.told.startswith("it did not answer within 2 s")


async def test_a_slow_server_works_and_is_told_to_be_slow(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_SLOW_S", 0.0)
    found = by_name(await server.look(environ))["server"]
    assert (found.works, "slow" in found.remedy) == (True, True)
