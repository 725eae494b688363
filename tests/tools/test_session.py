"""One open store, as the operator and as several principals see it."""

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest
from support.processes import PATIENCE_S, kill, worker_processes
from tools.tasks.samples import ELSEWHERE, WORKER, doubtful, new_group, new_task

from longcall import Result, Session, UnknownTaskError
from longcall.access import open_session
from longcall.models import Decision
from longcall.settings import read_settings
from longcall.tasks.store import NewTask

NAMES = ["", "ann"]


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Returns a store that the tests of this file share, with its worker; the worker is killed afterwards."""
    path = tmp_path_factory.mktemp("session") / "home"
    yield path
    kill(worker_processes(path))


@pytest.fixture
async def operator(shared_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Session]:
    """Returns the shared store as the command line sees it, from a project folder of the test's own."""
    monkeypatch.setenv("LONGCALL_HOME", str(shared_home))
    monkeypatch.setenv("LONGCALL_MODEL", "demo/echo")
    monkeypatch.setenv("LONGCALL_WORKER_IDLE_S", "30")
    async with open_session(read_settings(os.environ), os.environ, project=tmp_path) as session:
        yield session


async def begun(session: Session, prompt: str = "why?", **options: str) -> str:
    """Begins a task and returns its id."""
    result = await session.start_task(prompt, idempotency_key=options.get("key"))
    assert result.task_id is not None
    return result.task_id


async def doubted(operator: Session, *tasks: NewTask) -> str:
    """Adds tasks of which those that ask are answered so that they need review; returns the first one's id."""
    store = operator.client.store
    await store.add(tasks)
    for claim in await store.claim(ELSEWHERE, WORKER, 10):
        await store.mark_sent(claim.id, WORKER, "demo/echo")
        assert await store.finish(claim.id, WORKER, doubtful())
    return tasks[0].id


def listed(result: Result) -> set[str]:
    """Returns the ids in a list of tasks."""
    return {line.task_id for line in result.tasks or ()}


async def test_the_operator_begins_tasks_as_the_user_of_this_machine(operator: Session):
    task = await operator.client.task(await begun(operator, "whose?"))
    assert task.principal == ""
    assert listed(await operator.as_principal("").list_tasks()) == {task.id}


@pytest.mark.parametrize("name", NAMES)
async def test_another_principals_task_is_told_of_as_if_there_were_none(operator: Session, name: str):
    task_id = await begun(operator.as_principal(name), f"{name}'s?")
    stranger = operator.as_principal("bob")
    before = await operator.client.wait(task_id, PATIENCE_S)
    asks: list[Callable[[str], Awaitable[object]]] = [
        stranger.poll_task, stranger.cancel_task, stranger.look, partial(stranger.poll_task, wait_s=None),
        partial(stranger.review, decision=Decision.STOP),
    ]  # fmt: skip
    for ask in asks:
        with pytest.raises(UnknownTaskError) as theirs, anyio.fail_after(PATIENCE_S):
            await ask(task_id)
        with pytest.raises(UnknownTaskError) as nobodys:
            await ask("0" * 32)
        assert str(theirs.value).replace(task_id, "ID") == str(nobodys.value).replace("0" * 32, "ID")
    after = await operator.client.task(task_id)
    assert (after.state, after.text, after.cancel_requested) == (before.state, before.text, False)


@pytest.mark.parametrize("name", NAMES)
async def test_a_principal_polls_looks_at_and_cancels_its_own_tasks(operator: Session, name: str):
    session = operator.as_principal(name)
    with anyio.fail_after(PATIENCE_S):
        assert (await session.llm_call(f"{name} asks", wait_s=None)).text == f"{name} asks"
        task_id = await begun(session, f"{name}'s own?")
        assert (await session.poll_task(task_id, wait_s=None)).status == "completed"
        assert (await session.look(task_id)).principal == name
        assert (await session.cancel_task(task_id)).status == "completed"
        assert (await operator.poll_task(task_id)).status == "completed"


async def test_each_principal_lists_its_own_tasks_and_the_operator_all(operator: Session):
    ann, bob, local = (operator.as_principal(name) for name in ("ann", "bob", ""))
    made = {session: await begun(session) for session in (ann, bob, local)}
    for session, task_id in made.items():
        assert listed(await session.list_tasks()) == listed(await session.poll_task()) == {task_id}
        assert task_id in listed(await session.list_tasks(everywhere=True))
        assert not (set(made.values()) - {task_id}) & listed(await session.list_tasks(everywhere=True))
    assert listed(await operator.list_tasks()) == set(made.values())


async def test_requests_and_keys_of_another_principal_lead_to_tasks_of_their_own(operator: Session):
    ann, bob = operator.as_principal("ann"), operator.as_principal("bob")
    ids = [await begun(session, "the same?", key="k") for session in (ann, bob, operator)]
    assert len(set(ids)) == 3
    assert [await begun(session, "the same?", key="k") for session in (ann, bob, operator)] == ids
    assert await begun(operator.as_principal(""), "the same?", key="k") == ids[2]


async def test_a_group_and_its_members_are_unknown_to_others(operator: Session):
    group = await operator.as_principal("ann").start_task(prompts=["one", "two"])
    assert group.tasks is not None
    for task_id in (group.task_id, *listed(group)):
        assert task_id is not None
        assert (await operator.as_principal("ann").poll_task(task_id)).task_id == task_id
        with pytest.raises(UnknownTaskError):
            await operator.as_principal("bob").poll_task(task_id)


async def test_a_principal_reviews_its_own_tasks_and_nobody_elses(operator: Session):
    ann, bob = operator.as_principal("ann"), operator.as_principal("bob")
    task_id = await doubted(operator, new_task(environment=ELSEWHERE, principal="ann"))
    with pytest.raises(UnknownTaskError):
        await bob.review(task_id, Decision.ACCEPT)
    shown = await ann.poll_task(task_id)
    assert (shown.status, shown.text) == ("needs_review", "perhaps")
    assert shown.next is not None
    assert "have it done better" in shown.next
    accepted = await ann.review(task_id, Decision.ACCEPT)
    assert (accepted.status, accepted.text, accepted.next) == ("completed", "perhaps", None)
    assert accepted.warnings == ["a warning", "accepted by a reviewer although its checks failed"]


async def test_a_member_that_needs_review_is_reviewed_by_whose_group_it_is(operator: Session):
    parent, member = (replace(task, environment=ELSEWHERE) for task in new_group(1, principal="ann"))
    await doubted(operator, parent, member)
    ann, bob = operator.as_principal("ann"), operator.as_principal("bob")
    assert (await ann.poll_task(parent.id)).status == "completed"
    with pytest.raises(UnknownTaskError):
        await bob.review(member.id, Decision.GUIDE, "be sure")
    guided = await ann.review(member.id, Decision.GUIDE, "be sure")
    assert (guided.status, guided.text) == ("working", "")
    assert (await ann.poll_task(parent.id)).status == "working"


async def test_the_operator_stops_what_any_principal_began(operator: Session):
    task_id = await doubted(operator, new_task(environment=ELSEWHERE, principal="ann"))
    stopped = await operator.review(task_id, Decision.STOP)
    assert (stopped.status, stopped.text) == ("cancelled", "perhaps")
