"""The worker: takes tasks, asks the models, writes down what comes, and leaves when idle."""

from collections.abc import AsyncGenerator

import anyio
import pytest
from tools.tasks.bench import DONE, Answers, Bench, bench, briefly, half, prompt_of
from tools.tasks.samples import HERE, OTHER, look, new_task

from longcall.backoff import Backoff
from longcall.call import Call
from longcall.errors import CallError, ProviderError
from longcall.models import AttemptState, TaskState
from longcall.providers import Event, Provider, Sending
from longcall.providers.scripted import ScriptedProvider
from longcall.tasks.recovery import Recovery

__all__ = ["bench"]


async def test_a_task_is_answered_and_written_down_whole(bench: Bench):
    async with bench.working(Answers(briefly)):
        [task] = await bench.add(new_task("why?"))
        found = await bench.end(task)
    assert (found.state, found.text, found.completion) == (TaskState.COMPLETED, "so: why?", DONE)
    [attempt] = found.attempts
    assert (attempt.state, attempt.usage, attempt.cost_usd) == (AttemptState.ANSWERED, DONE.usage, 0.5)


async def test_demo_models_answer_from_their_script(bench: Bench):
    async with bench.working(ScriptedProvider(), backoff=Backoff(attempts=2, first_s=0)):
        echo, fail = new_task("žluťoučký kůň " * 1_000), new_task(model="demo/fail")
        echoed, failed = [await bench.end(task) for task in await bench.add(echo, fail)]
    assert (echoed.state, echoed.text) == (TaskState.COMPLETED, "žluťoučký kůň " * 1_000)
    assert failed.failure is not None
    assert (failed.state, failed.failure.code) == (TaskState.FAILED, "unavailable")
    assert [attempt.state for attempt in failed.attempts] == [AttemptState.FAILED] * 2


async def test_the_text_so_far_is_in_the_store_while_it_streams(bench: Bench):
    async with bench.working(Answers(half)):
        [task] = await bench.add(new_task())
        found = await bench.until(task, lambda found: bool(found.text))
    assert (found.state, found.text) == (TaskState.RUNNING, "half an answer")


async def test_a_deadline_ends_a_task_as_failed_and_keeps_its_text(bench: Bench):
    closed = anyio.Event()

    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        try:
            async for piece in half(call, sending):
                yield piece
        finally:
            closed.set()

    async with bench.working(Answers(answer)):
        late, patient = await bench.add(new_task(timeout_s=1.0), new_task())
        found = await bench.end(late)
        assert closed.is_set()
        assert (await look(bench.store, patient)).state is TaskState.RUNNING
    assert found.failure is not None
    assert (found.state, found.failure.code, found.text) == (TaskState.FAILED, "timeout", "half an answer")
    assert found.attempts[0].state is AttemptState.FAILED


async def test_a_deadline_counts_from_the_making_of_the_task(bench: Bench):
    [task] = await bench.add(new_task(timeout_s=0.001))
    await anyio.sleep(0.002)
    async with bench.working(Answers(half)):
        found = await bench.end(task)
    assert found.failure is not None
    assert (found.failure.code, found.text) == ("timeout", "")


async def test_a_cancel_reaches_the_provider(bench: Bench):
    closed: list[str] = []

    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        try:
            async for piece in half(call, sending):
                yield piece
        finally:
            closed.append(prompt_of(call))

    async with bench.working(Answers(answer)):
        task, other = await bench.add(new_task("this"), new_task("other"))
        for going in (task, other):
            await bench.until(going, lambda found: bool(found.text))
        await bench.cancel(task)
        found = await bench.end(task)
        assert closed == ["this"]
        assert (await look(bench.store, other)).state is TaskState.RUNNING
    assert (found.state, found.text) == (TaskState.CANCELLED, "half an answer")
    assert found.attempts[0].state is AttemptState.CANCELLED


async def test_no_more_tasks_are_at_the_provider_than_allowed(bench: Bench):
    inside: set[str] = set()
    most: list[int] = []
    full = anyio.Event()
    gate = anyio.Event()

    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        inside.add(prompt_of(call))
        most.append(len(inside))
        if len(inside) == 2:
            full.set()
        await gate.wait()
        inside.remove(prompt_of(call))
        yield DONE

    async with bench.working(Answers(answer), max_in_flight=2):
        tasks = await bench.add(*(new_task(str(number)) for number in range(5)))
        await full.wait()
        states = [(await look(bench.store, task)).state for task in tasks]
        assert states == [TaskState.RUNNING] * 2 + [TaskState.QUEUED] * 3
        gate.set()
        assert {(await bench.end(task)).state for task in tasks} == {TaskState.COMPLETED}
    assert max(most) == 2


async def test_a_provider_that_turned_the_request_away_is_asked_again(bench: Bench):
    asked: list[str] = []

    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        asked.append(prompt_of(call))
        if len(asked) == 1:
            raise ProviderError("rate_limit", "Slower.", retryable=True, refused=True)
        yield "now"
        yield DONE

    async with bench.working(Answers(answer)):
        [task] = await bench.add(new_task())
        found = await bench.end(task)
    assert (found.state, found.text, len(asked)) == (TaskState.COMPLETED, "now", 2)
    assert [attempt.state for attempt in found.attempts] == [AttemptState.FAILED, AttemptState.ANSWERED]


async def test_an_answer_that_broke_off_is_not_asked_for_again(bench: Bench):
    asked: list[str] = []

    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        asked.append(prompt_of(call))
        yield "half"

    async with bench.working(Answers(answer)):
        [task] = await bench.add(new_task())
        found = await bench.end(task)
    assert found.failure is not None
    assert (found.failure.code, found.text, len(asked)) == ("incomplete_stream", "half", 1)
    assert [attempt.state for attempt in found.attempts] == [AttemptState.FAILED]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("sk-mock-secret"), "internal"),
        (CallError("Not so."), "rejected"),
        (ProviderError("no_key", "No key."), "no_key"),
    ],
)
async def test_an_error_of_a_provider_fails_its_task_alone(bench: Bench, error: Exception, code: str):
    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        if prompt_of(call) == "bad":
            yield "half"
            raise error
        yield DONE

    async with bench.working(Answers(answer)):
        bad, good = await bench.add(new_task("bad"), new_task("good"))
        failed, completed = await bench.end(bad), await bench.end(good)
    assert failed.failure is not None
    assert (failed.state, failed.failure.code, failed.text) == (TaskState.FAILED, code, "half")
    assert "secret" not in failed.failure.message
    assert completed.state is TaskState.COMPLETED


async def test_a_model_that_nobody_serves_fails_without_a_request(bench: Bench):
    def find(_model: str) -> Provider:
        raise CallError("Nobody serves that.")

    async with bench.working(Answers(briefly), find=find):
        [task] = await bench.add(new_task())
        found = await bench.end(task)
    assert found.failure is not None
    assert (found.failure.code, found.failure.message, found.attempts) == ("rejected", "Nobody serves that.", ())


async def test_a_worker_leaves_when_there_is_nothing_to_do(bench: Bench):
    async with bench.working(Answers(briefly), idle_s=0.01):
        await bench.left.wait()
    assert bench.left.is_set()


async def test_a_worker_stays_while_a_task_is_at_work(bench: Bench):
    async with bench.working(Answers(half), idle_s=0.3):
        [task] = await bench.add(new_task())
        await bench.until(task, lambda found: bool(found.text))
        with anyio.move_on_after(0.8):
            await bench.left.wait()
        assert not bench.left.is_set()
        await bench.cancel(task)
        await bench.left.wait()
    assert (await look(bench.store, task)).state is TaskState.CANCELLED


async def test_the_end_of_a_worker_is_no_cancel(bench: Bench):
    closed = anyio.Event()

    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        try:
            async for piece in half(call, sending):
                yield piece
        finally:
            closed.set()

    async with bench.working(Answers(answer)) as scope:
        [task] = await bench.add(new_task())
        await bench.until(task, lambda found: bool(found.text))
        scope.cancel()
    assert closed.is_set()
    found = await look(bench.store, task)
    assert (found.state, found.cancel_requested) == (TaskState.RUNNING, False)
    assert found.attempts[0].state is AttemptState.SENT
    assert await bench.store.recover(HERE, OTHER) == Recovery(interrupted=1)


async def test_a_new_worker_settles_what_a_dead_one_left(bench: Bench):
    sent, unsent = await bench.add(new_task("sent"), new_task("unsent"))
    await bench.store.claim(HERE, "dead", 10)
    await bench.store.mark_sent(sent, "dead", "m")
    async with bench.working(Answers(briefly)):
        assert (await bench.end(unsent)).text == "so: unsent"
        found = await bench.end(sent)
    assert (found.state, len(found.attempts)) == (TaskState.INTERRUPTED, 1)
