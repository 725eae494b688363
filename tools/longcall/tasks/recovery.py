"""What becomes of the tasks of a dead worker."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found of a dead worker's tasks."""

    requeued: int = 0
    """Nothing had been sent: they wait again."""
    interrupted: int = 0
    """A request had been sent and its answer is lost."""
    cancelled: int = 0
    resumable: int = 0
    """A request had been sent and the provider keeps its answer: they wait to be fetched."""
    resent: int = 0
    """A request had been sent, its answer is lost, and their caller wants it sent again."""
