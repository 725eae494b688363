"""What goes wrong in telling fails nothing."""

import pytest

from longcall.call import Call
from longcall.message import Message
from longcall.models import Role
from longcall.telemetry.harmless import harmless
from longcall.telemetry.signals import Signals
from longcall.telemetry.task_span import SpanObserver
from longcall.telemetry.watch import SILENCE, Sent, Taken

CALL = Call(model="demo/echo", messages=(Message(role="user", content="SECRET"),))


def test_what_it_would_raise_is_logged_by_name_alone(caplog: pytest.LogCaptureFixture):
    heard: list[str] = []

    @harmless
    def tell(word: str) -> None:
        heard.append(word)
        if word == "bad":
            raise ValueError("SECRET")

    tell("good")
    assert caplog.text == ""
    tell("bad")
    assert heard == ["good", "bad"]
    assert ("ValueError" in caplog.text, "SECRET" in caplog.text) == (True, False)


def test_a_task_that_cannot_be_watched_is_not_watched(caplog: pytest.LogCaptureFixture):
    broken = Signals(None, None, None)  # pyright: ignore[reportArgumentType]  # nothing of it can be used
    assert SpanObserver(broken).took(Taken("t", CALL, "/p", 0.0)) is SILENCE
    assert "AttributeError" in caplog.text


def test_silence_takes_all_that_a_watch_is_told():
    task = SILENCE.took(Taken("t", CALL, "/p", None))
    request = task.sent(Sent(CALL, Role.ANSWER, 1))
    request.heard()
    SILENCE.found_interrupted(1)
    SILENCE.close()
    assert (task, request) == (SILENCE, SILENCE)
