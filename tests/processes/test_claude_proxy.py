"""Claude behind the proxy: through its real command line, and through a proxy elsewhere."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from support.claude import claude_environ, claude_executable, filesystem_server, processes_in
from support.http_server import HttpServer, proxy_server
from support.mocks import Mock, aimock
from support.processes import PATIENCE_S, attached, call, clean_environ, kill, rows, until, worker_processes

from longcall.tokens import TokenFile

TEXT = "Said by Claude."
SLOW = {"match": {"userMessage": "slow"}, "response": {"content": "word " * 20_000}, "latency": 50, "chunkSize": 20}
READ = {"id": "read-1", "name": "mcp__files__read_text_file"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with one file that the server `files` may read."""
    path = tmp_path_factory.mktemp("claude")
    (path / "files").mkdir()
    (path / "files" / "note.txt").write_text("what is noted")
    return path


@pytest.fixture(scope="module")
def mock(folder: Path) -> Generator[Mock]:
    read = {**READ, "arguments": json.dumps({"path": str(folder / "files" / "note.txt")})}
    fixtures: list[dict[str, Any]] = [
        {"match": {"toolCallId": "read-1"}, "response": {"content": "It was read."}},
        {"match": {"userMessage": "read the note"}, "response": {"toolCalls": [read]}},
        SLOW,
        {"match": {"userMessage": "as JSON"}, "response": {"content": '{"name": "Ada"}'}},
        {"match": {}, "response": {"content": TEXT}},
    ]
    with aimock(fixtures, folder) as mock:
        yield mock


@pytest.fixture(scope="module")
def proxy(folder: Path, mock: Mock) -> Generator[HttpServer]:
    """Returns a proxy whose operator has a Claude of his own, a server, and a token for others."""
    home, world = folder / "home", folder / "world"
    world.mkdir()
    config = folder / "servers.json"
    config.write_text(json.dumps({"mcpServers": {"files": filesystem_server(folder / "files")}}))
    environ = clean_environ(
        home,
        LONGCALL_CLAUDE_CLI=str(claude_executable()),
        LONGCALL_CLAUDE_API_KEY="1",
        LONGCALL_MCP_CONFIG=str(config),
    )
    with proxy_server({**environ, **claude_environ(mock.url, world)}, folder / "served") as server:
        yield server
    kill(worker_processes(home))


@contextmanager
def elsewhere(folder: Path, url: str, **more: str) -> Generator[dict[str, str]]:
    """Yields the environment of a longcall without a Claude of its own, that asks the proxy at `url`."""
    home = folder / "elsewhere"
    yield clean_environ(home, LONGCALL_CLAUDE_PROXY_URL=url, **more)
    kill(worker_processes(home))


def post(proxy: HttpServer, prompt: str, **body: Any) -> httpx.Response:
    asked = {"model": "max/text-general", "messages": [{"role": "user", "content": prompt}], **body}
    return httpx.post(f"{proxy.url}/chat/completions", json=asked, timeout=PATIENCE_S)


def state_there(folder: Path, prompt: str) -> str | None:
    found = rows(folder / "home", "SELECT state FROM tasks WHERE head = ?", prompt)
    return found[-1]["state"] if found else None


def test_max_text_general_is_answered_by_the_real_command_line(proxy: HttpServer, mock: Mock):
    with openai.OpenAI(base_url=proxy.url, api_key="any", timeout=PATIENCE_S) as client:
        listed = [model.id for model in client.models.list()]
        assert listed[0].startswith("max/")
        assert {"max/opus", "max/text-general", "max/code-expert"} <= set(listed)
        said: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}]
        answer = client.chat.completions.create(model="max/text-general", messages=said)
        assert answer.choices[0].message.content == TEXT
        assert answer.model.startswith("claude-")
        assert any("Be brief." in str(entry["body"]) for entry in mock.journal())
        chunks = client.chat.completions.create(model="max/text-general", messages=said, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT


@pytest.mark.parametrize("named", [["files"], {"mcpServers": {"files": {}}}])
def test_servers_are_chosen_by_name(proxy: HttpServer, named: Any):
    answer = post(proxy, "read the note", mcp_config=named, fresh=True)
    assert answer.json()["choices"][0]["message"]["content"] == "It was read."
    refused = post(proxy, "read the note", mcp_config=["secrets"])
    assert (refused.status_code, "'files'" in refused.json()["error"]["message"]) == (400, True)
    assert post(proxy, "read the note", mcp_config=named, model="demo/echo").status_code == 400


async def test_max_is_asked_at_a_proxy_elsewhere(proxy: HttpServer, folder: Path, tmp_path: Path):
    with elsewhere(tmp_path, proxy.root) as environ:
        async with attached(environ) as client:
            told = await call(client, "llm_call", model="max/sonnet", prompt="from elsewhere", system="Be brief.")
            assert (told["status"], told["text"], told["attempts"]) == ("completed", TEXT, 1)
            assert told["model"].startswith("claude-")
            read = await call(client, "llm_call", model="max/sonnet", prompt="read the note", servers=["files"])
            assert read["text"] == "It was read."
            schema = {"required": ["name"]}
            person = await call(client, "llm_call", model="max/", prompt="Ada as JSON", response_schema=schema)
            assert json.loads(person["text"]) == {"name": "Ada"}
            listed: Any = await call(client, "list_models", query="max/sonnet")
            assert listed["models"][0]["callable"]
    assert state_there(folder, "from elsewhere") == "completed"


async def test_a_cancel_reaches_the_command_line_behind_the_other_proxy(
    proxy: HttpServer, folder: Path, tmp_path: Path
):
    with elsewhere(tmp_path, proxy.root + "/v1") as environ:
        async with attached(environ) as client:
            begun = await call(client, "start_task", model="max/opus", prompt="slow and stopped")
            await until(lambda: state_there(folder, "slow and stopped") == "running")
            await until(lambda: processes_in(folder / "world" / "tmp"))
            assert (await call(client, "cancel_task", task_id=begun["task_id"]))["status"] == "cancelled"
    await until(lambda: state_there(folder, "slow and stopped") == "cancelled")
    await until(lambda: not processes_in(folder / "world" / "tmp"))


@pytest.mark.parametrize(("given", "code"), [(True, None), (False, "no_access")])
async def test_the_token_for_the_other_proxy_is_sent(folder: Path, tmp_path: Path, given: bool, code: str | None):
    home = tmp_path / "home"
    token = TokenFile(home).add("guest")
    variables: Mapping[str, str] = {"LONGCALL_CLAUDE_PROXY_TOKEN": token} if given else {}
    with (
        proxy_server(clean_environ(home), tmp_path / "guarded", "--require-token") as guarded,
        elsewhere(tmp_path, guarded.root, **variables) as environ,
    ):
        async with attached(environ) as client:
            result = await client.call_tool("llm_call", {"model": "max/sonnet", "prompt": "who am I"})
            told: Any = result.structured_content
    kill(worker_processes(home))
    # The guarded proxy has no Claude: whoever is let in is told so.
    assert told["error"]["code"] == (code or "not_installed")
    assert token not in str(result)


async def test_a_proxy_that_asks_itself_says_so(tmp_path: Path):
    home = tmp_path / "home"
    with proxy_server(clean_environ(home), tmp_path / "first") as first:
        environ = clean_environ(home, LONGCALL_CLAUDE_PROXY_URL=first.root)
        with proxy_server(environ, tmp_path / "second") as second, elsewhere(tmp_path, second.root) as far:
            async with attached(far) as client:
                result = await client.call_tool("llm_call", {"model": "max/sonnet", "prompt": "round"})
                told: Any = result.structured_content
    kill(worker_processes(home))
    assert told["error"]["code"] == "rejected"
    assert "LONGCALL_CLAUDE_PROXY_URL" in told["error"]["message"]
