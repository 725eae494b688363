"""Answers that do not begin or stand still, and calls that wait for a limit."""

from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest
from tools.tasks.bench import DONE, Answering, Answers, Bench, bench, briefly
from tools.tasks.samples import look, new_task

from longcall.call import Call
from longcall.limits import Limits
from longcall.models import AttemptState, TaskState
from longcall.providers import Event, Sending
from longcall.settings import LimitSettings

__all__ = ["bench"]


async def silent(call: Call, sending: Sending) -> AsyncGenerator[Event]:
    await sending()
    await anyio.sleep_forever()
    yield ""


async def stalled(call: Call, sending: Sending) -> AsyncGenerator[Event]:
    await sending()
    yield "half"
    await anyio.sleep_forever()


async def thinking(call: Call, sending: Sending) -> AsyncGenerator[Event]:
    """Gives signs of life for longer than a pause may be."""
    await sending()
    for _ in range(8):
        await anyio.sleep(0.1)
        yield ""
    yield "thought"
    yield DONE


@pytest.mark.parametrize(
    ("answer", "option", "text"), [(silent, "first_byte_s", ""), (stalled, "idle_s", "half"), (silent, "idle_s", None)]
)
async def test_an_answer_that_does_not_begin_or_stands_still_is_given_up(
    bench: Bench, answer: Answering, option: str, text: str | None
):
    options: dict[str, Any] = {option: 0.3, "timeout_s": 3600 if text is not None else 1}
    async with bench.working(Answers(answer)):
        [task] = await bench.add(new_task(**options))
        found = await bench.end(task)
    assert found.failure is not None
    assert (found.state, found.failure.code, found.text) == (TaskState.FAILED, "timeout", text or "")
    assert (option in found.failure.message) is (text is not None)
    if text is not None:
        assert "may have been billed" in found.failure.message


async def test_a_model_that_thinks_gives_signs_of_life(bench: Bench):
    async with bench.working(Answers(thinking)):
        [task] = await bench.add(new_task(idle_s=0.7, first_byte_s=0.7))
        found = await bench.end(task)
    assert (found.state, found.text) == (TaskState.COMPLETED, "thought")


async def test_who_waits_for_a_limit_takes_no_place_from_others(bench: Bench):
    limits = Limits({"slow": LimitSettings(max_in_flight=1)})

    async def answer(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        async for event in (silent if call.model == "slow" else briefly)(call, sending):
            yield event

    async with bench.working(Answers(answer), limits=limits, max_in_flight=2):
        slow = await bench.add(*(new_task(f"slow {number}", model="slow") for number in range(5)))
        [quick] = await bench.add(new_task("quick?", model="quick"))
        found = await bench.end(quick)
        assert found.text == "so: quick?"
        sent = [bool((await look(bench.store, task)).attempts) for task in slow]
        assert sent == [True, False, False, False, False]
        await bench.cancel(slow[0])
        next_one = await bench.until(slow[1], lambda found: bool(found.attempts))
        assert next_one.attempts[0].state is AttemptState.SENT


async def test_without_limits_the_places_are_all_there_is(bench: Bench):
    async with bench.working(Answers(silent), max_in_flight=2):
        tasks = await bench.add(*(new_task(f"{number}") for number in range(3)))
        await bench.until(tasks[1], lambda found: bool(found.attempts))
        assert (await look(bench.store, tasks[2])).state is TaskState.QUEUED


async def test_an_answer_that_is_whole_is_kept_however_slowly_its_stream_closes(bench: Bench):
    async def whole(call: Call, sending: Sending) -> AsyncGenerator[Event]:
        await sending()
        yield "whole"
        yield DONE
        await anyio.sleep(0.5)

    async with bench.working(Answers(whole)):
        [task] = await bench.add(new_task(idle_s=0.2))
        found = await bench.end(task)
    assert (found.state, found.text) == (TaskState.COMPLETED, "whole")
