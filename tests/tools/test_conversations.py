"""Conversations at one open store, with a real worker, as the operator and as principals go on with them."""

import os
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.processes import PATIENCE_S, kill, rows, worker_processes

import longcall
from longcall import (
    CallError,
    ConversationBusyError,
    KeyConflictError,
    Result,
    Session,
    Turn,
    UnknownConversationError,
)
from longcall.access import open_session
from longcall.models import Decision
from longcall.settings import read_settings


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Returns a store that the tests of this file share, with its worker; the worker is killed afterwards."""
    path = tmp_path_factory.mktemp("talk") / "home"
    yield path
    kill(worker_processes(path))


@pytest.fixture(autouse=True)
def project(shared_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a project folder of the test's own, on the shared store."""
    monkeypatch.setenv("LONGCALL_HOME", str(shared_home))
    monkeypatch.setenv("LONGCALL_MODEL", "demo/echo")
    monkeypatch.setenv("LONGCALL_WORKER_IDLE_S", "30")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@asynccontextmanager
async def opened(project: Path) -> AsyncGenerator[Session]:
    """Opens the shared store from a project folder."""
    with anyio.fail_after(PATIENCE_S):
        async with open_session(read_settings(os.environ), os.environ, project=project) as session:
            yield session


@pytest.fixture
async def operator(project: Path) -> AsyncGenerator[Session]:
    """Returns the shared store as the command line sees it."""
    async with opened(project) as session:
        yield session


async def say(session: Session, prompt: str | None, conversation: str = "trip", **options: Any) -> Result:
    """Says something in a conversation and returns what was answered."""
    result = await session.llm_call(prompt, conversation=conversation, **options)
    assert result.status in ("completed", "needs_review"), result
    return result


def texts(turns: list[Turn]) -> list[Any]:
    """Returns what was said."""
    return [turn.content for turn in turns]


async def test_what_is_asked_goes_on_from_what_was_said(operator: Session):
    first = await say(operator, "one", system="Be brief.")
    second = await say(operator, "two words", model="demo/slow-0")
    assert first.conversation == second.conversation
    # The demo's models count the words of all that they are asked.
    assert (first.usage, second.usage and second.usage["input_tokens"]) == (
        {"input_tokens": 3, "output_tokens": 1}, 2 + 1 + 1 + 2,
    )  # fmt: skip
    turns = await operator.conversations.turns("trip")
    assert texts(turns) == ["Be brief.", "one", "one", "two words", second.text]
    assert [turn.model for turn in turns] == [None, None, "demo/echo", None, "demo/slow-0"]


async def test_a_call_without_a_conversation_tells_of_none(operator: Session):
    result = await operator.llm_call("alone")
    assert result.conversation is None
    assert await operator.conversations.all() == []


async def test_messages_are_appended_and_a_new_system_text_replaces_the_earlier(operator: Session):
    await say(operator, "one", system="Be brief.")
    told = [{"role": "user", "content": "two"}, {"role": "assistant", "content": "2"}, {"role": "user", "content": "3"}]
    result = await say(operator, None, messages=told, system="Be long and clear.")
    assert result.usage is not None
    assert result.usage["input_tokens"] == 4 + 2 + 3
    assert texts(await operator.conversations.turns("trip"))[3:] == ["Be long and clear.", "two", "2", "3", "3"]


async def test_an_id_goes_on_from_any_project_and_a_name_from_its_own(operator: Session, tmp_path: Path):
    first = await say(operator, "one")
    assert first.conversation is not None
    async with opened(tmp_path / "elsewhere") as elsewhere:
        assert (await say(elsewhere, "two", first.conversation)).conversation == first.conversation
        other = await say(elsewhere, "three")
        assert other.conversation != first.conversation
        assert [found.id for found in await elsewhere.conversations.all()] == [other.conversation]
        everywhere = {found.id for found in await elsewhere.conversations.all(everywhere=True)}
        assert {first.conversation, other.conversation} <= everywhere
    assert texts(await operator.conversations.turns(first.conversation)) == ["one", "one", "two", "two"]


async def test_an_id_of_no_conversation_begins_none(operator: Session):
    with pytest.raises(UnknownConversationError, match="no conversation '0000"):
        await say(operator, "one", "0" * 32)
    with pytest.raises(UnknownConversationError):
        await operator.conversations.turns("never begun")
    with pytest.raises(UnknownConversationError):
        await operator.conversations.delete("never begun")
    assert await operator.conversations.all() == []


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 101])
async def test_what_is_no_name_is_refused_and_nothing_is_stored(operator: Session, name: str):
    with pytest.raises(CallError, match="name of 1 to 100"):
        await operator.llm_call("one", conversation=name)
    assert (await operator.list_tasks()).tasks is None or (await operator.list_tasks()).tasks == []


async def test_another_prompt_waits_for_the_task_at_work_and_the_same_attaches(operator: Session):
    begun = await operator.start_task("a b c d e", model="demo/stall", conversation="trip", idempotency_key="k")
    assert begun.task_id is not None
    for options in ({"fresh": True}, {"idempotency_key": "l"}, {"model": "demo/echo"}):
        asked: dict[str, Any] = {"model": "demo/stall", **options}
        prompt = "a b c d e" if "idempotency_key" in options else "another"
        with pytest.raises(ConversationBusyError, match=begun.task_id):
            await operator.start_task(prompt, conversation="trip", **asked)
    again = await operator.start_task("a b c d e", model="demo/stall", conversation="trip", fresh=True)
    assert again.task_id == begun.task_id
    assert "Another prompt has to wait" in again.warnings[0]
    keyed = await operator.start_task("a b c d e", model="demo/stall", conversation="trip", idempotency_key="k")
    assert (keyed.task_id, "idempotency_key" in keyed.warnings[0]) == (begun.task_id, True)
    with pytest.raises(KeyConflictError):
        await operator.start_task("another", model="demo/stall", conversation="trip", idempotency_key="k")
    await operator.cancel_task(begun.task_id)
    assert (await say(operator, "another")).text == "another"
    assert texts(await operator.conversations.turns("trip")) == ["another", "another"]


async def test_a_failed_task_leaves_the_conversation_as_it_was(operator: Session):
    await say(operator, "one")
    failed = await operator.llm_call("two", model="demo/fail", conversation="trip")
    assert failed.status == "failed"
    assert (await say(operator, "three")).usage == {"input_tokens": 3, "output_tokens": 1}
    assert texts(await operator.conversations.turns("trip")) == ["one", "one", "three", "three"]


async def test_an_answer_that_is_accepted_or_done_better_is_said(operator: Session):
    asked: dict[str, Any] = {
        "model": "demo/slip",
        "validate": "json",
        "retry": {"max_attempts": 1, "max_attempts_before_human": 1},
    }
    doubted = await say(operator, '{"a": 1}', **asked)
    assert (doubted.status, doubted.task_id is not None) == ("needs_review", True)
    assert await operator.conversations.turns("trip") == []
    assert doubted.task_id is not None
    await operator.review(doubted.task_id, Decision.ACCEPT)
    assert texts(await operator.conversations.turns("trip")) == ['{"a": 1}', doubted.text]
    guided = await say(operator, '{"b": 2}', **asked)
    assert guided.task_id is not None
    await operator.start_task(resume=guided.task_id, guidance='{"c": 3}')
    better = await operator.poll_task(guided.task_id, wait_s=None)
    await operator.review(guided.task_id, Decision.ACCEPT)
    said = texts(await operator.conversations.turns("trip"))[2:]
    assert said == ['{"b": 2}', guided.text, '{"c": 3}', better.text]


async def test_several_prompts_or_models_are_refused(operator: Session):
    for several in ({"prompts": ["one", "two"]}, {"models": ["demo/echo", "demo/slow-0"], "prompt": "one"}):
        for dry_run in (False, True):
            asked: dict[str, Any] = {**several, "dry_run": dry_run}
            with pytest.raises(CallError, match="one prompt and one model"):
                await operator.start_task(conversation="trip", **asked)
    assert await operator.conversations.all() == []
    one = await operator.start_task(prompts=["one"], conversation="trip")
    assert one.conversation is not None
    with pytest.raises(CallError, match="`guidance` alone"):
        await operator.start_task(resume=one.task_id, guidance="x", conversation="trip")


async def test_a_dry_run_counts_what_was_said_and_begins_nothing(operator: Session):
    told = await operator.llm_call("x" * 40, conversation="trip", dry_run=True)
    assert told.would_send is not None
    assert told.would_send["calls"][0] | {"conversation_tokens": 0, "input_tokens": 10} == told.would_send["calls"][0]
    assert await operator.conversations.all() == []
    await say(operator, "y" * 400)
    told = await operator.llm_call("x" * 40, conversation="trip", dry_run=True)
    assert told.would_send is not None
    assert told.would_send["calls"][0]["conversation_tokens"] == 200
    assert told.would_send["calls"][0]["input_tokens"] == 210


async def test_files_are_kept_as_they_were_shown(operator: Session, project: Path):
    (project / "a.py").write_text("a = 1\n")
    await say(operator, "what is a?", files=["a.py"])
    (project / "a.py").write_text("a = 2\n")
    question, _answer = await operator.conversations.turns("trip")
    assert "a = 1" in str(question.content)
    sizes = await operator.client.store.history(await operator.conversations.find("trip"))
    assert sizes.talk[0].bare_tokens == 3


async def test_a_principal_neither_sees_nor_goes_on_with_anothers(operator: Session):
    ann, bob = operator.as_principal("ann"), operator.as_principal("bob")
    hers = await say(ann, "my secret")
    assert hers.conversation is not None
    his = await say(bob, "who is there?")
    assert his.conversation != hers.conversation
    assert his.usage == {"input_tokens": 3, "output_tokens": 1}
    for stranger in (bob, operator.as_principal("")):
        for attempt in (stranger.conversations.turns, stranger.conversations.delete, stranger.conversations.find):
            with pytest.raises(UnknownConversationError):
                await attempt(hers.conversation)
        with pytest.raises(UnknownConversationError):
            await stranger.start_task("and?", conversation=hers.conversation)
        assert hers.conversation not in {found.id for found in await stranger.conversations.all(everywhere=True)}
    with pytest.raises(UnknownConversationError):  # the operator looks at all, and goes on with its own
        await operator.start_task("and?", conversation=hers.conversation)
    assert texts(await operator.conversations.turns(hers.conversation)) == ["my secret", "my secret"]
    assert {found.principal for found in await operator.conversations.all()} == {"ann", "bob"}
    assert texts(await ann.conversations.turns("trip")) == ["my secret", "my secret"]


async def test_the_python_api_begins_lists_shows_and_deletes(operator: Session, shared_home: Path):
    with anyio.fail_after(PATIENCE_S):
        result = await longcall.llm_call("žluťoučký kůň 🐎", conversation="výlet")
        [found] = await longcall.list_conversations()
        assert (found.id, found.name, found.turns) == (result.conversation, "výlet", 2)
        assert found.id in {one.id for one in await longcall.list_conversations(everywhere=True)}
        assert texts(await longcall.show_conversation("výlet")) == ["žluťoučký kůň 🐎"] * 2
        await longcall.delete_conversation(found.id)
        assert await longcall.list_conversations() == []
    assert rows(shared_home, "SELECT * FROM turns WHERE conversation = ?", found.id) == []
    assert (await operator.poll_task(result.task_id)).text == "žluťoučký kůň 🐎"


async def test_a_name_that_is_begun_anew_does_not_remember(operator: Session):
    first = await say(operator, "one")
    await operator.conversations.delete("trip")
    second = await say(operator, "one")
    assert second.conversation != first.conversation
    assert second.task_id != first.task_id
    assert texts(await operator.conversations.turns("trip")) == ["one", "one"]


async def test_many_at_once_are_said_one_after_another(operator: Session):
    """Whoever finds another at work is refused; nobody is lost, and nothing is said twice."""
    said: list[str] = []

    async def talk(number: int) -> None:
        while True:
            try:
                await say(operator, f"number {number}")
            except ConversationBusyError:
                await anyio.sleep(0.01)
            else:
                said.append(f"number {number}")
                return

    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(talk, number)
    turns = await operator.conversations.turns("trip")
    assert [turn.number for turn in turns] == list(range(1, 13))
    assert sorted(texts(turns)[::2]) == sorted(texts(turns)[1::2]) == sorted(said)
