"""The tools over Streamable HTTP, in both eras of the protocol."""

import json
import signal
import subprocess
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Literal

import anyio
import httpx2
import pytest
from mcp import Client
from support.http_server import HELLO, HttpServer, command, http_client, http_server, method_headers, post, request
from support.processes import PATIENCE_S, call, error_text, rows, until

POLLERS = 200
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def served(store: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Generator[HttpServer]:
    """Returns a server on loopback that all tests here share."""
    with http_server(store, tmp_path_factory.mktemp("http"), "--max-request-mb", "1") as server:
        assert httpx2.get(f"{server.root}/health").status_code == 200  # the store is open from here on
        yield server


@pytest.fixture(scope="module", params=["legacy", "auto"])
async def remote(served: HttpServer, request: pytest.FixtureRequest) -> AsyncGenerator[Client]:
    """Returns a client attached to it, once with `initialize` and once with `server/discover`."""
    async with http_client(served.url, mode=request.param) as client:
        yield client


@pytest.fixture
def own(store: dict[str, str], tmp_path: Path) -> Generator[HttpServer]:
    """Returns a server of the test's own, to be ended; the store and its worker are those of all."""
    with http_server(store, tmp_path / "served") as server:
        assert httpx2.get(f"{server.root}/health").status_code == 200  # the store is open from here on
        yield server


async def test_each_era_is_really_spoken(remote: Client, request: pytest.FixtureRequest) -> None:
    era = request.node.callspec.params["remote"]
    assert remote.protocol_version >= "2026-07-28" if era == "auto" else remote.protocol_version < "2026-07-28"


async def test_a_call_is_answered_inline(remote: Client) -> None:
    answer = await call(remote, "llm_call", prompt="über HTTP\n" + "x" * 20_000, model="demo/echo", fresh=True)
    assert (answer["status"], answer["text"]) == ("completed", "über HTTP\n" + "x" * 20_000)


async def test_a_task_begun_by_one_client_is_read_by_another(served: HttpServer, remote: Client) -> None:
    begun = await call(remote, "start_task", prompt="read by another", model="demo/echo", fresh=True)
    async with http_client(served.url) as other:
        read = await call(other, "poll_task", task_id=begun["task_id"], wait_s=45)
    assert (read["status"], read["text"]) == ("completed", "read by another")


async def test_no_file_of_the_folder_that_the_server_runs_in_is_read_or_written(remote: Client) -> None:
    asked = {"prompt": "x", "model": "demo/echo"}
    for files in (["."], [__file__], ["/etc/passwd"]):
        assert "LONGCALL_ROOTS" in await error_text(remote, "llm_call", **asked, files=files)
    assert "LONGCALL_ROOTS" in await error_text(remote, "llm_call", **asked, output_file="x.txt")


async def test_bad_arguments_are_a_sentence(remote: Client) -> None:
    assert "promt" in await error_text(remote, "llm_call", promt="x")


def test_health_needs_nothing_and_tells_the_version(served: HttpServer) -> None:
    answer = httpx2.get(f"{served.root}/health")
    assert (answer.status_code, set(answer.json())) == (200, {"status", "version"})
    assert answer.json()["status"] == "ok"


def test_health_tells_when_the_store_cannot_be_used_and_not_why(environ: dict[str, str], tmp_path: Path) -> None:
    in_the_way = tmp_path / "home"
    in_the_way.write_text("a file")
    with http_server(environ, tmp_path / "served") as server:
        answer = httpx2.get(f"{server.root}/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "trouble")
        assert str(in_the_way) not in answer.text
        assert str(in_the_way) in server.said.read_text("utf-8").replace("\n", "").replace(" ", "")
        in_the_way.unlink()
        assert httpx2.get(f"{server.root}/health").status_code == 200


def test_a_request_above_the_limit_is_refused_and_one_below_is_not(served: HttpServer) -> None:
    big, small = (json.dumps(request("tools/list", {"cursor": "x" * size})).encode() for size in (MIB, MIB // 2))
    assert post(served.url, body=big).status_code == 413
    assert post(served.url, body=small).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "rebound.example.com"}, 421),
        ({"host": "127.0.0.1.example.com:80"}, 421),
        ({"origin": "https://example.com"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "localhost:8020"}, 200),
        ({"origin": "http://localhost:3000"}, 200),
        ({}, 200),
    ],
)
def test_only_names_and_origins_of_this_machine_are_known(
    served: HttpServer, headers: dict[str, str], status: int
) -> None:
    answer = post(served.url, headers)
    assert answer.status_code == status
    assert (status == 200) == ("result" in answer.json())
    if status != 200:
        assert "--allow-" in answer.json()["error"]["message"]


def test_more_names_and_origins_can_be_allowed(environ: dict[str, str], tmp_path: Path) -> None:
    options = ("--allow-host", "calls.example.com", "--allow-origin", "https://app.example.com", "--path", "/rpc")
    with http_server(environ, tmp_path / "served", *options) as server:
        assert server.url.endswith("/rpc")
        allowed = post(server.url, {"host": "calls.example.com", "origin": "https://app.example.com"})
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://app.example.com"
        assert post(server.url, {"host": "example.com"}).status_code == 421
        refused = post(server.url, {"origin": "https://other.example.com"})
        assert refused.status_code == 403
        assert "access-control-allow-origin" not in refused.headers
        asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        beforehand = httpx2.options(server.url, headers={"origin": "https://app.example.com", **asked})
        assert beforehand.status_code == 200
        assert "authorization" in beforehand.headers["access-control-allow-headers"].lower()


def test_nothing_is_written_to_stdout_and_no_request_is_logged(served: HttpServer) -> None:
    assert post(served.url).status_code == 200
    assert served.wrote.read_text("utf-8") == ""
    assert "POST" not in served.said.read_text("utf-8")


def test_a_port_in_use_is_one_sentence(served: HttpServer, store: dict[str, str]) -> None:
    port = str(httpx2.URL(served.url).port)
    ended = subprocess.run(
        command("serve", "--http", "--port", port), env=store, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert port in ended.stderr
    assert "--port 0" in ended.stderr


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--port", "9000"], "--http"),
        (["--http", "--path", "mcp"], "--path"),
        (["--http", "--path", "/health"], "--path"),
        (["--http", "--allow-host", "*"], "--allow-host"),
        (["--http", "--allow-origin", "example.com"], "--allow-origin"),
        (["--http", "--allow-origin", "https://example.com/page"], "--allow-origin"),
        (["--http", "--host", "192.0.2.1"], "192.0.2.1"),
    ],
)
def test_options_that_cannot_be_are_one_sentence(environ: dict[str, str], options: list[str], named: str) -> None:
    ended = subprocess.run(
        command("serve", *options), env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert named in ended.stderr


async def test_serve_alone_speaks_stdio(environ: dict[str, str]) -> None:
    line = json.dumps(HELLO).encode() + b"\n"
    ended = await anyio.run_process(command("serve"), input=line, env=environ, check=False)
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["result"]["serverInfo"]["name"] == "longcall"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_that_goes_ends_its_waiting_and_not_the_work(
    served: HttpServer, store: dict[str, str], mode: Literal["legacy", "auto"]
) -> None:
    prompt = f"left alone, {mode}"
    async with anyio.create_task_group() as asking:

        async def ask() -> None:
            async with http_client(served.url, mode=mode) as client:
                await client.call_tool("llm_call", {"prompt": prompt, "model": "demo/slow-2", "fresh": True})

        asking.start_soon(ask)
        await until(lambda: _states(store, prompt) == ["running"])
        asking.cancel_scope.cancel()
    await until(lambda: _states(store, prompt) == ["completed"])
    # Nobody was handed the answer, so the same request again leads to it and is not paid twice.
    async with http_client(served.url) as client:
        again = await call(client, "llm_call", prompt=prompt, model="demo/slow-2")
    assert again["status"] == "completed"
    assert _states(store, prompt) == ["completed"]
    assert any("nobody was handed" in warning for warning in again["warnings"])


async def test_a_stop_ends_the_waiting_with_a_sentence_and_the_work_goes_on(
    own: HttpServer, store: dict[str, str]
) -> None:
    url, told = own.url, list[str]()
    prompts = {mode: f"stopped, {mode}" for mode in ("legacy", "auto")}

    async def wait(mode: Literal["legacy", "auto"]) -> None:
        async with http_client(url, mode=mode) as client:
            told.append(await error_text(client, "llm_call", prompt=prompts[mode], model="demo/slow-3", wait_s=60))

    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(wait, "legacy")
            waiting.start_soon(wait, "auto")
            await until(lambda: all(_states(store, prompt) == ["running"] for prompt in prompts.values()))
            own.process.terminate()
            assert await anyio.to_thread.run_sync(own.process.wait) == 0
    assert len(told) == 2
    assert all("goes on" in sentence for sentence in told)
    assert "Traceback" not in own.said.read_text("utf-8")
    await until(lambda: all(_states(store, prompt) == ["completed"] for prompt in prompts.values()))


async def test_a_stop_ends_streams_and_half_sent_requests_in_good_order(own: HttpServer) -> None:
    accept = {"accept": "application/json, text/event-stream"}
    listen = request("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    where = httpx2.URL(own.url)
    half = f"POST {where.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{{"
    with anyio.fail_after(PATIENCE_S):
        async with httpx2.AsyncClient(timeout=PATIENCE_S) as http:
            opened = await http.post(own.url, json=HELLO, headers=accept)
            session = {"mcp-session-id": opened.headers["mcp-session-id"]}
            legacy = http.stream("GET", own.url, headers={**accept, **session})
            modern = http.stream("POST", own.url, json=listen, headers=method_headers("subscriptions/listen"))
            raw = await anyio.connect_tcp(where.host, where.port or 0)
            await raw.send(half.encode())
            async with legacy as one, modern as other, raw:
                assert (one.status_code, other.status_code) == (200, 200)
                own.process.terminate()
                assert all([isinstance(await stream.aread(), bytes) for stream in (one, other)])
                said = await raw.receive()
        assert await anyio.to_thread.run_sync(own.process.wait) == 0
    assert said.startswith(b"HTTP/1.1 503 ")
    assert b"The server stops." in said
    assert "Traceback" not in own.said.read_text("utf-8")


def test_a_second_signal_ends_it_at_once(own: HttpServer) -> None:
    # Stopped meanwhile, so that it gets both at the same moment.
    for sent in (signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
        own.process.send_signal(sent)
    assert own.process.wait(PATIENCE_S) == 130


def _states(store: dict[str, str], prompt: str) -> list[str]:
    found = rows(Path(store["LONGCALL_HOME"]), "SELECT state FROM tasks WHERE head = ?", prompt)
    return [row["state"] for row in found]


async def test_two_hundred_clients_that_poll_at_once_are_all_told_the_right_end(served: HttpServer) -> None:
    async with http_client(served.url) as client:
        prompts = [f"polled by many, no. {number}" for number in range(20)]
        begun = await call(client, "start_task", prompts=prompts, model="demo/echo", fresh=True)
        members = {task["task_id"]: task for task in begun["tasks"]}
        slow = await call(client, "start_task", prompt="slower", model="demo/slow-2", fresh=True)
    wanted = [*members, slow["task_id"]]
    told: list[tuple[str, str, str]] = []

    async def poll(http: httpx2.AsyncClient, number: int) -> None:
        task_id = wanted[number % len(wanted)]
        arguments = {"task_id": task_id, "wait_s": 45}
        body = request("tools/call", {"name": "poll_task", "arguments": arguments})
        answer = await http.post(served.url, json=body, headers=method_headers("tools/call", "poll_task"))
        facts = answer.json()["result"]["structuredContent"]
        told.append((task_id, facts["status"], facts["text"]))

    limits = httpx2.Limits(max_connections=POLLERS, max_keepalive_connections=0)
    async with (
        httpx2.AsyncClient(timeout=PATIENCE_S, limits=limits) as http,
        anyio.create_task_group() as pollers,
    ):
        for number in range(POLLERS):
            pollers.start_soon(poll, http, number)
    assert len(told) == POLLERS
    assert {status for _, status, _ in told} == {"completed"}
    assert {text for task_id, _, text in told if task_id != slow["task_id"]} == set(prompts)
    assert len({(task_id, text) for task_id, _, text in told}) == len(wanted)
