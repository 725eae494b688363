"""The trace to which what is asked here belongs."""

from collections.abc import Sequence

from longcall.call import Call


def traced(calls: Sequence[Call]) -> list[Call]:
    """Returns the calls with the W3C trace context of the span that is current here, if one is.

    In a server it is that of the request: the MCP SDK takes it from the request's `_meta`, whether or not it has spans.
    """
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415  # only where something is asked
        TraceContextTextMapPropagator,
    )

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return [call.model_copy(update={"traceparent": carrier.get("traceparent")}) for call in calls]
