"""The models that answer from a script."""

from contextlib import aclosing

import anyio
import pytest

from longcall.calling import new_call
from longcall.errors import ProviderError
from longcall.feedback import feedback
from longcall.models import Completion
from longcall.providers import Event
from longcall.providers.scripted import NAMES, ScriptedProvider
from longcall.validators.base import Issue


class Sending:
    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1


async def answer(model: str, prompt: str, sending: Sending) -> tuple[str, Completion | None]:
    text: list[str] = []
    completion: Completion | None = None
    async with aclosing(ScriptedProvider().stream(new_call(model=model, prompt=prompt), sending)) as events:
        async for event in events:
            if isinstance(event, str):
                text.append(event)
            elif isinstance(event, Completion):
                completion = event
    return "".join(text), completion


async def test_echo_answers_with_the_last_user_message() -> None:
    sending = Sending()
    prompt = "Say it again. " * 1000
    text, completion = await answer("demo/echo", prompt, sending)
    assert text == prompt
    assert completion is not None
    assert (completion.model, completion.finish_reason, completion.cost_usd) == ("demo/echo", "stop", 0.0)
    assert sending.times == 1


async def test_slow_takes_the_seconds_in_its_name_and_tells_the_whole_story() -> None:
    quick, _ = await answer("demo/slow-0.01", "a story", Sending())
    again, completion = await answer("demo/slow-0.02", "a story", Sending())
    assert quick == again
    assert quick.endswith("this last one.")
    assert completion is not None


async def test_fail_is_turned_away_after_it_was_sent() -> None:
    sending = Sending()
    with pytest.raises(ProviderError) as caught:
        await answer("demo/fail", "anything", sending)
    assert (caught.value.failure.code, caught.value.refused, sending.times) == ("unavailable", True, 1)


async def test_stall_says_three_words_and_then_nothing_more() -> None:
    heard: list[Event] = []
    call = new_call(model="demo/stall", prompt="one two three four five")

    async def listen() -> None:
        async with aclosing(ScriptedProvider().stream(call, Sending())) as events:
            async for event in events:
                heard.append(event)  # noqa: PERF401  # looked at before the stream ends

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        await anyio.wait_all_tasks_blocked()
        assert heard == ["one ", "two ", "three "]
        tasks.cancel_scope.cancel()


async def test_an_unknown_name_is_refused_before_anything_is_sent_and_the_known_ones_are_told() -> None:
    sending = Sending()
    with pytest.raises(ProviderError) as caught:
        await answer("demo/nobody", "anything", sending)
    assert caught.value.failure.code == "unknown_model"
    assert all(name in caught.value.failure.message for name in NAMES)
    assert sending.times == 0


async def test_slip_is_right_once_it_is_told_of_its_fault() -> None:
    first, _ = await answer("demo/slip", "0123456789", Sending())
    assert first == "01234"
    told: list[str] = []
    turns = [
        {"role": "user", "content": "0123456789"},
        {"role": "assistant", "content": first},
        {"role": "user", "content": feedback([Issue("v", "c", "Too short.")], number=1, of=3)},
    ]
    async with aclosing(ScriptedProvider().stream(new_call(model="demo/slip", messages=turns), Sending())) as events:
        async for event in events:
            told += [event] if isinstance(event, str) else []
    assert "".join(told) == "0123456789"
