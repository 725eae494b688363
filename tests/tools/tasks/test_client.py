"""The one way in, where it meets what others left behind, and where answers are reviewed."""

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest
from support.processes import PATIENCE_S
from tools.tasks.samples import DONE, ELSEWHERE, added, answered, doubtful, look, new_task

from longcall.errors import CallError, UnknownTaskError
from longcall.models import AttemptState, Decision, Task, TaskState
from longcall.settings import read_settings
from longcall.tasks.client import TaskClient, open_client
from longcall.tasks.lock import held, lock_path
from longcall.tasks.store import Ending
from longcall.tasks.unsaved import Unsaved, keep
from longcall.tasks.watch import Watches


@pytest.fixture
async def client(home: Path) -> AsyncGenerator[TaskClient]:
    """Returns a client on a new store."""
    async with open_client(read_settings(os.environ), os.environ) as opened:
        assert opened.settings.home == home
        yield opened


async def sent_elsewhere(client: TaskClient) -> str:
    """Returns a task that a worker of another environment has sent."""
    [task] = await added(client.store, new_task(environment=ELSEWHERE))
    await client.store.claim(ELSEWHERE, "theirs", 1)
    await client.store.mark_sent(task, "theirs", "demo/echo")
    return task


async def test_the_fate_of_a_task_of_a_dead_worker_elsewhere_is_told(client: TaskClient):
    task = await sent_elsewhere(client)
    assert (await client.wait(task, 0)).state is TaskState.INTERRUPTED


async def test_whoever_follows_a_task_sees_it_until_its_end(client: TaskClient):
    task = await sent_elsewhere(client)
    with held(lock_path(client.settings.workers_path, ELSEWHERE)):
        async with aclosing(client.follow(task, 0.01)) as tasks:
            assert (await anext(tasks)).state is TaskState.RUNNING
            await client.store.finish(task, "theirs", answered("because"))
            assert [seen.text async for seen in tasks][-1] == "because"
    with pytest.raises(UnknownTaskError):
        await anext(client.follow(task, 0.01, principal="ann"))


async def test_a_task_of_a_living_worker_elsewhere_is_left_alone(client: TaskClient):
    task = await sent_elsewhere(client)
    with held(lock_path(client.settings.workers_path, ELSEWHERE)) as ours:
        assert ours
        assert (await client.wait(task, 0)).state is TaskState.RUNNING
    assert (await look(client.store, task)).state is TaskState.RUNNING


async def test_an_answer_in_a_file_is_not_given_up_as_lost(client: TaskClient):
    task = await sent_elsewhere(client)
    ending = Ending(TaskState.COMPLETED, AttemptState.ANSWERED, "paid for", DONE)
    keep(client.settings.unsaved_path, Unsaved(task, "theirs", ending))
    found = await client.wait(task, 0)
    assert (found.state, found.text) == (TaskState.COMPLETED, "paid for")


async def doubted(client: TaskClient, environment: str = ELSEWHERE) -> str:
    """Returns a task that needs review."""
    [task] = await added(client.store, new_task("how?", environment=environment))
    await answer(client, task, environment, doubtful())
    return task


async def answer(client: TaskClient, task: str, environment: str, ending: Ending) -> None:
    """Has a worker end the one task that waits."""
    assert [claim.id for claim in await client.store.claim(environment, "theirs", 10)] == [task]
    await client.store.mark_sent(task, "theirs", "demo/echo")
    assert await client.store.finish(task, "theirs", ending)


async def test_a_guided_task_is_run_by_a_worker_that_comes_for_it(client: TaskClient):
    task = await doubted(client, client.environment)
    assert (await client.wait(task, None)).state is TaskState.NEEDS_REVIEW
    guided = await client.review(task, Decision.GUIDE, " be \ud800 sure\n")
    assert guided.state is TaskState.QUEUED
    with anyio.fail_after(PATIENCE_S):
        found = await client.wait(task, None)
    assert (found.state, found.text, len(found.attempts)) == (TaskState.COMPLETED, "be \ufffd sure", 2)


async def test_who_waits_hears_of_the_doubtful_answer_and_then_of_the_next_one(client: TaskClient):
    [task] = await added(client.store, new_task(environment=ELSEWHERE))
    heard: list[Task] = []

    async def wait() -> None:
        heard.append(await client.wait(task, None))

    with held(lock_path(client.settings.workers_path, ELSEWHERE)), anyio.fail_after(PATIENCE_S):
        for ending in (doubtful(), answered()):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await answer(client, task, ELSEWHERE, ending)
            if ending.state is TaskState.NEEDS_REVIEW:
                await client.review(task, Decision.GUIDE, "be sure")
    assert [found.state for found in heard] == [TaskState.NEEDS_REVIEW, TaskState.COMPLETED]


async def test_a_watch_hears_each_ending_once():
    watches = Watches()
    with watches.watching("one") as first, watches.watching("one") as second, watches.watching("two") as other:
        watches.ring("one")
        watches.ring("nobody's")
        assert [await watch.heard(0.01) for watch in (first, second, other)] == [True, True, False]
        assert not await first.heard(0.01)
        watches.ring("one")
        assert await first.heard(0.01)
        assert watches
    assert not watches


@pytest.mark.parametrize("guidance", [None, "", " \n"])
async def test_guidance_that_says_nothing_is_refused_and_the_review_waits(client: TaskClient, guidance: str | None):
    task = await doubted(client)
    with pytest.raises(CallError, match="say in `guidance` what the model is to do better; the task still waits"):
        await client.review(task, Decision.GUIDE, guidance)
    assert (await look(client.store, task)).state is TaskState.NEEDS_REVIEW


async def test_a_decision_that_is_none_is_refused(client: TaskClient):
    task = await doubted(client)
    with pytest.raises(CallError, match="must be one of accept, guide, stop"):
        await client.review(task, "perhaps")  # pyright: ignore[reportArgumentType]  # as Python callers may
    assert (await look(client.store, task)).state is TaskState.NEEDS_REVIEW


@pytest.mark.parametrize("decision", list(Decision))
async def test_a_task_that_needs_no_review_says_so(client: TaskClient, decision: Decision):
    [task] = await added(client.store, new_task(environment=ELSEWHERE))
    for guidance in ("be sure", None):
        with pytest.raises(CallError, match=rf"^The task {task} needs no review: it is queued\. poll_task tells"):
            await client.review(task, decision, guidance)
    with pytest.raises(UnknownTaskError):
        await client.review("0" * 32, decision, "be sure")
