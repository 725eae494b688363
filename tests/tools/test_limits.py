"""What one worker sends at most."""

from typing import Any

import anyio
import pytest

from longcall.call import Call
from longcall.calling import new_call
from longcall.limits import Limits, Window
from longcall.settings import LimitSettings


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def window(most: int, *taken: tuple[float, int]) -> tuple[Window, Clock]:
    clock = Clock()
    made = Window(most, clock)
    for at, amount in taken:
        clock.now = at
        await made.take(amount)
    return made, clock


@pytest.mark.parametrize(
    ("now", "amount", "delay"),
    [
        (10, 1, 0),  # 9 of 10 are taken
        (10, 2, 50),  # until the one of second 0 is a minute old
        (10, 6, 50),  # the first five are enough
        (10, 7, 55),
        (60, 6, 0),
        (59.5, 6, 0.5),
        (10, 10, 55),
        (10, 11, 55),  # larger than all: goes alone
        (65, 11, 0),
    ],
)
async def test_in_no_minute_goes_more_than_the_limit(now: float, amount: int, delay: float):
    made, clock = await window(10, (0, 5), (5, 4))
    clock.now = now
    assert made.delay(amount) == delay


def ask(model: str, text: str = "hello", **options: Any) -> Call:
    return new_call(model=model, prompt=text, **options)


async def most_at_once(limits: Limits, calls: list[Call]) -> int:
    running, most = 0, 0

    async def request(call: Call) -> None:
        nonlocal running, most
        async with limits.place(call):
            running += 1
            most = max(most, running)
            for _ in range(5):
                await anyio.lowlevel.checkpoint()
            running -= 1

    async with anyio.create_task_group() as tasks:
        for call in calls:
            tasks.start_soon(request, call)
    return most


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({}, 12),
        ({"openai": LimitSettings(max_in_flight=3)}, 3),
        ({"openai/gpt-5": LimitSettings(max_in_flight=3)}, 3),
        ({"openai": LimitSettings(max_in_flight=5), "openai/gpt-5": LimitSettings(max_in_flight=2)}, 2),
        ({"anthropic": LimitSettings(max_in_flight=3)}, 12),
    ],
)
async def test_no_more_requests_than_allowed_are_at_a_provider_at_once(limits: dict[str, LimitSettings], most: int):
    assert await most_at_once(Limits(limits), [ask("openai/gpt-5")] * 12) == most


async def test_a_failed_request_gives_its_place_back():
    limits = Limits({"openai": LimitSettings(max_in_flight=1)})
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with limits.place(ask("openai/x")):
                raise ZeroDivisionError
    assert await most_at_once(limits, [ask("openai/x")]) == 1


@pytest.mark.parametrize(
    ("limit", "options", "passed"),
    [
        (LimitSettings(requests_per_minute=2), {}, 2),
        (LimitSettings(tokens_per_minute=30), {"text": "x" * 40}, 3),
        (LimitSettings(tokens_per_minute=30), {"text": "x" * 40, "max_tokens": 20}, 1),
        (LimitSettings(tokens_per_minute=30), {"text": "x" * 400}, 1),
    ],
)
async def test_what_is_over_the_limit_waits_and_says_so(limit: LimitSettings, options: dict[str, Any], passed: int):
    limits, done, waiting = Limits({"openai": limit}), 0, Waiting()

    async def request() -> None:
        nonlocal done
        async with limits.place(ask("openai/x", **options), waiting):
            done += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(request)
        await anyio.wait_all_tasks_blocked()
        assert (done, waiting.count) == (passed, 5 - passed)
        tasks.cancel_scope.cancel()
    assert waiting.count == 0


class Waiting:
    """Counts who waits."""

    count = 0

    def __call__(self) -> "Waiting":
        return self

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


async def test_who_waits_for_its_model_holds_up_no_other_of_its_provider():
    limits = Limits({"openai": LimitSettings(max_in_flight=1), "openai/slow": LimitSettings(requests_per_minute=1)})
    sent: list[str] = []

    async def request(model: str) -> None:
        async with limits.place(ask(model)):
            sent.append(model)

    async with anyio.create_task_group() as tasks:
        for model in ("openai/slow", "openai/slow", "openai/fast"):
            tasks.start_soon(request, model)
            await anyio.wait_all_tasks_blocked()
        assert sent == ["openai/slow", "openai/fast"]
        tasks.cancel_scope.cancel()


async def test_what_waited_for_a_limit_is_still_held_to_what_goes_in_all():
    limits = Limits({"openai": LimitSettings(max_in_flight=9)}, max_in_flight=2)
    assert await most_at_once(limits, [ask("openai/gpt-5")] * 12) == 2
