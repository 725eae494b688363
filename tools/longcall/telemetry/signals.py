"""What a worker tells through: tracer, instruments and events, whether or not somebody listens to each."""

from dataclasses import dataclass

from opentelemetry._logs import Logger
from opentelemetry.trace import Tracer

from longcall.telemetry.instruments import Instruments


@dataclass(frozen=True, slots=True)
class Signals:
    """Where spans, metrics and events go."""

    tracer: Tracer
    instruments: Instruments
    events: Logger
    shows_content: bool = False
    """Whether prompts, answers, and what tools were told and said, are recorded too."""
