"""The seam between the work and whoever watches it. A watch never raises: no call may fail because of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from longcall.call import Call
from longcall.errors import Failure
from longcall.models import Checked, Completion, Role, Step, TaskState
from longcall.providers import Talk, ToolCall


@dataclass(frozen=True, slots=True)
class Taken:
    """A task as a worker takes it up."""

    id: str
    call: Call
    project: str
    """The folder it was asked from."""
    waited_s: float | None
    """Seconds for which it waited in the queue; None where an earlier worker has asked something for it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it leaves."""

    call: Call
    role: Role
    number: int | None
    """The attempt's; None where the answer to an earlier worker's request is fetched."""
    talk: Talk | None = None


class RequestWatch(Protocol):
    """Watches one request to a provider."""

    def heard(self) -> None:
        """The first piece of the answer came."""
        ...

    def answered(self, text: str, completion: Completion, asked: Sequence[ToolCall]) -> None:
        """The answer is complete; `asked` are the tools that it wants used."""
        ...

    def failed(self, error: BaseException) -> None:
        """There is no complete answer."""
        ...


class TaskWatch(Protocol):
    """Watches one task at work."""

    def sent(self, request: Sent) -> RequestWatch:
        """A request is written down and leaves now."""
        ...

    def used(self, step: Step) -> None:
        """A tool was used, just now."""
        ...

    def checked(self, number: int, checked: Checked) -> None:
        """The answer of an attempt was checked."""
        ...

    def ended(self, state: TaskState, failure: Failure | None) -> None:
        """The task ended, and that is stored."""
        ...


class Observer(Protocol):
    """Watches a worker."""

    def took(self, taken: Taken) -> TaskWatch:
        """A task is taken up."""
        ...

    def found_interrupted(self, tasks: int) -> None:
        """So many tasks of a dead worker were found whose answers are lost."""
        ...

    def close(self) -> None:
        """Tells what was not told yet; returns within a few seconds in any case."""
        ...


class Silence(Observer, TaskWatch, RequestWatch):
    """Watches nothing."""

    def took(self, taken: Taken) -> TaskWatch:
        """Tells nobody."""
        return self

    def sent(self, request: Sent) -> RequestWatch:
        """Tells nobody."""
        return self

    def heard(self) -> None:
        """Tells nobody."""

    def answered(self, text: str, completion: Completion, asked: Sequence[ToolCall]) -> None:
        """Tells nobody."""

    def failed(self, error: BaseException) -> None:
        """Tells nobody."""

    def used(self, step: Step) -> None:
        """Tells nobody."""

    def checked(self, number: int, checked: Checked) -> None:
        """Tells nobody."""

    def ended(self, state: TaskState, failure: Failure | None) -> None:
        """Tells nobody."""

    def found_interrupted(self, tasks: int) -> None:
        """Tells nobody."""

    def close(self) -> None:
        """Has nothing to tell."""


SILENCE = Silence()
