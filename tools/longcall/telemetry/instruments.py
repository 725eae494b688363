"""The metrics of a worker: those that the conventions name, and our own."""

from dataclasses import dataclass

from opentelemetry.metrics import Counter, Histogram, Meter

_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_LONG_SECONDS = (*_SECONDS, 163.84, 327.68, 655.36, 1310.72, 2621.44)
"""Models may think for an hour, and tasks wait for as long."""
_TOKENS = tuple(4.0**power for power in range(14))


@dataclass(frozen=True, slots=True)
class Instruments:
    """What a worker counts and measures."""

    tokens: Histogram
    duration: Histogram
    first_chunk: Histogram
    tool: Histogram
    tasks: Counter
    waited: Histogram
    attempts: Counter
    cost: Counter


def instruments(meter: Meter) -> Instruments:
    """Returns the instruments of `meter`."""

    def seconds(name: str, description: str, bounds: tuple[float, ...] = _LONG_SECONDS) -> Histogram:
        return meter.create_histogram(
            name, unit="s", description=description, explicit_bucket_boundaries_advisory=bounds
        )

    return Instruments(
        tokens=meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        ),
        duration=seconds("gen_ai.client.operation.duration", "Duration of a request to a model."),
        first_chunk=seconds("gen_ai.client.operation.time_to_first_chunk", "Time to the first piece of an answer."),
        tool=seconds("gen_ai.execute_tool.duration", "Duration of a use of a tool.", _SECONDS),
        tasks=meter.create_counter("longcall.tasks", unit="{task}", description="Tasks by the state they ended in."),
        waited=seconds("longcall.task.queue.duration", "Time for which a task waited until a worker took it."),
        attempts=meter.create_counter(
            "longcall.attempts", unit="{attempt}", description="Requests to models by what became of them."
        ),
        cost=meter.create_counter("longcall.cost", unit="{USD}", description="Known prices of answered requests."),
    )
