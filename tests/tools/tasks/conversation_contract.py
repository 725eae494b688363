"""What any TaskStore must do with conversations. Imported beside `store_contract` and `review_contract`."""

from dataclasses import replace
from typing import Any

import pytest
from tools.tasks.samples import (
    BROKEN,
    DONE,
    ELSEWHERE,
    FAR_FUTURE,
    HERE,
    OTHER,
    WORKER,
    OpenStore,
    added,
    answered,
    deliver,
    doubtful,
    look,
    new_id,
    new_task,
    running,
)

from longcall.conversation import WITHOUT_FILES, Conversation, Heard, History
from longcall.errors import ConversationBusyError, KeyConflictError
from longcall.message import Message
from longcall.models import AttemptState, Decision, TaskState
from longcall.tasks.added import Added, Attached
from longcall.tasks.conversation_store import ConversationMovedError
from longcall.tasks.store import Ending, NewTask, TaskStore

SAME = "d" * 24
FAILED = Ending(TaskState.FAILED, AttemptState.FAILED, failure=BROKEN)
CANCELLED = Ending(TaskState.CANCELLED, AttemptState.CANCELLED)


def begun(name: str = "trip", *, principal: str = "", project: str = "/project") -> Heard:
    """Returns what is heard of a conversation that is to begin."""
    return Heard(Conversation(new_id(), name, principal, project))


def asking_in(heard: Heard, prompt: str = "why?", **options: Any) -> NewTask:
    """Returns a task that goes on with a conversation."""
    return replace(new_task(prompt, principal=heard.conversation.principal, **options), heard=heard)


async def now(store: TaskStore, heard: Heard) -> Heard:
    """Returns all that can be heard of a conversation now."""
    return Heard(heard.conversation, (await store.history(heard.conversation)).last)


async def said(store: TaskStore, heard: Heard) -> list[tuple[str, Any]]:
    """Returns who said what in a conversation."""
    return [(turn.role, turn.content) for turn in await store.turns(heard.conversation.id)]


async def talk(store: TaskStore, heard: Heard, *exchanges: tuple[str, str]) -> list[str]:
    """Has questions be asked and answered in turn; returns the ids of their tasks."""
    ids: list[str] = []
    for prompt, answer in exchanges:
        [task] = await running(store, asking_in(await now(store, heard), prompt), sent=True)
        assert await store.finish(task, WORKER, answered(answer))
        ids.append(task)
    return ids


async def claimed(store: TaskStore) -> list[tuple[str, Any]]:
    """Returns what the next task asks, turn by turn."""
    [claim] = await store.claim(HERE, WORKER, 1)
    return [(turn.role, turn.content) for turn in claim.call.messages]


async def test_a_conversation_begins_with_its_first_task(store: TaskStore):
    heard = begun()
    [task] = await added(store, asking_in(heard))
    found = await store.named_conversation("", "/project", "trip")
    assert found == await store.conversation(heard.conversation.id)
    assert found is not None
    assert (found.id, found.name, found.turns, found.tokens, found.task) == (heard.conversation.id, "trip", 0, 0, task)
    assert (await look(store, task)).conversation == found.id
    [plain] = await added(store, new_task())
    assert (await look(store, plain)).conversation is None


async def test_question_and_answer_are_said_when_the_task_is_completed_and_not_before(store: TaskStore):
    heard = begun()
    [task] = await running(store, asking_in(heard, "why? 🐎"), sent=True)
    await store.add_pieces(WORKER, [(task, "be")])
    assert await said(store, heard) == []
    await store.finish(task, WORKER, answered("because"))
    question, answer = await store.turns(heard.conversation.id)
    assert (question.role, question.content, question.model, question.task) == ("user", "why? 🐎", None, task)
    assert (answer.role, answer.content, answer.model, answer.number) == ("assistant", "because", DONE.model, 2)
    found = await store.conversation(heard.conversation.id)
    assert found is not None
    assert (found.turns, found.tokens, found.task) == (2, question.tokens + answer.tokens, None)


async def test_the_next_task_is_asked_with_all_that_was_said(store: TaskStore):
    heard = begun()
    await talk(store, heard, ("one?", "1"), ("two?", "2"))
    await added(store, asking_in(await now(store, heard), "three?"))
    assert await claimed(store) == [
        ("user", "one?"), ("assistant", "1"), ("user", "two?"), ("assistant", "2"), ("user", "three?"),
    ]  # fmt: skip


async def test_what_is_stored_with_a_task_is_its_own_messages_alone(store: TaskStore):
    heard = begun()
    await talk(store, heard, ("one?", "1"))
    [task] = await added(store, asking_in(await now(store, heard), "two?"))
    call = (await look(store, task)).call
    assert call is not None
    assert [turn.content for turn in call.messages] == ["two?"]


@pytest.mark.parametrize("ending", [FAILED, CANCELLED, doubtful(), answered(" \n")])
async def test_a_task_that_ends_in_another_way_says_nothing_and_the_next_one_goes_on(store: TaskStore, ending: Ending):
    heard = begun()
    await talk(store, heard, ("one?", "1"))
    before = await said(store, heard)
    [task] = await running(store, asking_in(await now(store, heard), "two?"), sent=True)
    await store.finish(task, WORKER, ending)
    assert await said(store, heard) == before
    await added(store, asking_in(await now(store, heard), "three?"))
    assert await claimed(store) == [*before, ("user", "three?")]


async def test_an_interrupted_task_says_nothing_and_one_that_is_taken_up_again_says_it_once(store: TaskStore):
    heard = begun()
    [lost] = await running(store, asking_in(heard, "one?"), sent=True)
    await store.recover(HERE, OTHER)
    assert (await look(store, lost)).state is TaskState.INTERRUPTED
    [task] = await running(store, asking_in(await now(store, heard), "two?"))
    await store.recover(HERE, OTHER)
    [claim] = await store.claim(HERE, OTHER, 1)
    assert (claim.id, [turn.content for turn in claim.call.messages]) == (task, ["two?"])
    await store.mark_sent(task, OTHER, "demo/echo")
    assert not await store.finish(task, WORKER, answered("stale"))
    assert await store.finish(task, OTHER, answered("2"))
    assert await said(store, heard) == [("user", "two?"), ("assistant", "2")]


async def test_an_accepted_answer_is_said_when_it_is_accepted(store: TaskStore):
    heard = begun()
    [task] = await running(store, asking_in(heard, "one?"), sent=True)
    await store.finish(task, WORKER, doubtful("perhaps"))
    assert await store.review(task, Decision.ACCEPT, None)
    assert not await store.review(task, Decision.ACCEPT, None)
    assert await said(store, heard) == [("user", "one?"), ("assistant", "perhaps")]


async def test_an_answer_that_is_given_up_is_never_said(store: TaskStore):
    heard = begun()
    [task] = await running(store, asking_in(heard, "one?"), sent=True)
    await store.finish(task, WORKER, doubtful("perhaps"))
    assert await store.review(task, Decision.STOP, None)
    assert await said(store, heard) == []


async def test_a_guided_task_says_all_its_turns_when_it_is_completed(store: TaskStore):
    heard = begun()
    await talk(store, heard, ("one?", "1"))
    [task] = await running(store, asking_in(await now(store, heard), "two?"), sent=True)
    await store.finish(task, WORKER, doubtful("perhaps"))
    await store.review(task, Decision.GUIDE, "be sure")
    expected = [("user", "one?"), ("assistant", "1"), ("user", "two?"), ("assistant", "perhaps"), ("user", "be sure")]
    assert await claimed(store) == expected
    await store.mark_sent(task, WORKER, "demo/echo")
    await store.finish(task, WORKER, answered("surely"))
    assert await said(store, heard) == [*expected, ("assistant", "surely")]


async def test_a_task_is_guided_only_when_no_other_is_at_work_in_its_conversation(store: TaskStore):
    heard = begun()
    [doubted] = await running(store, asking_in(heard, "one?"), sent=True)
    await store.finish(doubted, WORKER, doubtful())
    [task] = await running(store, asking_in(heard, "two?"), sent=True)
    with pytest.raises(ConversationBusyError, match=task):
        await store.review(doubted, Decision.GUIDE, "be sure")
    assert (await look(store, doubted)).state is TaskState.NEEDS_REVIEW
    await store.finish(task, WORKER, answered("2"))
    assert await store.review(doubted, Decision.GUIDE, "be sure")


async def test_another_prompt_waits_for_the_task_at_work(store: TaskStore):
    heard = begun()
    [task] = await added(store, asking_in(heard, "one?"))
    for _ in range(2):
        refused = asking_in(heard, "two?")
        with pytest.raises(ConversationBusyError, match=rf"'trip' .* {task}"):
            await store.add([refused], fresh=True)
        assert await store.task(refused.id) is None
        await store.claim(HERE, WORKER, 1)
    other = begun("other")
    assert await store.add([asking_in(other, "two?")]) != task


async def test_the_same_request_attaches_to_the_task_at_work_even_afresh(store: TaskStore):
    heard = begun()
    [task] = await added(store, asking_in(heard, request=SAME))
    for fresh in (False, True):
        assert await store.add([asking_in(heard, request=SAME)], fresh=fresh) == Added(task, Attached.RUNNING)
    with pytest.raises(ConversationBusyError):
        await store.add([asking_in(heard, request=SAME, environment=ELSEWHERE)])


async def test_an_answer_nobody_was_handed_is_attached_to_until_something_else_is_said(store: TaskStore):
    heard = begun()
    [task] = await running(store, asking_in(heard, "on", request=SAME), sent=True)
    await store.finish(task, WORKER, answered("1"))
    assert await store.add([asking_in(await now(store, heard), request=SAME)]) == Added(task, Attached.UNDELIVERED)
    await talk(store, heard, ("two?", "2"))
    anew = asking_in(await now(store, heard), "on", request=SAME)
    assert await store.add([anew]) == Added(anew.id)


async def test_an_answer_that_was_handed_over_or_is_wanted_afresh_is_asked_anew(store: TaskStore):
    heard = begun()
    for delivered in (True, False):
        [task] = await running(store, asking_in(await now(store, heard), "on", request=SAME), sent=True)
        await store.finish(task, WORKER, answered("1"))
        if delivered:
            await deliver(store, task)
    anew = asking_in(await now(store, heard), "on", request=SAME)
    assert await store.add([anew], fresh=True) == Added(anew.id)


async def test_the_same_words_in_and_out_of_conversations_are_other_requests(store: TaskStore):
    heard, other = begun(), begun("other")
    ids = [new_task(request=SAME), asking_in(heard, request=SAME), asking_in(other, request=SAME)]
    assert [await store.add([task]) for task in ids] == [Added(task.id) for task in ids]


async def test_a_key_leads_to_its_task_in_its_conversation_alone(store: TaskStore):
    heard = begun()
    [task] = await running(store, asking_in(heard, request=SAME, key="k"), sent=True)
    assert await store.add([asking_in(heard, request=SAME, key="k")], fresh=True) == Added(task, Attached.KEY)
    await store.finish(task, WORKER, answered("1"))
    assert await store.add([asking_in(await now(store, heard), request=SAME, key="k")]) == Added(task, Attached.KEY)
    for other in (asking_in(begun("other"), request=SAME, key="k"), new_task(request=SAME, key="k")):
        with pytest.raises(KeyConflictError):
            await store.add([other])
    assert await store.named_conversation("", "/project", "other") is None


async def test_what_was_heard_must_be_all_that_was_said(store: TaskStore):
    heard = begun()
    await talk(store, heard, ("one?", "1"))
    for last in (0, 1, 3):
        late = asking_in(Heard(heard.conversation, last), "two?")
        with pytest.raises(ConversationMovedError):
            await store.add([late])
        assert await store.task(late.id) is None
    assert (await store.add([asking_in(Heard(heard.conversation, 2))])).attached is None


async def test_two_beginnings_of_the_same_name_are_one_conversation(store: TaskStore, open_store: OpenStore):
    first, second = begun(), begun()
    await store.add([asking_in(first)])
    async with open_store() as other:
        with pytest.raises(ConversationMovedError):
            await other.add([asking_in(second)])
    assert [found.id for found in await store.conversations(None, None)] == [first.conversation.id]


async def test_names_are_unique_in_a_project_of_a_principal(store: TaskStore):
    all_of_them = [
        begun(), begun(principal="ann"), begun(project="/elsewhere"), begun("Trip"),
        begun(principal="ann", project="/elsewhere"),
    ]  # fmt: skip
    for heard in all_of_them:
        await store.add([asking_in(heard)])
    for heard in all_of_them:
        of = heard.conversation
        found = await store.named_conversation(of.principal, of.project, of.name)
        assert found is not None
        assert found.id == of.id
    assert await store.named_conversation("bob", "/project", "trip") is None
    ours, anns, elsewhere, capital, anns_too = (heard.conversation.id for heard in all_of_them)
    for project, principal, expected in (
        (None, None, {ours, anns, elsewhere, capital, anns_too}), ("/project", None, {ours, anns, capital}),
        (None, "ann", {anns, anns_too}), ("/project", "ann", {anns}), (None, "bob", set[str]()),
    ):  # fmt: skip
        assert {found.id for found in await store.conversations(project, principal)} == expected


async def test_another_principals_conversation_is_never_gone_on_with(store: TaskStore):
    heard = begun(principal="ann")
    await store.add([asking_in(heard)])
    forged = Heard(replace(heard.conversation, principal="bob"))
    with pytest.raises(ConversationMovedError):
        await store.add([asking_in(forged)])


async def test_a_system_text_holds_until_another_is_given_and_stands_first(store: TaskStore):
    heard = begun()
    for messages in (
        (Message(role="system", content="Be brief."), Message(role="user", content="one?")),
        (Message(role="user", content="two?"),),
        (Message(role="user", content="three?"), Message(role="developer", content="Be long.")),
    ):
        [task] = await running(store, asking_in(await now(store, heard), messages=messages), sent=True)
        await store.finish(task, WORKER, answered("yes"))
    told = [("user", "one?"), ("assistant", "yes"), ("user", "two?"), ("assistant", "yes"), ("user", "three?")]
    await added(store, asking_in(await now(store, heard), "four?"))
    assert await claimed(store) == [("developer", "Be long."), *told, ("assistant", "yes"), ("user", "four?")]
    history = await store.history(heard.conversation)
    assert history.system_tokens == 2
    assert len(history.talk) == 6


async def test_a_system_text_of_a_task_takes_the_place_of_the_earlier_one(store: TaskStore):
    heard = begun()
    for text in ("Be brief.", "Be long."):
        messages = (Message(role="system", content=text), Message(role="user", content="why?"))
        [task] = await added(store, asking_in(await now(store, heard), messages=messages))
        turns = await claimed(store)
        assert [content for role, content in turns if role == "system"] == [text]
        await store.mark_sent(task, WORKER, "demo/echo")
        await store.finish(task, WORKER, answered())


async def test_a_task_hears_no_more_than_it_was_made_with(store: TaskStore):
    heard = begun()
    shown = 'File "a":\n```\nlong\n```\n'
    for number in range(3):
        said_with_file = (Message(role="user", content=f"{shown}\n{number}?"),)
        asked = asking_in(await now(store, heard), messages=said_with_file, original_prompt=f"{number}?")
        [task] = await running(store, asked, sent=True)
        await store.finish(task, WORKER, answered(str(number)))
    trimmed = Heard(heard.conversation, 6, first=3, files_from=5, note="left out")
    [task] = await added(store, asking_in(trimmed, "on?"))
    assert (await look(store, task)).trimmed == "left out"
    assert await claimed(store) == [
        ("user", f"1?\n\n{WITHOUT_FILES}"), ("assistant", "1"), ("user", f"{shown}\n2?"), ("assistant", "2"),
        ("user", "on?"),
    ]  # fmt: skip
    sizes = (await store.history(heard.conversation)).talk
    assert [size.bare_tokens for size in sizes] == [1, None] * 3
    assert len(await said(store, heard)) == 6


async def test_a_conversation_outlives_its_tasks(store: TaskStore):
    heard = begun()
    tasks = await talk(store, heard, ("one?", "1"), ("two?", "2"))
    assert set(await store.prune(FAR_FUTURE)) == set(tasks)
    assert [content for _, content in await said(store, heard)] == ["one?", "1", "two?", "2"]
    await added(store, asking_in(await now(store, heard), "three?"))
    assert len(await claimed(store)) == 5


async def test_a_deleted_conversation_is_gone_and_its_tasks_stay(store: TaskStore):
    heard = begun()
    [task] = await talk(store, heard, ("one?", "1"))
    stays = begun("stays")
    await talk(store, stays, ("two?", "2"))
    await store.delete_conversation(heard.conversation.id)
    await store.delete_conversation(heard.conversation.id)
    assert await store.conversation(heard.conversation.id) is None
    assert await said(store, heard) == []
    assert (await look(store, task)).text == "1"
    assert len(await said(store, stays)) == 2
    with pytest.raises(ConversationMovedError):
        await store.add([asking_in(Heard(heard.conversation, 2))])
    anew = asking_in(begun(), "one?")
    assert await store.add([anew]) == Added(anew.id)


async def test_a_conversation_with_a_task_before_its_end_is_not_deleted(store: TaskStore):
    heard = begun()
    [task] = await added(store, asking_in(heard))
    for step in ("waits", "runs", "needs review"):
        with pytest.raises(ConversationBusyError, match=task):
            await store.delete_conversation(heard.conversation.id)
        if step == "waits":
            await store.claim(HERE, WORKER, 1)
        else:
            await store.finish(task, WORKER, doubtful())
    await store.review(task, Decision.STOP, None)
    await store.delete_conversation(heard.conversation.id)
    assert await store.conversations(None, None) == []


async def test_conversations_are_listed_by_their_last_use(store: TaskStore):
    first, second = begun("first"), begun("second")
    await talk(store, first, ("a?", "b"))
    await talk(store, second, ("a?", "b"))
    assert [found.name for found in await store.conversations(None, None)] == ["second", "first"]
    found = await store.conversation(first.conversation.id)
    assert found is not None
    assert found.created_at <= found.used_at


async def test_the_history_of_a_new_conversation_is_empty(store: TaskStore):
    new = begun().conversation
    assert await store.history(new) == History(new)
    assert History(new).last == 0
