"""Conversations as hosts have them through the tools, and as the principals of a server over HTTP do."""

import secrets
from pathlib import Path
from typing import Any

from mcp import Client
from support.http_server import http_client, http_server
from support.processes import call, error_text

from longcall.tokens import TokenFile


async def test_a_host_goes_on_with_a_conversation(client: Client) -> None:
    name = f"trip {secrets.token_hex(4)}"
    first = await call(client, "llm_call", prompt="one two", model="demo/echo", conversation=name)
    begun = await call(client, "start_task", prompt="three", model="demo/echo", conversation=first["conversation"])
    second = await call(client, "poll_task", task_id=begun["task_id"], wait_s=45)
    assert first["conversation"] == begun["conversation"] == second["conversation"]
    assert second["usage"]["input_tokens"] == 2 + 2 + 1
    alone = await call(client, "llm_call", prompt="three", model="demo/echo", conversation="")
    assert "conversation" not in alone


async def test_a_group_is_refused_in_one_sentence(client: Client) -> None:
    asked: dict[str, Any] = {"models": ["demo/echo", "demo/slow-0"], "prompt": "one", "conversation": "trip"}
    text = await error_text(client, "start_task", **asked)
    assert "one prompt and one model" in text
    assert "\n" not in text


async def test_tokens_have_conversations_of_their_own(store: dict[str, str], tmp_path: Path) -> None:
    file, name = TokenFile(Path(store["LONGCALL_HOME"])), secrets.token_hex(4)
    owners = {who: file.add(f"{who}-{name}") for who in ("ann", "bob")}
    asked: dict[str, Any] = {"model": "demo/echo", "conversation": name}
    with http_server(store, tmp_path, "--require-token") as server:
        async with http_client(server.url, owners["ann"]) as ann, http_client(server.url, owners["bob"]) as bob:
            hers = await call(ann, "llm_call", prompt="one two three", **asked)
            his = await call(bob, "llm_call", prompt="four", **asked)
            assert his["usage"]["input_tokens"] == 1
            assert his["conversation"] != hers["conversation"]
            theirs = asked | {"conversation": hers["conversation"]}
            unknown = asked | {"conversation": "0" * 32}
            refused = await error_text(bob, "llm_call", prompt="and?", **theirs)
            nobodys = await error_text(bob, "llm_call", prompt="and?", **unknown)
            assert refused.replace(hers["conversation"], "ID") == nobodys.replace("0" * 32, "ID")
            assert (await call(ann, "llm_call", prompt="and?", **theirs))["usage"]["input_tokens"] == 7
