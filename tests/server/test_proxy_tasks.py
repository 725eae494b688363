"""The proxy's tasks: polled, outliving their clients and the proxy, and each of one token alone."""

import json
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import anyio
import httpx
import openai
import pytest
from support.http_server import HttpServer, command, proxy_server
from support.processes import PATIENCE_S, clean_environ, kill, rows, until, worker_processes

from longcall.tokens import TokenFile


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    home = tmp_path_factory.mktemp("proxied") / "home"
    yield clean_environ(home)
    kill(worker_processes(home))


@pytest.fixture(scope="module")
def home(environ: dict[str, str]) -> Path:
    return Path(environ["LONGCALL_HOME"])


@pytest.fixture(scope="module")
def proxy(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Generator[HttpServer]:
    with proxy_server(environ, tmp_path_factory.mktemp("proxy")) as server:
        yield server


@pytest.fixture
def own(environ: dict[str, str], tmp_path: Path) -> Generator[HttpServer]:
    """Returns a proxy of the test's own, to be ended; the store and its worker are those of all."""
    with proxy_server(environ, tmp_path / "proxy") as server:
        yield server


def post(proxy: HttpServer, **body: Any) -> httpx.Response:
    return httpx.post(f"{proxy.url}/chat/completions", json=body, timeout=PATIENCE_S)


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, timeout=PATIENCE_S)


def status(proxy: HttpServer, task_id: str) -> dict[str, Any]:
    return get(f"{proxy.url}/polling/status/{task_id}").json()


def state(home: Path, prompt: str) -> str | None:
    found = rows(home, "SELECT state FROM tasks WHERE head = ?", prompt) if (home / "tasks.sqlite3").exists() else []
    return found[-1]["state"] if found else None


async def test_polling_answers_at_once_and_tells_of_the_task_until_its_end(proxy: HttpServer):
    begun = post(proxy, model="demo/slow-1", question="polled", polling_mode=True)
    told = begun.json()
    assert (begun.status_code, told["status"]) == (200, "pending")
    assert told["polling_url"] == f"/v1/polling/status/{told['task_id']}"
    now = get(proxy.root + told["polling_url"]).json()
    assert set(now) >= {"task_id", "status", "created_at", "started_at", "completed_at", "result", "error", "progress"}
    assert now["status"] in ("pending", "running")
    assert now["progress"]["message"]
    ended = await until(lambda: (seen := status(proxy, told["task_id"]))["status"] == "completed" and seen)
    assert ended["result"]["choices"][0]["message"]["content"].endswith("to this last one.")
    assert ended["created_at"] <= ended["started_at"] <= ended["completed_at"]
    assert (ended["error"], ended["progress"]) == (None, None)


async def test_a_failure_and_a_task_out_of_time_are_told_apart(proxy: HttpServer):
    failed = post(proxy, model="demo/nobody", question="x", polling_mode=True).json()["task_id"]
    late = post(proxy, model="demo/stall", question="x", polling_mode=True, timeout_s=0.5).json()["task_id"]
    told = await until(lambda: (seen := status(proxy, failed))["status"] == "failed" and seen)
    assert "demo/nobody" in told["error"]
    assert (await until(lambda: (seen := status(proxy, late))["status"] == "timeout" and seen))["result"] is None


def test_what_is_active_is_seen_from_every_process_until_it_is_cancelled(proxy: HttpServer, own: HttpServer):
    begun = post(proxy, model="demo/stall", question="active", polling_mode=True).json()["task_id"]

    def active() -> dict[str, Any]:
        listed = httpx.get(f"{own.url}/polling/active").json()
        assert listed["count"] == len(listed["active_tasks"])
        return {line["task_id"]: line for line in listed["active_tasks"]}

    assert active()[begun]["model"] == "demo/stall"
    assert active()[begun]["status"] in ("pending", "running")
    cancelled = httpx.post(f"{own.url}/polling/cancel/{begun}", timeout=PATIENCE_S)
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert begun not in active()
    assert status(proxy, begun)["status"] == "cancelled"
    assert httpx.post(f"{own.url}/polling/cancel/{begun}").status_code == 404


@pytest.mark.parametrize("path", ["status", "cancel"])
def test_a_task_that_never_was_is_not_found(proxy: HttpServer, path: str):
    method = "GET" if path == "status" else "POST"
    answer = httpx.request(method, f"{proxy.url}/polling/{path}/{'0' * 32}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_task")
    assert "/v1/polling/active" in answer.json()["error"]["message"]
    assert "poll_task" not in answer.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_end_of_the_wait_is_not_the_end_of_the_work(proxy: HttpServer, stream: bool):
    answer = post(proxy, model="demo/slow-2", question=f"waited for {stream}", timeout=0.01, stream=stream)
    if stream and answer.status_code == 200:
        told = json.loads(answer.text.strip().splitlines()[-1].removeprefix("data: "))
    else:
        assert answer.status_code == 408
        assert answer.headers["x-should-retry"] == "false"
        told = answer.json()
    assert set(told) >= {"error", "task_id", "message", "timeout"}
    assert answer.headers["x-longcall-task-id"] == told["task_id"]
    await until(lambda: status(proxy, told["task_id"])["status"] == "completed")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_goes_ends_its_waiting_and_not_the_work(proxy: HttpServer, home: Path, stream: bool):
    prompt = f"left alone {stream}"
    body = {"model": "demo/slow-2", "question": prompt, "stream": stream}
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http, anyio.create_task_group() as asking:
        asking.start_soon(lambda: http.post(f"{proxy.url}/chat/completions", json=body))
        await until(lambda: state(home, prompt) == "running")
        asking.cancel_scope.cancel()
    await until(lambda: state(home, prompt) == "completed")
    # Nobody was handed the answer, so the same request again leads to it and is not paid twice.
    again = post(proxy, **{**body, "stream": False}).json()
    assert again["longcall"]["attached"] == "undelivered"
    assert len(rows(home, "SELECT id FROM tasks WHERE head = ?", prompt)) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_a_proxy_that_stops_says_so_and_the_work_goes_on(own: HttpServer, home: Path, stream: bool):
    prompt, told = f"stopped {stream}", list[str]()
    url = own.url

    async def ask() -> None:
        async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
            try:
                said: Any = [{"role": "user", "content": prompt}]
                answer = await client.chat.completions.create(model="demo/slow-2.5", messages=said, stream=stream)
                told.extend([str(chunk) async for chunk in cast("Any", answer)] if stream else ["answered"])
            except openai.APIError as error:
                told.append(str(error))

    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as asking:
            asking.start_soon(ask)
            await until(lambda: state(home, prompt) == "running")
            own.process.terminate()
            assert await anyio.to_thread.run_sync(own.process.wait) == 0
    assert "goes on" in told[-1]
    assert "Traceback" not in own.said.read_text("utf-8")
    await until(lambda: state(home, prompt) == "completed")


async def test_a_proxy_that_is_killed_loses_nothing(own: HttpServer, proxy: HttpServer, home: Path):
    begun = post(own, model="demo/slow-1", question="killed", polling_mode=True).json()["task_id"]
    own.process.kill()
    own.process.wait()
    await until(lambda: status(proxy, begun)["status"] == "completed")
    assert len(rows(home, "SELECT number FROM attempts WHERE task = ?", begun)) == 1


def test_where_no_token_is_needed_one_that_means_nothing_is_taken(proxy: HttpServer):
    for header in ("Bearer any", "Bearer", "Basic x"):
        assert httpx.get(f"{proxy.url}/models", headers={"authorization": header}).status_code == 200
    for headers, code in (({"host": "evil.example.com"}, 421), ({"origin": "https://evil.example.com"}, 403)):
        refused = httpx.get(f"{proxy.url}/models", headers=headers)
        assert (refused.status_code, "--allow-" in refused.json()["error"]["message"]) == (code, True)


def test_where_a_token_is_needed_each_sees_its_own_tasks(environ: dict[str, str], home: Path, tmp_path: Path):
    ours, theirs = (TokenFile(home).add(name) for name in ("ours", "theirs"))
    with proxy_server(environ, tmp_path / "guarded", "--require-token") as guarded:
        assert httpx.get(f"{guarded.root}/health").status_code == 200
        with openai.OpenAI(base_url=guarded.url, api_key="wrong") as nobody, pytest.raises(openai.AuthenticationError):
            nobody.models.list()
        assert httpx.get(f"{guarded.url}/models").status_code == 401
        bearer = [{"authorization": f"Bearer {token}"} for token in (ours, theirs)]
        body = {"model": "demo/stall", "question": "ours alone", "polling_mode": True}
        begun = httpx.post(f"{guarded.url}/chat/completions", json=body, headers=bearer[0]).json()["task_id"]
        seen = [httpx.get(f"{guarded.url}/polling/status/{begun}", headers=who).status_code for who in bearer]
        assert seen == [200, 404]
        listed = [httpx.get(f"{guarded.url}/polling/active", headers=who).text for who in bearer]
        assert [begun in text for text in listed] == [True, False]
        assert httpx.post(f"{guarded.url}/polling/cancel/{begun}", headers=bearer[1]).status_code == 404
        assert httpx.post(f"{guarded.url}/polling/cancel/{begun}", headers=bearer[0]).status_code == 200


def test_the_proxy_never_imports_litellm(environ: dict[str, str]):
    names = (
        "import sys, longcall_server.proxy.app; print([name for name in sys.modules if name in ('litellm', 'openai')])"
    )
    done = subprocess.run([sys.executable, "-c", names], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_port_in_use_is_one_sentence(proxy: HttpServer, environ: dict[str, str]):
    port = str(httpx.URL(proxy.url).port)
    done = subprocess.run(
        command("proxy", "--port", port), env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert port in done.stderr
