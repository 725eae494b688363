"""Sends spans, metrics and events to a collector by OTLP over HTTP. The only file that knows OpenTelemetry's SDK."""

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from importlib.metadata import version
from threading import Thread

from opentelemetry._logs import Logger, NoOpLoggerProvider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Meter, NoOpMeterProvider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracerProvider, Tracer

from longcall.telemetry.instruments import instruments
from longcall.telemetry.signals import Signals
from longcall.telemetry.task_span import SpanObserver

_CLOSE_S = 3.0
"""Seconds that the last export may take before it is left alone."""
_SCOPE = "longcall"


class Exporter(SpanObserver):
    """Watches a worker and exports what it sees, in threads of its own; what a collector does not take is dropped."""

    def __init__(self, wanted: Collection[str], *, shows_content: bool) -> None:
        self._closers: list[Callable[[], object]] = []
        resource = _resource()
        tracer = self._tracer(resource) if "traces" in wanted else NoOpTracerProvider().get_tracer(_SCOPE)
        meter = self._meter(resource) if "metrics" in wanted else NoOpMeterProvider().get_meter(_SCOPE)
        events = self._events(resource) if "logs" in wanted else NoOpLoggerProvider().get_logger(_SCOPE)
        super().__init__(Signals(tracer, instruments(meter), events, shows_content))

    def _tracer(self, resource: Resource) -> Tracer:
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._closers.append(provider.shutdown)
        return provider.get_tracer(_SCOPE, version("longcall"))

    def _meter(self, resource: Resource) -> Meter:
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        self._closers.append(provider.shutdown)
        return provider.get_meter(_SCOPE, version("longcall"))

    def _events(self, resource: Resource) -> Logger:
        provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
        self._closers.append(provider.shutdown)
        return provider.get_logger(_SCOPE, version("longcall"))

    def close(self) -> None:
        """Exports what is left; a collector that does not answer is waited for no longer than a few seconds."""
        threads = [Thread(target=_quietly, args=(close,), daemon=True) for close in self._closers]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + _CLOSE_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _quietly(close: Callable[[], object]) -> None:
    with suppress(Exception):  # the SDK has logged why
        close()


def _resource() -> Resource:
    """Returns who tells: what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say, and what they leave open."""
    found = Resource.create({"service.version": version("longcall")})
    if not str(found.attributes.get("service.name", "")).startswith("unknown_service"):
        return found
    return found.merge(Resource({"service.name": "longcall"}))
