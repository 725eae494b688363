"""The one way in, where it meets what others left behind."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from tools.tasks.samples import DONE, ELSEWHERE, added, look, new_task

from longcall.models import AttemptState, TaskState
from longcall.settings import read_settings
from longcall.tasks.client import TaskClient, open_client
from longcall.tasks.lock import held, lock_path
from longcall.tasks.store import Ending
from longcall.tasks.unsaved import Unsaved, keep


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
