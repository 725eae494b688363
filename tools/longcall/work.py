"""One task's call, as a worker takes it up."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from longcall.call import Call
from longcall.hearing import Ledger, OnText
from longcall.models import Attempt, Step, Task
from longcall.providers import Handle
from longcall.telemetry.watch import SILENCE, TaskWatch


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done, what was done before, and where it is written down."""

    call: Call
    ledger: Ledger
    on_text: OnText
    """Takes the pieces of an answer as they come; another answer begins where the ledger hears of its request."""
    past: tuple[Attempt, ...] = ()
    """What an earlier worker has asked for it, with the answers."""
    steps: tuple[Step, ...] = ()
    """The tools that were used on the way."""
    handle: Handle | None = None
    """Under which name the provider keeps the answer of a request that is still open."""
    asked: str | None = None
    """The model of that request."""
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered while it only waits for a limit, so that others get its place meanwhile."""
    secret: str = ""
    """What nobody but this store knows of the task."""
    members: tuple[Task, ...] = ()
    """The tasks whose answers it combines, with their texts."""
    seconds: Callable[[], float] = field(default=lambda: 0.0)
    """How long ago the task was made, or last guided."""
    watch: TaskWatch = SILENCE
    """Is told what is sent for it."""
