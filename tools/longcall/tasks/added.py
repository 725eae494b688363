"""What a new request leads to: a task of its own, or an earlier one that answers it."""

from dataclasses import dataclass
from enum import StrEnum


class Attached(StrEnum):
    """Why a new request was answered with an earlier task."""

    RUNNING = "running"
    """The same request is being answered now."""
    UNDELIVERED = "undelivered"
    """The same request was answered, and nobody has been handed the answer."""
    KEY = "key"
    """The same idempotency key was used for the same request."""


@dataclass(frozen=True, slots=True)
class Added:
    """What a new request led to."""

    id: str
    attached: Attached | None = None
    """None for a task of its own."""
