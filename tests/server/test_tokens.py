"""Tokens: how they are kept, and whom they let in over HTTP."""

import json
import signal
import subprocess
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import psutil
import pytest
from support.http_server import HELLO, HttpServer, command, http_client, http_server, post
from support.processes import PATIENCE_S, call, error_text, worker_processes

from longcall.errors import CallError
from longcall.tokens import TokenFile, TokenFileError

OPERATOR = "the-operators-own-token"


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    """Returns the tokens of a new store."""
    return TokenFile(tmp_path / "home")


@pytest.fixture(scope="module")
def guarded(store: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Generator[HttpServer]:
    """Returns a server that asks for a token on loopback too; the operator has one."""
    environ = {**store, "LONGCALL_HTTP_TOKEN": OPERATOR}
    with http_server(environ, tmp_path_factory.mktemp("guarded"), "--require-token") as server:
        yield server


@pytest.fixture(scope="module")
def tokens(store: dict[str, str]) -> TokenFile:
    """Returns the tokens of the shared store."""
    return TokenFile(Path(store["LONGCALL_HOME"]))


def longcall(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), env=environ, capture_output=True, text=True, timeout=60, check=False)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_token_is_known_until_it_is_removed(file: TokenFile) -> None:
    first, second = file.add("first"), file.add("second")
    assert (file.owner(first), file.owner(second)) == ("first", "second")
    file.remove("first")
    assert (file.owner(first), file.owner(second)) == (None, "second")


@pytest.mark.parametrize("presented", ["", "x", "longcall_", "ÄÖÜ", "\udcff"])
def test_what_is_no_token_has_no_owner(file: TokenFile, presented: str) -> None:
    token = file.add("somebody")
    assert file.owner(presented) is None
    assert file.owner(token + presented) == ("somebody" if not presented else None)


def test_no_file_keeps_a_token_and_only_its_user_reads_it(file: TokenFile, tmp_path: Path) -> None:
    token = file.add("somebody")
    assert len(token) > 40
    kept = tmp_path / "home" / "tokens.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    assert all(token not in path.read_text("utf-8") for path in (tmp_path / "home").iterdir())
    assert not list((tmp_path / "home").glob(".tokens-*"))


@pytest.mark.parametrize("name", ["", "two words", "../up", "ä", "x" * 65, "operator", "-x", "a\n"])
def test_what_is_no_name_is_refused(file: TokenFile, name: str) -> None:
    with pytest.raises(CallError):
        file.add(name)
    assert file.tokens() == []


def test_a_name_is_taken_once_and_free_again_after_its_removal(file: TokenFile) -> None:
    old = file.add("somebody")
    with pytest.raises(CallError, match="already"):
        file.add("somebody")
    file.remove("somebody")
    with pytest.raises(CallError, match="no token named 'somebody'"):
        file.remove("somebody")
    assert file.add("somebody") != old
    assert file.owner(old) is None


def test_tokens_that_are_made_at_once_are_all_kept(tmp_path: Path) -> None:
    names = [f"agent-{number}" for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(TokenFile(tmp_path).add, names))
    assert [TokenFile(tmp_path).owner(token) for token in made] == names


@pytest.mark.parametrize("text", ["", "{", "[]", '{"tokens": [{}]}', '{"tokens": 1}', "\xff"])
def test_a_broken_file_lets_nobody_in_and_is_a_sentence(file: TokenFile, tmp_path: Path, text: str) -> None:
    token = file.add("somebody")
    (tmp_path / "home" / "tokens.json").write_text(text, "latin-1")
    for _ in range(2):
        with pytest.raises(TokenFileError, match=r"tokens\.json is broken"):
            file.owner(token)
        with pytest.raises(TokenFileError, match=r"tokens\.json is broken"):
            file.add("another")


def test_the_command_line_makes_lists_and_removes_tokens(environ: dict[str, str]) -> None:
    made = longcall(environ, "token", "add", "somebody")
    token = made.stdout.strip()
    assert (made.returncode, TokenFile(Path(environ["LONGCALL_HOME"])).owner(token)) == (0, "somebody")
    assert token not in made.stderr
    assert longcall(environ, "token", "list").stdout.startswith("somebody\t20")
    assert json.loads(longcall(environ, "token", "list", "--json").stdout)[0]["name"] == "somebody"
    again = longcall(environ, "token", "add", "somebody")
    assert (again.returncode, again.stdout, again.stderr.count("\n")) == (2, "", 1)
    assert longcall(environ, "token", "remove", "somebody").returncode == 0
    gone = longcall(environ, "token", "remove", "somebody")
    assert (gone.returncode, gone.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("value", ["short", "tokén tokén tokén tokén"])
def test_an_operators_token_that_cannot_be_is_a_sentence_without_it(environ: dict[str, str], value: str) -> None:
    ended = longcall({**environ, "LONGCALL_HTTP_TOKEN": value}, "serve", "--http", "--port", "0")
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert "at least 16 characters" in ended.stderr
    assert value not in ended.stderr


def test_without_a_token_nobody_comes_in(guarded: HttpServer) -> None:
    answer = post(guarded.url)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="longcall"')
    assert answer.json()["error"]["message"].count(". ") == 0
    assert post(guarded.url, bearer(OPERATOR)).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer wrong", f"Bearer {OPERATOR}x", f"Bearer {OPERATOR[:-1]}", "Bearer", OPERATOR,
        f"Basic {OPERATOR}", f"Bearer {OPERATOR} {OPERATOR}", f"Bearer,{OPERATOR}",
    ],
)  # fmt: skip
def test_a_wrong_or_malformed_header_is_refused(guarded: HttpServer, header: str) -> None:
    answer = post(guarded.url, {"authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="longcall", error="invalid_')


def test_two_headers_are_refused_even_if_one_is_right(guarded: HttpServer) -> None:
    headers = [("authorization", f"Bearer {token}") for token in (OPERATOR, "wrong")]
    assert httpx2.post(guarded.url, headers=headers).status_code == 401


@pytest.mark.parametrize("path", ["/mcp/", "/mcp%0A", "//mcp", "/", "/health/", "/MCP"])
def test_no_spelling_of_the_path_goes_around_the_token(guarded: HttpServer, path: str) -> None:
    assert post(guarded.root + path).status_code == 401


def test_health_and_the_search_for_an_authorization_server_need_no_token(guarded: HttpServer) -> None:
    assert httpx2.get(f"{guarded.root}/health").status_code == 200
    assert httpx2.get(f"{guarded.root}/.well-known/oauth-protected-resource").status_code == 404


def test_a_token_works_as_soon_as_it_is_made_and_no_longer_than_it_lasts(
    guarded: HttpServer, tokens: TokenFile
) -> None:
    token = tokens.add("guest")
    assert post(guarded.url, bearer(token)).status_code == 200
    assert post(guarded.url, {"authorization": f"bearer  {token}"}).status_code == 200
    tokens.remove("guest")
    assert post(guarded.url, bearer(token)).status_code == 401


def test_the_first_server_that_needs_a_token_makes_one_and_shows_it_once(
    environ: dict[str, str], tmp_path: Path
) -> None:
    home = Path(environ["LONGCALL_HOME"])
    with http_server(environ, tmp_path / "first", "--require-token") as server:
        token = server.token()
        assert "Authorization: Bearer TOKEN" in server.said.read_text("utf-8")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(PATIENCE_S) == 0
    with http_server(environ, tmp_path / "second", "--require-token") as server:
        assert "shown this once" not in server.said.read_text("utf-8")
        assert [kept.name for kept in TokenFile(home).tokens()] == ["default"]
        assert post(server.url, bearer(token)).status_code == 200
        (home / "tokens.json").write_text("{")
        refused = post(server.url, bearer(token))
        assert refused.status_code == 503
        assert str(home) not in refused.text


async def test_every_token_sees_its_own_tasks_alone(guarded: HttpServer, tokens: TokenFile) -> None:
    ours, theirs = tokens.add("ours"), tokens.add("theirs")
    async with http_client(guarded.url, ours) as we, http_client(guarded.url, theirs, mode="legacy") as they:
        begun = await call(we, "llm_call", prompt="ours alone", model="demo/echo", idempotency_key="same")
        assert (await call(we, "poll_task", task_id=begun["task_id"]))["text"] == "ours alone"
        for tool in ("poll_task", "cancel_task"):
            # Told apart from a task that never was, by nothing.
            sentences = [await error_text(they, tool, task_id=task_id) for task_id in (begun["task_id"], "0" * 32)]
            assert "No task has the id" in sentences[0]
            assert sentences[0].replace(begun["task_id"], "0" * 32) == sentences[1]
        other = await call(they, "llm_call", prompt="ours alone", model="demo/echo", idempotency_key="same")
        assert other["task_id"] != begun["task_id"]
        listed = [{task["task_id"] for task in (await call(who, "poll_task"))["tasks"]} for who in (we, they)]
    assert [begun["task_id"] in listed[0], begun["task_id"] in listed[1]] == [True, False]
    assert [other["task_id"] in listed[0], other["task_id"] in listed[1]] == [False, True]


def test_a_session_belongs_to_the_token_that_opened_it(guarded: HttpServer, tokens: TokenFile) -> None:
    token = tokens.add("opener")
    headers = {"accept": "application/json, text/event-stream"}
    opened = httpx2.post(guarded.url, json=HELLO, headers={**headers, **bearer(token)})
    session = {**headers, "mcp-session-id": opened.headers["mcp-session-id"]}
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    assert httpx2.post(guarded.url, json=ping, headers={**session, **bearer(token)}).status_code == 200
    assert httpx2.post(guarded.url, json=ping, headers={**session, **bearer(OPERATOR)}).status_code == 404


async def test_the_operators_token_is_not_handed_to_the_worker(environ: dict[str, str], tmp_path: Path) -> None:
    guarded_environ = {**environ, "LONGCALL_HTTP_TOKEN": OPERATOR}
    with http_server(guarded_environ, tmp_path / "served", "--require-token") as server:
        async with http_client(server.url, OPERATOR) as client:
            await call(client, "llm_call", prompt="x", model="demo/echo")
        (worker,) = worker_processes(Path(environ["LONGCALL_HOME"]))
        assert psutil.Process(server.process.pid).environ()["LONGCALL_HTTP_TOKEN"] == OPERATOR
        assert OPERATOR not in worker.environ().values()
        assert OPERATOR not in server.said.read_text("utf-8")
