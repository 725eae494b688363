"""Answers that the provider keeps, through the deaths of workers: fetched by the next one, and never paid for twice."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support.processes import attached, call, clean_environ, kill, rows, state, until, worker_processes
from support.responses import CANCEL, LOOK, SEND, ResponsesEndpoint, responses_endpoint_process
from support.responses_endpoint import TEXT


@pytest.fixture(scope="module")
def endpoint() -> Generator[ResponsesEndpoint]:
    """Returns the provider that keeps answers."""
    with responses_endpoint_process() as running:
        yield running


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Returns the store that these tests share, so that they share workers where they kill none."""
    path = tmp_path_factory.mktemp("background") / "home"
    yield path
    kill(worker_processes(path))


@pytest.fixture
def environ(shared_home: Path, endpoint: ResponsesEndpoint) -> dict[str, str]:
    """Returns the environment for servers on the shared store, whose `openai` is the endpoint."""
    return clean_environ(shared_home, **endpoint.environ())


async def start(client: Client, model: str, prompt: str, **options: Any) -> str:
    """Starts a task in the background of the provider and returns its id."""
    begun = await call(client, "start_task", prompt=prompt, model=model, background=True, **options)
    return begun["task_id"]


async def settled(client: Client, task: str) -> dict[str, Any]:
    """Waits for the end of a task as an agent does."""
    told = await call(client, "poll_task", task_id=task, wait_s=45)
    while told["status"] in ("working", "queued"):
        told = await call(client, "poll_task", task_id=task, wait_s=45)
    return told


def handles(home: Path, task: str) -> list[str]:
    """Returns the handles that are committed for a task."""
    found = rows(home, "SELECT handle FROM attempts WHERE task = ? AND handle IS NOT NULL", task)
    return [row["handle"] for row in found]


async def test_a_killed_worker_loses_no_answer_that_the_provider_keeps(
    environ: dict[str, str], shared_home: Path, endpoint: ResponsesEndpoint
) -> None:
    async with attached(environ) as client:
        prompts = {await start(client, "openai/kept", on, on_interrupt=on): on for on in ("report", "retry")}
        for task in prompts:
            await until(lambda task=task: handles(shared_home, task))
        killed = worker_processes(shared_home)
        kill(killed)
        for task, prompt in prompts.items():
            endpoint.release(prompt)
            told = await settled(client, task)
            assert (told["status"], told["text"], told["attempts"]) == ("completed", TEXT, 1)
            requests = endpoint.requests(prompt)
            assert (requests.count(SEND), requests.count(CANCEL)) == (1, 0)
        assert len(killed) == 1
        assert killed[0].pid not in [worker.pid for worker in worker_processes(shared_home)]


async def test_a_worker_killed_before_it_had_the_handle_leaves_the_task_interrupted(
    environ: dict[str, str], shared_home: Path, endpoint: ResponsesEndpoint
) -> None:
    async with attached(environ) as client:
        task = await start(client, "openai/slow", "early")
        await until(lambda: endpoint.requests("early"))
        assert handles(shared_home, task) == []
        kill(worker_processes(shared_home))
        endpoint.release("early")
        told = await settled(client, task)
        assert (told["status"], told["error"]["code"]) == ("interrupted", "interrupted")
        after = await settled(client, await start(client, "openai/soon", "after early"))
    assert after["status"] == "completed"
    assert endpoint.requests("early") == [SEND]


async def test_a_cancel_reaches_the_work_at_the_provider(
    environ: dict[str, str], shared_home: Path, endpoint: ResponsesEndpoint
) -> None:
    async with attached(environ) as client:
        cancelled, other = await start(client, "openai/kept", "stop"), await start(client, "openai/kept", "go on")
        await until(lambda: handles(shared_home, cancelled) and handles(shared_home, other))
        assert CANCEL not in endpoint.requests("stop")
        assert (await call(client, "cancel_task", task_id=cancelled))["status"] == "cancelled"
        assert endpoint.requests("stop").count(CANCEL) == 1
        endpoint.release("go on")
        assert (await settled(client, other))["status"] == "completed"
    assert CANCEL not in endpoint.requests("go on")


async def test_a_cancel_reaches_the_work_that_an_earlier_worker_began(
    environ: dict[str, str], shared_home: Path, endpoint: ResponsesEndpoint
) -> None:
    async with attached(environ) as client:
        task = await start(client, "openai/kept", "stop later")
        await until(lambda: handles(shared_home, task))
        kill(worker_processes(shared_home))
        looks = endpoint.requests("stop later").count(LOOK)
        await call(client, "poll_task", task_id=task, wait_s=1)
        await until(lambda: endpoint.requests("stop later").count(LOOK) > looks)
        assert (await call(client, "cancel_task", task_id=task))["status"] == "cancelled"
    requests = endpoint.requests("stop later")
    assert (requests.count(SEND), requests.count(CANCEL)) == (1, 1)


async def test_a_deadline_that_passes_stops_the_work_at_the_provider(
    environ: dict[str, str], shared_home: Path, endpoint: ResponsesEndpoint
) -> None:
    async with attached(environ) as client:
        warm = await start(client, "openai/soon", "warm")
        assert (await settled(client, warm))["status"] == "completed"
        task = await start(client, "openai/kept", "too long", timeout_s=3)
        told = await settled(client, task)
    assert (told["status"], told["error"]["code"]) == ("failed", "timeout")
    assert endpoint.requests("too long").count(CANCEL) == 1
    assert CANCEL not in endpoint.requests("warm")


async def test_the_same_request_attaches_whether_in_the_background_or_not(
    environ: dict[str, str], shared_home: Path, endpoint: ResponsesEndpoint
) -> None:
    async with attached(environ) as client:
        task = await start(client, "openai/kept", "same")
        plain = await call(client, "start_task", prompt="same", model="openai/kept")
        other = await start(client, "openai/kept", "not the same")
        assert plain["task_id"] == task != other
        await until(lambda: handles(shared_home, task) and handles(shared_home, other))
        for prompt in ("same", "not the same"):
            endpoint.release(prompt)
        assert (await settled(client, task))["status"] == "completed"
    assert state(shared_home, task) == "completed"
    assert endpoint.requests("same").count(SEND) == 1
