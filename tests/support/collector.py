"""An OpenTelemetry collector on loopback that keeps what it is sent, or never answers."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

AT_ONCE = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_BLRP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "100"}
"""Has a worker export what it sees without the minute that it may take otherwise."""


@dataclass(frozen=True)
class Told:
    """A span or an event."""

    name: str
    attributes: dict[str, Any]
    trace: str
    span: str
    parent: str = ""
    kind: str = ""
    is_error: bool = False
    ns: int = 0
    """How long it took."""


@dataclass(frozen=True)
class Collector:
    """What was received so far."""

    url: str
    bodies: dict[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])
    """By path."""
    headers: list[str] = field(default_factory=list[str])
    reached: Event = field(default_factory=Event)
    """Set with the first request."""

    def environ(self, **more: str) -> dict[str, str]:
        """Returns the variables that have a worker export here."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, **AT_ONCE, **more}

    @property
    def payload(self) -> bytes:
        """All that was sent."""
        return b"".join(body for bodies in self.bodies.values() for body in bodies)

    def spans(self, name: str = "") -> list[Told]:
        """Returns the spans whose name begins so, in the order in which they ended."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies.get("/v1/traces", ())]
        spans = [span for request in requests for one in request.resource_spans
                 for scope in one.scope_spans for span in scope.spans]  # fmt: skip
        return [_span(span) for span in spans if span.name.startswith(name)]

    def events(self) -> list[Told]:
        """Returns the events."""
        requests = [ExportLogsServiceRequest.FromString(body) for body in self.bodies.get("/v1/logs", ())]
        records = [record for request in requests for one in request.resource_logs
                   for scope in one.scope_logs for record in scope.log_records]  # fmt: skip
        return [
            Told(record.event_name, _values(record.attributes), record.trace_id.hex(), record.span_id.hex())
            for record in records
        ]

    def resources(self) -> list[dict[str, Any]]:
        """Returns who told the spans."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies.get("/v1/traces", ())]
        return [_values(one.resource.attributes) for request in requests for one in request.resource_spans]

    def metric(self, name: str) -> dict[tuple[tuple[str, Any], ...], float]:
        """Returns the last value of a metric for each set of attributes: a counter's value, a histogram's sum."""
        requests = [ExportMetricsServiceRequest.FromString(body) for body in self.bodies.get("/v1/metrics", ())]
        metrics = [metric for request in requests for one in request.resource_metrics
                   for scope in one.scope_metrics for metric in scope.metrics]  # fmt: skip
        found: dict[tuple[tuple[str, Any], ...], float] = {}
        for metric in metrics:
            if metric.name == name:
                found |= _points(metric)
        return found

    def metric_names(self) -> set[str]:
        """Returns the names of all metrics."""
        requests = [ExportMetricsServiceRequest.FromString(body) for body in self.bodies.get("/v1/metrics", ())]
        return {metric.name for request in requests for one in request.resource_metrics
                for scope in one.scope_metrics for metric in scope.metrics}  # fmt: skip


def _points(metric: Metric) -> dict[tuple[tuple[str, Any], ...], float]:
    counted = {_key(point.attributes): point.as_double or point.as_int for point in metric.sum.data_points}
    return counted | {_key(point.attributes): point.sum for point in metric.histogram.data_points}


def _key(attributes: Iterable[KeyValue]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(_values(attributes).items()))


def _span(span: Span) -> Told:
    return Told(
        span.name,
        _values(span.attributes),
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        Span.SpanKind.Name(span.kind),
        span.status.code == 2,
        span.end_time_unix_nano - span.start_time_unix_nano,
    )


def _values(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, kind)


@contextmanager
def collector(*, answers: bool = True) -> Generator[Collector]:
    """Runs a collector until the block ends; without `answers` it accepts requests and leaves them open until then."""
    released = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the base class names it
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.bodies.setdefault(self.path, []).append(body)
            found.headers.append(str(self.headers))
            found.reached.set()
            if not answers:
                released.wait()
                return
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Collector(f"http://127.0.0.1:{server.server_address[1]}")
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield found
    finally:
        released.set()
        server.shutdown()
        thread.join()
        server.server_close()
