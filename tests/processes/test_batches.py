"""Calls that are asked in batches, through the deaths of workers: answered from one batch, and never sent twice."""

import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support.batches import CANCEL, CREATE, LOOK, READ, UPLOAD, BatchesEndpoint, batches_endpoint_process
from support.mocks import aimock
from support.processes import attached, call, clean_environ, error_text, kill, rows, until, worker_processes

PROMPTS = [f"question {number}" for number in range(20)]


@pytest.fixture(scope="module")
def endpoint() -> Generator[BatchesEndpoint]:
    """Returns the provider that takes batches."""
    with batches_endpoint_process() as running:
        yield running


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Returns the store that these tests share, so that they share workers where they kill none."""
    path = tmp_path_factory.mktemp("batches") / "home"
    yield path
    kill(worker_processes(path))


@pytest.fixture
def environ(shared_home: Path, endpoint: BatchesEndpoint) -> dict[str, str]:
    """Returns the environment for servers on the shared store, whose `openai` is the endpoint."""
    return clean_environ(shared_home, **endpoint.environ())


def named(manner: str) -> str:
    """Returns a model of this manner that no other test asks."""
    return f"{manner}.{secrets.token_hex(4)}"


async def start(client: Client, model: str, prompts: list[str], **options: Any) -> str:
    """Starts a group of prompts in a batch and returns its id."""
    begun = await call(client, "start_task", prompts=prompts, model=f"openai/{model}", urgency="batch", **options)
    return begun["task_id"]


async def settled(client: Client, task: str) -> dict[str, Any]:
    """Waits for the end of a task as an agent does."""
    told = await call(client, "poll_task", task_id=task, wait_s=45)
    while told["status"] == "working":
        told = await call(client, "poll_task", task_id=task, wait_s=45)
    return told


async def members(client: Client, group: str) -> list[dict[str, Any]]:
    """Waits for the end of a group and returns what became of its members, in order."""
    told = await settled(client, group)
    return [await call(client, "poll_task", task_id=member["task_id"]) for member in told["tasks"]]


def handles(home: Path, group: str) -> set[str]:
    """Returns the names of the batches, and `` for one without, under which the group's answers are kept."""
    sql = "SELECT handle FROM attempts JOIN tasks ON id = task WHERE (parent = :1 OR id = :1) AND handle IS NOT NULL"
    return {row["handle"].split(":")[2] for row in rows(home, sql, group)}


async def test_a_group_is_one_batch_and_a_killed_worker_loses_and_repeats_nothing(
    environ: dict[str, str], shared_home: Path, endpoint: BatchesEndpoint
) -> None:
    model = named("kept")
    async with attached(environ) as client:
        group = await start(client, model, PROMPTS)
        await until(lambda: handles(shared_home, group) - {""} and "" not in handles(shared_home, group))
        killed = worker_processes(shared_home)
        kill(killed)
        looks = endpoint.requests(model).count(LOOK)
        await call(client, "poll_task", task_id=group, wait_s=1)
        await until(lambda: endpoint.requests(model).count(LOOK) > looks)
        endpoint.release(model)
        told = await members(client, group)
    assert len(killed) == 1
    assert killed[0].pid not in [worker.pid for worker in worker_processes(shared_home)]
    assert [(one["status"], one["text"], one["attempts"]) for one in told] == [
        ("completed", f"so: {prompt}", 1) for prompt in PROMPTS
    ]
    requests = endpoint.requests(model)
    assert [requests.count(what) for what in (UPLOAD, CREATE, READ, CANCEL)] == [1, 1, 1, 0]
    assert sorted(endpoint.prompts(model)[0]) == sorted(PROMPTS)


async def test_a_batch_whose_maker_died_before_it_knew_its_name_is_adopted(
    environ: dict[str, str], shared_home: Path, endpoint: BatchesEndpoint
) -> None:
    model = named("held")
    async with attached(environ) as client:
        group = await start(client, model, PROMPTS[:3])
        await until(lambda: CREATE in endpoint.requests(model))
        assert handles(shared_home, group) == {""}
        kill(worker_processes(shared_home))
        told = await members(client, group)
        endpoint.release(model)
    assert [one["text"] for one in told] == [f"so: {prompt}" for prompt in PROMPTS[:3]]
    assert [endpoint.requests(model).count(what) for what in (UPLOAD, CREATE)] == [1, 1]


@pytest.mark.parametrize("on_interrupt", ["report", "retry"])
async def test_a_batch_that_was_never_made_leaves_its_calls_interrupted_or_is_made_when_wanted(
    environ: dict[str, str], shared_home: Path, endpoint: BatchesEndpoint, on_interrupt: str
) -> None:
    model = named("early")
    async with attached(environ) as client:
        group = await start(client, model, PROMPTS[:2], on_interrupt=on_interrupt)
        await until(lambda: CREATE in endpoint.requests(model))
        kill(worker_processes(shared_home))
        if on_interrupt == "retry":
            await call(client, "poll_task", task_id=group, wait_s=1)
            await until(lambda: endpoint.requests(model).count(CREATE) == 2)
            await call(client, "cancel_task", task_id=group)
        told = await members(client, group)
        endpoint.release(model)
    if on_interrupt == "retry":
        assert {(one["status"], one["attempts"]) for one in told} == {("cancelled", 2)}
    else:
        assert {(one["status"], one["error"]["code"], one["attempts"]) for one in told} == {
            ("interrupted", "interrupted", 1)
        }
    assert endpoint.requests(model).count(CREATE) == (2 if on_interrupt == "retry" else 1)


async def test_one_that_leaves_does_not_stop_the_batch_and_the_last_one_does(
    environ: dict[str, str], shared_home: Path, endpoint: BatchesEndpoint
) -> None:
    model, other = named("kept"), named("kept")
    async with attached(environ) as client:
        group, gone = await start(client, model, PROMPTS[:2]), await start(client, other, PROMPTS[:2])
        for task in (group, gone):
            await until(lambda task=task: handles(shared_home, task) and "" not in handles(shared_home, task))
        first = (await call(client, "poll_task", task_id=group))["tasks"][0]["task_id"]
        left = await call(client, "cancel_task", task_id=first)
        assert left["status"] == "cancelled"
        assert "batch" in left["warnings"][0]
        await call(client, "cancel_task", task_id=gone)
        await until(lambda: CANCEL in endpoint.requests(other))
        endpoint.release(model)
        told = await members(client, group)
    assert [(one["status"], one.get("text")) for one in told] == [("cancelled", ""), ("completed", f"so: {PROMPTS[1]}")]
    assert CANCEL not in endpoint.requests(model)


async def test_a_group_that_an_earlier_worker_handed_over_is_cancelled_at_the_provider(
    environ: dict[str, str], shared_home: Path, endpoint: BatchesEndpoint
) -> None:
    model = named("kept")
    async with attached(environ) as client:
        group = await start(client, model, PROMPTS[:3])
        await until(lambda: handles(shared_home, group) and "" not in handles(shared_home, group))
        kill(worker_processes(shared_home))
        looks = endpoint.requests(model).count(LOOK)
        await call(client, "poll_task", task_id=group, wait_s=1)
        await until(lambda: endpoint.requests(model).count(LOOK) > looks)
        await call(client, "cancel_task", task_id=group)
        assert {one["status"] for one in await members(client, group)} == {"cancelled"}
        await until(lambda: CANCEL in endpoint.requests(model))
    assert endpoint.requests(model).count(CREATE) == 1


async def test_who_waits_in_a_batch_holds_no_place_that_others_need(
    environ: dict[str, str], shared_home: Path, endpoint: BatchesEndpoint
) -> None:
    model = named("kept")
    async with attached(environ | {"LONGCALL_MAX_IN_FLIGHT": "2"}) as client:
        group = await start(client, model, PROMPTS)
        await until(lambda: handles(shared_home, group) and "" not in handles(shared_home, group))
        assert (await call(client, "llm_call", prompt="now", model="demo/echo"))["text"] == "now"
        endpoint.release(model)
        told = await members(client, group)
    assert {one["status"] for one in told} == {"completed"}
    assert endpoint.requests(model).count(CREATE) == 1


@pytest.mark.parametrize("model", ["demo/fail", "max/opus", "anthropic/claude-haiku-4-5"])
async def test_a_model_of_a_provider_without_batches_is_refused_at_once(
    environ: dict[str, str], shared_home: Path, model: str
) -> None:
    async with attached(environ) as client:
        said = await error_text(client, "start_task", prompt="hello", model=model, urgency="batch")
    assert "only models of openai can" in said
    assert not rows(shared_home, "SELECT 1 FROM tasks WHERE model = ?", model)


async def test_the_wire_is_one_that_others_speak_too(shared_home: Path, tmp_path: Path) -> None:
    with aimock([{"match": {}, "response": {"content": "now"}}], tmp_path) as mock:
        environ = clean_environ(shared_home, LONGCALL_BATCH_POLL_S="0.05", **mock.environ())
        async with attached(environ) as client:
            group = await start(client, "gpt-4o", PROMPTS[:3])
            told = await members(client, group)
        assert [(one["status"], one["text"]) for one in told] == [("completed", "Mock batch completion")] * 3
        asked = [(one["method"], one["path"].partition("?")[0]) for one in mock.journal()]
        assert asked.count(("POST", "/v1/batches")) == 1
        assert not [path for _, path in asked if "chat" in path]
