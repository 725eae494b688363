"""Log lines, as text and as JSON."""

import json
import logging
from contextvars import copy_context
from functools import partial

import pytest

from longcall.telemetry.logs import enter_attempt, enter_task, formatter

BROKEN = ValueError("two\nlines")


def record(message: str, *args: object, error: Exception | None = None) -> logging.LogRecord:
    """Returns a record, of an exception if one is given."""
    caught = None if error is None else (type(error), error, None)
    return logging.LogRecord("longcall.x", logging.WARNING, __file__, 1, message, args, caught)


def said(log_format: str, one: logging.LogRecord, *, task: str | None = None, attempt: int | None = None) -> str:
    """Returns the line that is written at a task and an attempt."""

    def write() -> str:
        if task is not None:
            enter_task(task, "openai/gpt-4o")
        if attempt is not None:
            enter_attempt(attempt, "openai/gpt-4o-mini")
        return formatter(log_format).format(one)

    return copy_context().run(write)


def test_a_line_as_json_has_what_is_known_and_nothing_else():
    line = json.loads(said("json", record("%s of\n%d ↪", "one", 2)))
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "WARNING", "message": "one of\n2 ↪", "logger": "longcall.x"}


def test_a_line_of_an_attempt_tells_the_model_that_is_asked():
    of_task = json.loads(said("json", record("x"), task="t1"))
    assert (of_task["task"], of_task["model"], "attempt" in of_task) == ("t1", "openai/gpt-4o", False)
    of_attempt = json.loads(said("json", record("x"), task="t1", attempt=2))
    assert (of_attempt["task"], of_attempt["model"], of_attempt["attempt"]) == ("t1", "openai/gpt-4o-mini", 2)


def test_an_exception_is_a_field_of_the_one_line():
    line = said("json", record("it broke", error=BROKEN))
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("ValueError: two\nlines")


@pytest.mark.parametrize(("message", "ending"), [("it went on", "it went on [t1]"), ("t1 went on", "t1 went on")])
def test_a_line_as_text_names_the_task_once(message: str, ending: str):
    assert said("text", record(message), task="t1").endswith(f" WARNING {ending}")
    assert said("text", record(message)).endswith(f" WARNING {message}")


def test_an_exception_as_text_comes_below_the_line():
    first, *rest = said("text", record("it broke", error=BROKEN), task="t1").splitlines()
    assert (first.endswith(" WARNING it broke [t1]"), rest) == (True, ["ValueError: two", "lines"])


def test_tasks_side_by_side_have_lines_of_their_own():
    contexts = [copy_context(), copy_context()]
    for number, context in enumerate(contexts):
        context.run(enter_task, f"t{number}", "m")
    told = [context.run(partial(formatter("text").format, record("x"))) for context in contexts]
    assert [line[-4:] for line in told] == ["[t0]", "[t1]"]
