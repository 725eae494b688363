"""What becomes of what a watch is told, at a real collector."""

from collections.abc import Generator

import pytest
from support.collector import Collector, collector

from longcall.call import Call
from longcall.calling import new_call
from longcall.errors import Failure, ProviderError
from longcall.message import Message
from longcall.models import Checked, Completion, Role, Step, StepState, TaskState, Usage
from longcall.providers import ToolCall
from longcall.telemetry.opening import open_observer
from longcall.telemetry.watch import Observer, Sent, Taken
from longcall.validators.base import Issue

SHOWS = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
CALL = new_call(model="openai/gpt-4o", prompt="PROMPT", max_tokens=9, validate=["not_empty"])
DONE = Completion("gpt-4o-1", "stop", Usage(5, 7, 2, 3), cost_usd=0.25)
USED = Step(1, 1, "id-1", "look", '{"at": "ARGUMENT"}', StepState.DONE, "RESULT", 12)


@pytest.fixture
def told() -> Generator[Collector]:
    """Returns a collector."""
    with collector() as running:
        yield running


def observer(told: Collector, monkeypatch: pytest.MonkeyPatch, **more: str) -> Observer:
    """Returns what exports to it."""
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": told.url, **more}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return open_observer(environ)


def run_a_task(watching: Observer, call: Call = CALL) -> None:
    """Tells of a task with a turn, a tool, an answer and a check."""
    task = watching.took(Taken("t1", call, "/a/project", None))
    turn = task.sent(Sent(call, Role.ANSWER, 1))
    turn.answered("", DONE, [ToolCall("id-1", "look", USED.arguments)])
    task.used(USED)
    task.used(Step(1, 2, "id-2", "act", "{}", StepState.FAILED, "BROKEN", 3))
    task.used(Step(1, 3, "id-3", "act", "{}", StepState.FAILED, "given up"))
    answer = task.sent(Sent(call, Role.ANSWER, 2))
    answer.heard()
    answer.answered("ANSWER", Completion("gpt-4o-1", "stop"), ())
    task.checked(2, Checked(issues=(Issue("not_empty", "empty", "ISSUE"),)))
    task.checked(9, Checked(errors=("not_empty: BROKE",)))
    task.ended(TaskState.NEEDS_REVIEW, None)
    watching.close()


@pytest.mark.parametrize("shows", ["false", "true"])
def test_a_task_is_told_whole(told: Collector, monkeypatch: pytest.MonkeyPatch, shows: str):
    run_a_task(observer(told, monkeypatch, **{SHOWS: shows}))
    turn, look, act, answer, task = told.spans()
    assert [span.name for span in (turn, look, act)] == ["chat gpt-4o", "execute_tool look", "execute_tool act"]
    assert {span.parent for span in (turn, look, act, answer)} == {task.span}
    assert (look.ns, look.is_error, act.is_error) == (12_000_000, False, True)
    assert (turn.attributes["longcall.attempt.role"], turn.attributes["gen_ai.request.max_tokens"]) == ("turn", 9)
    assert turn.attributes["gen_ai.usage.cache_read.input_tokens"] == 2
    assert turn.attributes["gen_ai.usage.reasoning.output_tokens"] == 3
    assert "gen_ai.usage.input_tokens" not in answer.attributes
    assert (task.attributes["longcall.cost_usd"], task.attributes["longcall.task.state"]) == (0.25, "needs_review")
    assert [(one.attributes["gen_ai.evaluation.score.label"], one.span) for one in told.events()] == [
        ("fail", answer.span), ("error", task.span),
    ]  # fmt: skip
    assert sum(told.metric("longcall.cost").values()) == 0.25
    for words in (b"PROMPT", b"ARGUMENT", b"RESULT", b"ANSWER", b"ISSUE"):
        assert (words in told.payload) == (shows == "true"), words


@pytest.mark.parametrize(
    ("error", "kind", "state", "billed"),
    [
        (ProviderError("overloaded", "WORDS", refused=True), "overloaded", "failed", False),
        (ProviderError("timeout", "WORDS"), "timeout", "failed", True),
        (RuntimeError("WORDS"), "RuntimeError", "failed", True),
        (GeneratorExit("WORDS"), "cancelled", "cancelled", True),
    ],
)
def test_a_failure_is_told_by_its_class(
    told: Collector, monkeypatch: pytest.MonkeyPatch, error: BaseException, kind: str, state: str, billed: bool
):
    call = Call(model="demo/x", messages=(Message(role="user", content="x"),), traceparent=f"00-{1:032x}-{2:016x}-01")
    watching = observer(told, monkeypatch)
    task = watching.took(Taken("t1", call, "/a/project", 1.5))
    task.sent(Sent(call, Role.JUDGE, None)).failed(error)
    task.ended(TaskState.FAILED, Failure(kind, "WORDS"))
    watching.close()
    request, span = told.spans()
    assert (request.attributes["error.type"], request.attributes["longcall.attempt.state"]) == (kind, state)
    assert request.attributes["longcall.attempt.maybe_billed"] is billed
    assert (request.is_error, span.is_error, span.attributes["error.type"]) == (True, True, kind)
    assert (span.trace, span.parent) == (f"{1:032x}", f"{2:016x}")
    assert b"WORDS" not in told.payload
