"""How the server starts, what it does when its surroundings are broken, and what it never does."""

import json
import subprocess
import sys
from pathlib import Path

import anyio
import psutil
import pytest
from mcp import Client
from support.processes import attached, call, error_text, front_processes, rows, worker_processes
from support.wire import wired

from longcall.environment import fingerprint, read_salt

ANSWER_S = 15.0
"""Seconds within which even a server in trouble must answer."""
HEAVY = ("litellm", "aiohttp", "tiktoken")
LISTS_MODULES = """
import json, os, sys
from longcall.settings import read_settings
from longcall_server.app import build_server
build_server(read_settings(os.environ))
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize(("variable", "value"), [("LONGCALL_TIMEOUT_S", "never"), ("LONGCALL_MAX_IN_FLIGHT", "0")])
def test_a_setting_that_cannot_be_used_ends_the_server_with_one_sentence(
    environ: dict[str, str], variable: str, value: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "longcall_server"], env=environ | {variable: value}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith(f"longcall: {variable} is {value!r}, but must be")


def test_a_server_whose_stdin_is_closed_at_once_ends_well(environ: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "longcall_server"], env=environ, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


async def test_a_store_that_cannot_be_made_is_a_sentence_at_each_call_until_it_can(
    environ: dict[str, str], tmp_path: Path
) -> None:
    in_the_way = tmp_path / "home"
    in_the_way.write_text("a file")
    async with attached(environ) as front:
        for _ in range(2):
            text = await error_text(front, "llm_call", prompt="x", model="demo/echo")
            assert str(in_the_way) in text
            assert "LONGCALL_HOME" in text
            assert "\n" not in text
        assert (await call(front, "list_models"))["models"]
        in_the_way.unlink()
        assert (await call(front, "llm_call", prompt="x", model="demo/echo"))["text"] == "x"


async def test_a_worker_that_ends_at_its_start_is_a_sentence_that_names_the_file_with_its_words(
    home: Path, environ: dict[str, str]
) -> None:
    in_the_way = _put_a_folder_in_place_of_the_log(home, environ)
    async with attached(environ) as front:
        text = await error_text(front, "llm_call", prompt="first", model="demo/echo")
        said = in_the_way.with_suffix(".err")
        assert str(said) in text
        assert "\n" not in text
        assert str(in_the_way) in said.read_text()
        in_the_way.rmdir()
        assert (await call(front, "llm_call", prompt="second", model="demo/echo"))["text"] == "second"
        first = rows(home, "SELECT id FROM tasks WHERE head = 'first'")[0]["id"]
        result = await call(front, "poll_task", task_id=first, wait_s=45)
        assert (result["status"], result["text"]) == ("completed", "first")


def _put_a_folder_in_place_of_the_log(home: Path, environ: dict[str, str]) -> Path:
    home.mkdir()
    path = home / "workers" / f"{fingerprint(environ, read_salt(home))}.log"
    path.mkdir(parents=True)
    return path


async def test_a_file_in_place_of_the_workers_folder_is_a_sentence_and_the_server_lives_on(
    home: Path, environ: dict[str, str]
) -> None:
    async with attached(environ) as front:
        assert (await call(front, "poll_task"))["status"] == "listed"
        (home / "workers").rmdir()
        (home / "workers").write_text("a file")
        with anyio.fail_after(ANSWER_S):
            text = await error_text(front, "llm_call", prompt="x", model="demo/echo")
        assert str(home / "workers") in text
        assert "\n" not in text
        (home / "workers").unlink()
        assert (await call(front, "llm_call", prompt="y", model="demo/echo"))["text"] == "y"


def test_a_front_is_built_without_the_heavy_imports(environ: dict[str, str]) -> None:
    listed = subprocess.run(
        [sys.executable, "-c", LISTS_MODULES], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    modules = set(json.loads(listed.stdout))
    assert {name.split(".")[0] for name in modules}.isdisjoint({*HEAVY, "openai"})
    # What a host waits for at the start; the rest comes with the first call.
    assert modules.isdisjoint({"longcall.session", "longcall.validators", "longcall.tasks", "aiosqlite"})
    assert modules >= {"longcall_server.app", "longcall.settings", "mcp"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory maps of other processes")
async def test_a_front_that_has_served_every_tool_holds_nothing_of_litellm_and_its_worker_does(
    store: dict[str, str], one_client: Client
) -> None:
    home = Path(store["LONGCALL_HOME"])
    await one_client.call_tool("llm_call", {"prompt": "x", "model": "no-such-provider/x"})
    await one_client.call_tool("list_models", {"query": "claude"})
    assert _heavy(worker_processes(home))
    fronts = front_processes(home)
    assert fronts
    assert not _heavy(fronts)


def _heavy(processes: list[psutil.Process]) -> set[str]:
    held: set[str] = set()
    for process in processes:
        held |= {mapping.path for mapping in process.memory_maps()} | {file.path for file in process.open_files()}
    assert any("pydantic_core" in path for path in held)
    return {path for path in held if any(f"/{name}/" in path for name in HEAVY)}


async def test_stdout_carries_nothing_but_json_rpc(environ: dict[str, str]) -> None:
    async with wired(environ) as front:
        await front.answer(await front.ask("tools/list", {}))
        await front.result("llm_call", prompt="print this\nand that", model="demo/echo")
        await front.answer(await front.call("llm_call", prompt="", model="demo/echo"))
        await front.answer(await front.call("list_models", query="gpt"))
        await front.answer(await front.ask("no/such/method", {}))
        await front.send_line(b"no json")
        await front.call("llm_call", prompt="x", model="demo/stall")
        assert await front.hang_up() == 0
    assert len(front.lines) >= 6
    assert {json.loads(line)["jsonrpc"] for line in front.lines} == {"2.0"}
