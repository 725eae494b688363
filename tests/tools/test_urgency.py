"""Calls that can wait: who may ask so, what they are given, and what is told of them."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from tools.samples import QUEUED, ended

from longcall.calling import new_call
from longcall.errors import CallError
from longcall.limits import Limits
from longcall.models import Attempt, AttemptState, TaskState
from longcall.preparing import Desk
from longcall.result import result_of
from longcall.routing import may_batch
from longcall.settings import LimitSettings, Settings

MODEL = "openai/gpt-4o"
WAITING: dict[str, Any] = {"urgency": "batch"}


def test_a_call_that_can_wait_is_another_request_and_one_that_says_it_cannot_is_the_same():
    asked = {new_call(model=MODEL, prompt="why?", urgency=urgency).request for urgency in (None, "now", "batch")}
    assert len(asked) == 2
    assert new_call(model=MODEL, prompt="why?").request == new_call(model=MODEL, prompt="why?", urgency="now").request


@pytest.mark.parametrize(
    ("model", "may"),
    [
        (MODEL, True),
        ("OpenAI/gpt-4o", True),
        ("gpt-4o", True),
        ("anthropic/claude-haiku-4-5", False),
        ("openrouter/openai/gpt-4o", False),
        ("demo/echo", False),
        ("max/opus", False),
        ("max/", False),
    ],
)
def test_models_of_providers_with_batches_can_wait(model: str, may: bool):
    assert may_batch(model) is may
    with nullcontext() if may else pytest.raises(CallError, match="only models of openai can"):
        new_call(model=model, prompt="why?", **WAITING)
    assert new_call(model=model, prompt="why?").urgency == "now"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"background": True}, "neither `servers` nor `background`"),
        ({"servers": ["filesystem"]}, "neither `servers` nor `background`"),
        ({"first_byte_s": 5}, "`first_byte_s`"),
        ({"idle_s": 5}, "`idle_s`"),
        ({"fallbacks": ["demo/echo"]}, "demo/echo"),
        ({"retry": {"escalate": ["max/opus"]}, "validate": ["json"]}, "max/opus"),
    ],
)
def test_what_cannot_be_had_in_a_batch_is_refused_at_once(options: dict[str, Any], words: str):
    with pytest.raises(CallError, match=words):
        new_call(model=MODEL, prompt="why?", **WAITING, **options)
    assert new_call(model=MODEL, prompt="why?", **options)


async def test_a_call_that_can_wait_is_given_a_day_and_no_haste(tmp_path: Path):
    fallbacks = ("demo/echo", "openai/gpt-4o-mini")
    settings = Settings(home=tmp_path, timeout_s=60, first_byte_s=5, idle_s=5, fallbacks=fallbacks)
    desk = Desk(settings, {}, ())
    [waiting] = await desk.calls([("why?", MODEL)], {"urgency": "batch"})
    [hasty] = await desk.calls([("why?", MODEL)], {})
    [short] = await desk.calls([("why?", MODEL)], {"urgency": "batch", "timeout_s": 7})
    assert (waiting.timeout_s, waiting.first_byte_s, waiting.idle_s) == (25 * 3600, None, None)
    assert waiting.fallbacks == ("openai/gpt-4o-mini",)
    assert (hasty.timeout_s, hasty.first_byte_s, hasty.fallbacks) == (60, 5, fallbacks)
    assert short.timeout_s == 7
    assert (waiting.judging_s, hasty.judging_s, short.judging_s) == (3600, 60, 7)


async def test_a_dry_run_tells_the_price_of_a_batch(tmp_path: Path):
    desk = Desk(Settings(home=tmp_path), {}, ())
    told = [
        (await desk.dry_run([("why? " * 400, MODEL)], {"urgency": urgency, "max_tokens": 1000})).would_send
        for urgency in ("now", "batch")
    ]
    [now, batch] = [one["calls"][0] for one in told if one is not None]
    assert batch["input_usd"] == pytest.approx(now["input_usd"] / 2, rel=0.01)
    assert batch["most_output_usd"] == pytest.approx(now["most_output_usd"] / 2)


async def test_who_waits_in_a_batch_takes_no_place_among_those_asked_now():
    limits = Limits({"openai": LimitSettings(max_in_flight=1)})
    now, waiting = new_call(model=MODEL, prompt="why?"), new_call(model=MODEL, prompt="why?", **WAITING)
    async with limits.place(now):
        with anyio.fail_after(60):
            async with limits.place(waiting):
                pass
        with anyio.move_on_after(0.01) as scope:
            async with limits.place(now):
                pass
        assert scope.cancelled_caught


@pytest.mark.parametrize(
    ("urgency", "state", "warns"),
    [
        ("batch", TaskState.CANCELLED, True),
        ("now", TaskState.CANCELLED, False),
        ("batch", TaskState.COMPLETED, False),
    ],
)
def test_one_that_left_its_batch_is_told_that_it_may_be_billed(urgency: str, state: TaskState, warns: bool):
    sent = Attempt(1, MODEL, AttemptState.CANCELLED, 1, 2, None, None, None)
    call = new_call(model=MODEL, prompt="why?", urgency=urgency)
    left = replace(ended("", state), call=call, attempts=(sent,))
    assert any("billed" in warning for warning in result_of(left).warnings) is warns
    assert not result_of(replace(left, attempts=())).warnings
    assert not result_of(QUEUED).warnings
