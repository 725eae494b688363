"""One request to a model as a span and metrics, by the semantic conventions for generative AI."""

import time
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.util.types import AttributeValue

from longcall.errors import ProviderError
from longcall.models import Completion, Role, Usage
from longcall.providers import ToolCall
from longcall.telemetry import content
from longcall.telemetry.harmless import harmless
from longcall.telemetry.naming import model_of, provider_of
from longcall.telemetry.signals import Signals
from longcall.telemetry.watch import RequestWatch, Sent

Attributes = dict[str, AttributeValue]


class RequestSpan(RequestWatch):
    """Watches one request."""

    def __init__(self, signals: Signals, task: Context, common: Attributes, sent: Sent) -> None:
        self._signals = signals
        self._sent = sent
        self._begun = time.monotonic()
        self._first: float | None = None
        self._names: Attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider_of(sent.call.model),
            "gen_ai.request.model": model_of(sent.call.model),
        }
        name = f"chat {model_of(sent.call.model)}"
        attributes = {**self._names, **common, **_asked(sent)}
        self._span: Span = signals.tracer.start_span(name, task, SpanKind.CLIENT, attributes)
        self.cost_usd: float | None = None
        """Its price, once it is known."""
        if signals.shows_content:
            self._span.set_attribute("gen_ai.input.messages", content.asked(sent.call.messages, sent.talk))

    @property
    def context(self) -> Context:
        """The context of what belongs to this request, whether or not it has ended."""
        return set_span_in_context(self._span, Context())

    @harmless
    def heard(self) -> None:
        """Notes when the first piece of the answer came."""
        self._first = time.monotonic() - self._begun
        self._span.set_attribute("gen_ai.response.time_to_first_chunk", self._first)

    @harmless
    def answered(self, text: str, completion: Completion, asked: Sequence[ToolCall]) -> None:
        """Ends the span with what the provider told of the answer."""
        self.cost_usd = completion.cost_usd
        self._names["gen_ai.response.model"] = completion.model
        role = Role.TURN if asked else self._sent.role
        self._span.set_attributes(
            {
                "longcall.attempt.role": role.value,
                "gen_ai.response.model": completion.model,
                "gen_ai.response.finish_reasons": [completion.finish_reason],
                **_usage(completion.usage),
                **({} if completion.cost_usd is None else {"longcall.cost_usd": completion.cost_usd}),
            }
        )
        if self._signals.shows_content:
            self._span.set_attribute("gen_ai.output.messages", content.answered(text, completion, asked))
        self._count(completion)
        self._end("answered", role, {})

    @harmless
    def failed(self, error: BaseException) -> None:
        """Ends the span with the class of the error, and without its words, which may quote what was asked."""
        kind = _kind(error)
        self._span.set_attribute("error.type", kind)
        self._span.set_attribute("longcall.attempt.maybe_billed", _may_be_billed(error))
        self._span.set_status(Status(StatusCode.ERROR))
        self._end("cancelled" if kind == "cancelled" else "failed", self._sent.role, {"error.type": kind})

    def _count(self, completion: Completion) -> None:
        instruments, usage = self._signals.instruments, completion.usage
        if usage is not None:
            instruments.tokens.record(usage.input_tokens, {**self._names, "gen_ai.token.type": "input"})
            instruments.tokens.record(usage.output_tokens, {**self._names, "gen_ai.token.type": "output"})
        if completion.cost_usd:
            instruments.cost.add(completion.cost_usd, self._names)

    def _end(self, state: str, role: Role, error: Attributes) -> None:
        instruments = self._signals.instruments
        instruments.duration.record(time.monotonic() - self._begun, {**self._names, **error})
        if self._first is not None:
            instruments.first_chunk.record(self._first, self._names)
        told = {"longcall.attempt.state": state, "longcall.attempt.role": role.value}
        instruments.attempts.add(1, {**self._names, **told})
        self._span.set_attribute("longcall.attempt.state", state)
        self._span.end()


def _asked(sent: Sent) -> Attributes:
    call = sent.call
    options: dict[str, AttributeValue | None] = {
        "gen_ai.request.max_tokens": call.max_tokens,
        "gen_ai.request.temperature": call.temperature,
        "gen_ai.output.type": "json" if call.response_schema is not None else None,
        "longcall.attempt.number": sent.number,
    }
    told: Attributes = {name: value for name, value in options.items() if value is not None}
    return {
        **told,
        "gen_ai.request.stream": not call.background,
        "longcall.attempt.fetched": sent.number is None,
        "longcall.attempt.role": sent.role.value,
        "longcall.model": call.model,
    }


def _usage(usage: Usage | None) -> Attributes:
    if usage is None:
        return {}
    counted = {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_input_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
    }
    return {name: count for name, count in counted.items() if count is not None}


def _kind(error: BaseException) -> str:
    if isinstance(error, ProviderError):
        return error.failure.code
    return type(error).__name__ if isinstance(error, Exception) else "cancelled"


def _may_be_billed(error: BaseException) -> bool:
    return not (isinstance(error, ProviderError) and error.refused)
