import json
import re
import signal
import threading
import tomllib
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from support.processes import PATIENCE_S

from longcall.cli.attach import attaching
from longcall.cli.choice import SMALL_MODELS, choose
from longcall.settings import Settings

if TYPE_CHECKING:
    from conftest import CommandLine

DEAD = {"OLLAMA_API_BASE": "http://127.0.0.1:9"}


def pids(out: str) -> tuple[int, int]:
    """Returns the process ids of the first and the second server."""
    first = re.search(r"server 1 started, pid (\d+)", out)
    second = re.search(r"server 2 started, pid (\d+)", out)
    assert first
    assert second
    return int(first[1]), int(second[1])


def test_the_demo_kills_a_server_and_another_one_brings_the_whole_answer(cli: "CommandLine") -> None:
    ended = cli.run("demo", "--model", "demo/slow-4")
    assert (ended.code, ended.err) == (0, "")
    first, second = pids(ended.out)
    assert first != second
    assert f"exit status {-9}" in ended.out
    assert not psutil.pid_exists(first)
    assert not psutil.pid_exists(second)
    assert f"Server {first} was killed, server {second} told it all; 1 request to the model." in ended.out
    told = " ".join(ended.out.split())
    assert "This answer was never in a hurry." in told
    assert "from the first word to this last one." in told
    assert "claude mcp add longcall -- uvx" in ended.out


def test_the_demo_fails_when_the_answer_does_not_come(cli: "CommandLine") -> None:
    ended = cli.run("demo", "--model", "demo/fail")
    assert ended.code == 1
    assert ended.err == "longcall: demo/fail did not answer: The provider is down, as demo/fail always is.\n"
    assert "claude mcp add" not in ended.out


def test_the_demo_draws_in_a_terminal(cli: "CommandLine") -> None:
    ended = cli.in_terminal("demo", "--model", "demo/slow-3")
    assert ended.code == 0
    assert "server 2: " in ended.out
    assert "server 1: " in ended.out


def stopped(cli: "CommandLine", *arguments: str, at: str = "start_task") -> tuple[int, str, str]:
    """Runs the demo until it tells of `at`, and stops it with Ctrl-C."""
    with cli.begun("demo", *arguments) as process:
        assert process.stdout is not None
        out = ""
        while at not in out:
            line = process.stdout.readline().decode()
            assert line, out
            out += line
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out + rest.decode(), err.decode()


def test_nothing_is_paid_without_a_yes(cli: "CommandLine") -> None:
    code, out, err = stopped(cli, "--model", "openai/gpt-5-mini")
    assert code == 130
    assert "It will be asked once: " in out
    assert "start_task: demo/slow is asked" in out
    assert "paying needs --yes" in err
    assert "openai/gpt-5-mini" not in cli.run("tasks").out


def test_a_terminal_is_asked_before_anything_is_paid(cli: "CommandLine") -> None:
    shown = cli.in_terminal("demo", "--model", "openai/gpt-5-mini", typed=b"\x04")
    assert shown.code == 1
    assert "Ask it?" in shown.out
    assert cli.run("tasks").out == ""


def test_a_real_model_that_fails_gives_way_to_the_scripted_one(cli: "CommandLine") -> None:
    _, out, err = stopped(cli, "--model", "max/opus", "--yes", at="start_task: demo/slow is asked")
    assert "start_task: max/opus is asked" in out
    assert "Going on with demo/slow" in out
    assert err.startswith("longcall: max/opus did not answer: Claude's command line is not at /nowhere/claude")


def test_ctrl_c_ends_the_demo_and_leaves_no_server(cli: "CommandLine") -> None:
    code, out, err = stopped(cli, "--model", "demo/slow-4")
    found = re.search(r"server 1 started, pid (\d+)", out)
    assert found
    assert (code, err) == (130, "Stopped. What was asked goes on; `longcall tasks` lists it.\n")
    assert not psutil.pid_exists(int(found[1]))


class _Ollama(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"models": [{"name": "tiny:1b"}, {"name": "big"}]}).encode()
        self.send_response(200 if self.path == "/api/tags" else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        pass


@pytest.fixture
def ollama() -> Generator[str]:
    with HTTPServer(("127.0.0.1", 0), _Ollama) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_named_model_comes_before_the_default_before_a_key_before_ollama(ollama: str) -> None:
    environ = {"OLLAMA_API_BASE": ollama, "GEMINI_API_KEY": "mock"}
    default = Settings(model="mistral/default")
    assert choose("xai/named", default, environ).model == "xai/named"
    assert choose(None, default, environ).model == "mistral/default"
    assert choose(None, Settings(), environ).model == SMALL_MODELS["gemini"]
    local = choose(None, Settings(), {"OLLAMA_API_BASE": ollama})
    assert (local.model, local.is_paid) == ("ollama_chat/tiny:1b", False)
    assert choose(None, Settings(), DEAD).model == "demo/slow"


def test_a_price_is_told_where_it_is_known() -> None:
    known = choose("openai/gpt-5-mini", Settings(), DEAD | {"OPENAI_API_KEY": "mock"})
    assert known.is_paid
    assert re.search(r"\$0\.00\d+", known.price)
    assert "not known" in choose("nobody/nothing", Settings(), DEAD).price


def test_what_is_to_be_copied_is_valid() -> None:
    told = attaching({"OPENAI_API_KEY": "sk-a-secret"})
    assert "sk-a-secret" not in "".join(told.values())
    install, command, desktop, codex, project = told.values()
    assert re.fullmatch(r"uvx (--from \S+ )?longcall install claude-code", install)
    assert command.startswith("claude mcp add longcall -- uvx ")
    server = tomllib.loads(codex)["mcp_servers"]["longcall"]
    assert (server["command"], server["args"][-1], server["env_vars"]) == ("uvx", "longcall", ["OPENAI_API_KEY"])
    environs = [json.loads(text)["mcpServers"]["longcall"]["env"] for text in (desktop, project)]
    assert environs == [{"OPENAI_API_KEY": "<your key>"}, {"OPENAI_API_KEY": "${OPENAI_API_KEY:-}"}]
    assert Path(server["args"][1]).exists()
