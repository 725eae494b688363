"""Any text can be asked and read: huge, empty, foreign or broken."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support.mocks import Mock
from support.processes import attached, call, error_text, rows, shown, structured
from support.wire import wired

HOST_LIMIT_CHARS = 50_000
"""Claude Code moves a longer result out of the conversation."""


async def test_an_answer_of_half_a_million_characters_goes_to_a_file_and_can_be_paged(one_client: Client) -> None:
    text = "".join(f"{number:06}, " for number in range(62_500))
    reply = await one_client.call_tool("llm_call", {"prompt": text, "model": "demo/echo"})
    result = structured(reply)
    _assert_private_file(Path(result["path"]), text)
    assert (result["status"], result["total_chars"]) == ("completed", len(text))
    assert text.startswith(result["text"])
    assert result["path"] in result["next"]
    assert len(shown(reply)) < HOST_LIMIT_CHARS
    assert await _pages(one_client, result["task_id"]) == text


def _assert_private_file(path: Path, text: str) -> None:
    assert path.read_text("utf-8") == text
    assert path.stat().st_mode & 0o077 == 0


async def _pages(client: Client, task_id: str) -> str:
    pages: list[str] = []
    more = True
    while more:
        offset = sum(map(len, pages))
        reply = await client.call_tool("poll_task", {"task_id": task_id, "offset": offset, "limit": 100_000})
        assert len(shown(reply)) < HOST_LIMIT_CHARS
        page = structured(reply)
        pages.append(page["text"])
        more = page.get("next") is not None
    return "".join(pages)


async def test_whoever_polls_is_told_of_a_long_answer_as_whoever_waited(one_client: Client) -> None:
    text = "long " * 10_000
    waited = await call(one_client, "llm_call", prompt=text, model="demo/echo", fresh=True)
    polled = await call(one_client, "poll_task", task_id=waited["task_id"])
    assert polled == waited
    _assert_private_file(Path(polled["path"]), text)
    read_on = await call(one_client, "poll_task", task_id=waited["task_id"], offset=len(polled["text"]))
    assert "path" not in read_on
    assert text[len(polled["text"]) :].startswith(read_on["text"])


async def test_beyond_ascii_a_text_counts_its_bytes_as_models_do(one_client: Client) -> None:
    fits, too_long = "東京都" * 4_400, "東京都" * 4_500
    assert (await call(one_client, "llm_call", prompt=fits, model="demo/echo"))["text"] == fits
    result = await call(one_client, "llm_call", prompt=too_long, model="demo/echo")
    _assert_private_file(Path(result["path"]), too_long)
    assert await _pages(one_client, result["task_id"]) == too_long


async def test_an_answer_that_fits_has_no_file(one_client: Client) -> None:
    text = "x" * 39_000
    result = await call(one_client, "llm_call", prompt=text, model="demo/echo")
    assert (result["text"], result.get("path"), result.get("total_chars")) == (text, None, None)


async def test_a_prompt_of_two_megabytes_reaches_the_model_whole(store: dict[str, str], one_client: Client) -> None:
    prompt = "0123456789abcde\n" * 131_072
    result = await call(one_client, "llm_call", prompt=prompt, model="demo/echo")
    assert (result["status"], result["total_chars"]) == ("completed", len(prompt))
    _assert_private_file(Path(result["path"]), prompt)
    home = Path(store["LONGCALL_HOME"])
    assert len(rows(home, "SELECT head FROM tasks WHERE id = ?", result["task_id"])[0]["head"]) <= 100


@pytest.mark.parametrize("text", ["\x1b[31mred\x07\x7f\x01", "\ufeffa\u2028b\u202e\ufffe", "👩‍👩‍👧\r\n\t ẞ"])
async def test_odd_characters_come_back_as_they_went(one_client: Client, text: str) -> None:
    result = await call(one_client, "llm_call", prompt=text, model="demo/echo")
    assert result["text"] == text
    assert (await call(one_client, "poll_task", task_id=result["task_id"]))["text"] == text


async def test_lines_that_are_no_json_rpc_do_not_end_the_server(store: dict[str, str]) -> None:
    asked = b'{"jsonrpc": "2.0", "id": 900, "method": "tools/call", "params": {"name": "llm_call", "arguments": %s}}'
    half_a_character = asked % b'{"prompt": "\\ud83d", "model": "demo/echo"}'
    async with wired(store) as front:
        for junk in (b"\xff\xfe\x00binary", b"{", b"[]", b"", b'{"jsonrpc": "2.0", "id": 1}', half_a_character):
            await front.send_line(junk)
        assert (await front.result("llm_call", prompt="still here", model="demo/echo"))["text"] == "still here"


@pytest.mark.parametrize(("arguments", "said"), [
    ({"prompt": ""}, "nothing to ask"),
    ({"prompt": " \n\t"}, "nothing to ask"),
    ({}, "nothing to ask"),
    ({"messages": []}, "nothing to ask"),
    ({"prompt": "x", "messages": [{"role": "user", "content": "y"}]}, "not both"),
    ({"messages": [{"role": "robot", "content": "y"}]}, "`messages.0.role`"),
    ({"messages": [{"content": "y"}]}, "`messages.0.role`"),
    ({"messages": [{"role": "user"}]}, "`messages.0.content`"),
    ({"messages": [{"role": "system", "content": "y"}]}, "end `messages` with a user"),
    ({"prompt": "x", "temperature": 2.5}, "`temperature`"),
    ({"prompt": "x", "max_tokens": 0}, "`max_tokens`"),
    ({"prompt": "x", "timeout_s": 0}, "`timeout_s`"),
])  # fmt: skip
async def test_what_cannot_be_asked_is_refused_in_one_sentence_and_leaves_no_task(
    store: dict[str, str], one_client: Client, arguments: dict[str, Any], said: str
) -> None:
    home = Path(store["LONGCALL_HOME"])
    await call(one_client, "poll_task")
    before = rows(home, "SELECT count(*) AS n FROM tasks")
    for tool in ("llm_call", "start_task"):
        text = await error_text(one_client, tool, model="demo/echo", **arguments)
        assert said in text
        assert "\n" not in text
    assert rows(home, "SELECT count(*) AS n FROM tasks") == before


async def test_messages_are_asked_as_a_conversation(one_client: Client) -> None:
    turns = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "ok"},
        {"role": "user", "content": [{"type": "text", "text": "second"}]},
    ]
    assert (await call(one_client, "llm_call", messages=turns, model="demo/echo"))["text"] == "second"


@pytest.mark.parametrize("tool", ["poll_task", "cancel_task"])
@pytest.mark.parametrize("task_id", ["nothing", "0" * 32, "'; DROP TABLE tasks; --", "%", "\x00"])
async def test_an_unknown_id_is_a_sentence_that_says_where_to_look(one_client: Client, tool: str, task_id: str) -> None:
    assert "Call poll_task without an id" in await error_text(one_client, tool, task_id=task_id)


async def test_without_a_model_and_a_default_the_answer_names_both_ways(one_client: Client) -> None:
    text = await error_text(one_client, "llm_call", prompt="x")
    assert "`model`" in text
    assert "LONGCALL_MODEL" in text


async def test_the_configured_default_is_asked_when_no_model_is_named(store: dict[str, str]) -> None:
    async with attached(store | {"LONGCALL_MODEL": "demo/echo"}) as front:
        result = await call(front, "llm_call", prompt="x")
        named = await front.call_tool("llm_call", {"prompt": "x", "model": "demo/fail"})
    assert (result["status"], result["model"]) == ("completed", "demo/echo")
    assert structured(named)["model"] == "demo/fail"


@pytest.mark.parametrize(("model", "code", "said"), [
    ("demo/ecko", "unknown_model", "demo/echo"),
    ("gtp-4o-mini", "unknown_model", "gpt-4o-mini"),
    ("no such model at all", "unknown_model", "list_models"),
    ("openai/gpt-4o", "no_key", "OPENAI_API_KEY"),
])  # fmt: skip
async def test_a_model_that_cannot_be_called_here_fails_before_anything_is_sent(
    one_client: Client, model: str, code: str, said: str
) -> None:
    reply = await one_client.call_tool("llm_call", {"prompt": "x", "model": model})
    result = structured(reply)
    assert reply.is_error
    assert (result["error"]["code"], result["attempts"]) == (code, 0)
    assert said in result["error"]["message"]


async def test_the_operators_servers_are_listed_by_name_and_chosen_by_name_alone(
    environ: dict[str, str], tmp_path: Path, one_client: Client
) -> None:
    config = tmp_path / "servers.json"
    config.write_text('{"mcpServers": {"files": {"command": "secret-command"}, "web": {"url": "http://w"}}}')
    async with attached({**environ, "LONGCALL_MCP_CONFIG": str(config)}) as client:
        listed = await client.call_tool("list_models", {"query": "max/"})
        assert [server["name"] for server in structured(listed)["servers"]] == ["files", "web", "filesystem"]
        assert all(name in shown(listed) for name in ("files (", "filesystem (", "web ("))
        assert "secret-command" not in str(listed)
        for tool in ("llm_call", "start_task"):
            refused = await error_text(client, tool, prompt="x", model="demo/echo", servers=["files"])
            assert "cannot be handed tools" in refused
        config.write_text("{")
        assert "LONGCALL_MCP_CONFIG" in await error_text(client, "list_models")
    alone = structured(await one_client.call_tool("list_models", {}))["servers"]
    assert [(server["name"], server["writes"]) for server in alone] == [("filesystem", False)]


async def test_list_models_finds_by_words_and_marks_what_has_no_key(store: dict[str, str], one_client: Client) -> None:
    unfiltered = await call(one_client, "list_models")
    assert {model["provider"] for model in unfiltered["models"]} == {"demo"}
    found = await call(one_client, "list_models", query="GPT-4o mini", limit=3)
    assert len(found["models"]) == 3 < found["total"]
    assert all("gpt-4o" in model["name"] and "mini" in model["name"] for model in found["models"])
    assert not any(model["callable"] for model in found["models"])
    async with attached(store | {"OPENAI_API_KEY": "sk-mock-0123456789"}) as front:
        with_key = await call(front, "list_models", query="gpt-4o-mini")
    assert with_key["models"]
    assert all(model["callable"] and model["provider"] == "openai" for model in with_key["models"])


async def test_list_models_tells_what_providers_serve(store: dict[str, str], openai_mock: Mock, tmp_path: Path) -> None:
    config = tmp_path / "longcall.toml"
    config.write_text('model = "fast"\n[aliases]\nfast = "openai/gpt-4o-mini"')
    environ = {**store, "OPENAI_API_KEY": "sk-mock", "OPENAI_API_BASE": f"{openai_mock.url}/v1"}
    async with attached({**environ, "LONGCALL_CONFIG": str(config)}) as front:
        result = await front.call_tool("list_models", {"query": "openai/gpt-4o-mini"})
        answered = await call(front, "llm_call", prompt="hello", wait_s=45)
    told = structured(result)
    assert (told["default"], told["aliases"]) == ("fast", {"fast": "openai/gpt-4o-mini"})
    assert [one["provider"] for one in told["providers"]] == ["openai"]
    text = shown(result)
    assert "aliases: fast = openai/gpt-4o-mini" in text
    assert "(asked 0 min ago)" in text
    assert "images, PDFs, tools" in text
    assert answered["status"] == "completed"
