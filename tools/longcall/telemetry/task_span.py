"""One task as a span, with its requests and uses of tools below it."""

import time
from pathlib import PurePath

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from longcall.errors import Failure
from longcall.models import Checked, Step, StepState, TaskState
from longcall.telemetry.evaluating import Verdict, verdicts
from longcall.telemetry.harmless import harmless
from longcall.telemetry.request_span import Attributes, RequestSpan
from longcall.telemetry.signals import Signals
from longcall.telemetry.watch import SILENCE, Observer, RequestWatch, Sent, Taken, TaskWatch

NAME = "longcall.task"


class SpanObserver(Observer):
    """Watches a worker."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    def took(self, taken: Taken) -> TaskWatch:
        """Begins a task's span."""
        watch: TaskWatch = SILENCE

        @harmless
        def begin() -> None:
            nonlocal watch
            watch = TaskSpan(self._signals, taken)

        begin()
        return watch

    @harmless
    def found_interrupted(self, tasks: int) -> None:
        """Counts them: their own worker could not."""
        if tasks:
            self._signals.instruments.tasks.add(tasks, {"longcall.task.state": TaskState.INTERRUPTED.value})

    def close(self) -> None:
        """Has nothing left to tell; whoever exports does."""


class TaskSpan(TaskWatch):
    """Watches one task."""

    def __init__(self, signals: Signals, taken: Taken) -> None:
        self._signals = signals
        self._validators = taken.call.validators
        self._requests: list[RequestSpan] = []
        self._contexts: dict[int, Context] = {}
        """Those of the requests, by the numbers of their attempts."""
        self._common: Attributes = {"longcall.task.id": taken.id, "longcall.project": PurePath(taken.project).name}
        waited: Attributes = {} if taken.waited_s is None else {"longcall.task.waited_s": taken.waited_s}
        attributes = {**self._common, **waited, "longcall.model": taken.call.model}
        self._span = signals.tracer.start_span(NAME, _parent(taken.call.traceparent), SpanKind.INTERNAL, attributes)
        self._context = set_span_in_context(self._span, Context())
        if taken.waited_s is not None:
            signals.instruments.waited.record(taken.waited_s)

    def sent(self, request: Sent) -> RequestWatch:
        """Begins the span of a request."""
        watch: RequestWatch = SILENCE

        @harmless
        def begin() -> None:
            nonlocal watch
            watch = span = RequestSpan(self._signals, self._context, self._common, request)
            self._requests.append(span)
            if request.number is not None:
                self._contexts[request.number] = span.context

        begin()
        return watch

    @harmless
    def used(self, step: Step) -> None:
        """Writes the span of a use of a tool that has just ended; one that was given up was none."""
        if step.ms is None:
            return
        ended = time.time_ns()
        failed: Attributes = {"error.type": "tool_error"} if step.state is StepState.FAILED else {}
        names: Attributes = {"gen_ai.tool.name": step.tool, "gen_ai.tool.type": "function", **failed}
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.id": step.id, **names, **self._common}
        begun = ended - step.ms * 1_000_000
        span = self._signals.tracer.start_span(
            f"execute_tool {step.tool}", self._context, SpanKind.INTERNAL, attributes, start_time=begun
        )
        span.set_attribute("longcall.attempt.number", step.attempt)
        if self._signals.shows_content:
            span.set_attribute("gen_ai.tool.call.arguments", step.arguments)
            span.set_attribute("gen_ai.tool.call.result", step.result or "")
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended)
        self._signals.instruments.tool.record(step.ms / 1000, names)

    @harmless
    def checked(self, number: int, checked: Checked) -> None:
        """Tells the verdict of each validator as an event of the request whose answer it is."""
        context = self._contexts.get(number, self._context)
        for verdict in verdicts(self._validators, checked):
            self._tell(verdict, context)

    def _tell(self, verdict: Verdict, context: Context) -> None:
        attributes: Attributes = {
            "gen_ai.evaluation.name": verdict.name,
            "gen_ai.evaluation.score.label": verdict.label,
            "longcall.task.id": self._common["longcall.task.id"],
        }
        if verdict.label == "error":
            attributes["error.type"] = "validator_error"
        if verdict.explanation and self._signals.shows_content:
            attributes["gen_ai.evaluation.explanation"] = verdict.explanation
        now = time.time_ns()
        self._signals.events.emit(
            LogRecord(
                timestamp=now,
                observed_timestamp=now,
                context=context,
                severity_number=SeverityNumber.INFO,
                event_name="gen_ai.evaluation.result",
                attributes=attributes,
            )
        )

    @harmless
    def ended(self, state: TaskState, failure: Failure | None) -> None:
        """Ends the span, with the known prices of its requests together."""
        known = [request.cost_usd for request in self._requests if request.cost_usd is not None]
        told: Attributes = {"longcall.task.state": state.value, "longcall.task.attempts": len(self._requests)}
        error: Attributes = {} if failure is None else {"error.type": failure.code}
        cost: Attributes = {"longcall.cost_usd": sum(known)} if known else {}
        self._span.set_attributes({**told, **error, **cost})
        if state is TaskState.FAILED:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()
        self._signals.instruments.tasks.add(1, {"longcall.task.state": state.value, **error})


def _parent(traceparent: str | None) -> Context:
    """Returns the context of whoever asked, where that is known."""
    if traceparent is None:
        return Context()
    return TraceContextTextMapPropagator().extract({"traceparent": traceparent}, Context())
