"""Decides by OpenTelemetry's own variables whether anything is exported; until one asks for it, nothing is imported."""

import logging
from collections.abc import Mapping

from longcall.telemetry.watch import SILENCE, Observer

log = logging.getLogger(__name__)

_SIGNALS = ("traces", "metrics", "logs")
_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_SHOWS = ("true", "span_only", "span_and_event")
_PROTOCOL = "http/protobuf"


def wanted(environ: Mapping[str, str]) -> list[str]:
    """Returns the signals to export: those with an endpoint, unless OTEL_SDK_DISABLED or their exporter says no."""
    if _value(environ, "OTEL_SDK_DISABLED") == "true":
        return []
    return [signal for signal in _SIGNALS if _has_endpoint(environ, signal) and _is_otlp(environ, signal)]


def open_observer(environ: Mapping[str, str]) -> Observer:
    """Returns what watches a worker: an exporter where one is configured and installed, and otherwise nothing.

    The exporter reads its settings from the process's own environment. What is wrong with them is logged, never raised.
    """
    signals = [signal for signal in wanted(environ) if _is_spoken(environ, signal)]
    if not signals:
        return SILENCE
    try:
        from longcall.telemetry.exporting import Exporter  # noqa: PLC0415  # costs time, and may not be installed

        # It would log a header of OTEL_EXPORTER_OTLP_HEADERS that it cannot read, and there a key may stand.
        logging.getLogger("opentelemetry.util.re").setLevel(logging.CRITICAL)
        return Exporter(signals, shows_content=_value(environ, _CONTENT) in _SHOWS)
    except ModuleNotFoundError as error:
        log.warning(
            "Nothing is exported to OpenTelemetry, although %s asks for it: the module %s is not installed."
            " Install longcall[otel], or set OTEL_SDK_DISABLED=true.",
            _asking(environ),
            error.name,
        )
    except Exception:  # a variable that it cannot read, for example
        log.exception("Nothing is exported to OpenTelemetry: its SDK cannot be set up.")
    return SILENCE


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip().lower()


def _of_signal(signal: str, part: str) -> str:
    return f"OTEL_EXPORTER_OTLP_{signal.upper()}_{part}"


def _has_endpoint(environ: Mapping[str, str], signal: str) -> bool:
    return bool(_value(environ, _ENDPOINT) or _value(environ, _of_signal(signal, "ENDPOINT")))


def _is_otlp(environ: Mapping[str, str], signal: str) -> bool:
    exporters = _value(environ, f"OTEL_{signal.upper()}_EXPORTER")
    return not exporters or "otlp" in [name.strip() for name in exporters.split(",")]


def _is_spoken(environ: Mapping[str, str], signal: str) -> bool:
    shared = "OTEL_EXPORTER_OTLP_PROTOCOL"
    protocol = _value(environ, _of_signal(signal, "PROTOCOL")) or _value(environ, shared) or _PROTOCOL
    if protocol != _PROTOCOL:
        log.warning("No %s are exported to OpenTelemetry: longcall speaks %s, not %s.", signal, _PROTOCOL, protocol)
    return protocol == _PROTOCOL


def _asking(environ: Mapping[str, str]) -> str:
    names = [_ENDPOINT, *(_of_signal(signal, "ENDPOINT") for signal in _SIGNALS)]
    return next(name for name in names if _value(environ, name))
