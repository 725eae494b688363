"""The seam between tasks and where they are kept: what any store must do.

Every method is one transaction, durable when it returns. Cancelling the caller never leaves half a write: the write
happens whole or not at all, and the caller must ask to know which. Writes of a worker name the worker; when the task is
no longer that worker's, they change nothing and say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from longcall.call import Call
from longcall.conversation import Heard
from longcall.errors import Failure
from longcall.models import (
    Attempt,
    AttemptState,
    Checked,
    Completion,
    Decision,
    Role,
    Step,
    Task,
    TaskKind,
    TaskState,
    Validation,
)
from longcall.tasks.added import Added
from longcall.tasks.conversation_store import ConversationStore
from longcall.tasks.recovery import Recovery
from longcall.tasks.spending import SpendingStore


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task as a front hands it in."""

    id: str
    environment: str
    project: str
    model: str
    head: str
    call: Call | None
    """None for a group."""
    request: str | None = None
    """Hash of what is asked; None for the member of a group that has no key of its own."""
    idempotency_key: str | None = None
    parent: str | None = None
    position: int | None = None
    principal: str = ""
    """Who makes it; the members of a group belong to whom the group belongs to."""
    older: tuple[str, ...] = ()
    """What earlier editions called `environment`: requests attach to tasks that were made under these names too."""
    heard: Heard | None = None
    """The conversation that it goes on with."""
    at_once: int | None = None
    """Of a group: members that may run at once; None sets no limit."""

    @property
    def kind(self) -> TaskKind:
        """A task without a call is a group."""
        return TaskKind.GROUP if self.call is None else TaskKind.CALL


@dataclass(frozen=True, slots=True)
class Claim:
    """A task as a worker takes it out."""

    id: str
    spent_s: float
    """Seconds of its deadline that waiting has used up."""
    call: Call
    handle: str | None
    """The name under which the provider keeps the answer of a request that was sent before, if it does."""
    asked: str | None = None
    """The model of that request."""
    past: tuple[Attempt, ...] = ()
    """What was asked before, since the task was made or last guided, with texts and what checks found of them."""
    steps: tuple[Step, ...] = ()
    """The tools that were used before."""
    project: str = ""
    """The folder it was asked from."""
    members: tuple[Task, ...] = ()
    """The tasks whose answers it combines, with their texts."""
    earlier: Task | None = None
    """The task that had its key before, whose answer it takes over instead of asking."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a running task ends."""

    state: TaskState
    attempt: AttemptState
    """What becomes of the attempt that is still open, if one is."""
    text: str | None = None
    """The whole text; None keeps what has streamed in."""
    completion: Completion | None = None
    failure: Failure | None = None
    validation: Validation | None = None
    refused: bool = False
    """Whether the open attempt failed so that nothing can have been billed."""


class TaskStore(ConversationStore, SpendingStore, Protocol):
    """Where tasks are kept. Every method may raise StoreError."""

    async def add(self, tasks: Sequence[NewTask], *, fresh: bool = False) -> Added:
        """Adds a task, or a group with its members after it, unless an earlier task answers the same request.

        An earlier one of the same principal does when it has the same idempotency key; or when, without `fresh`, it
        has the same request and still runs or was never handed to anybody. In a conversation it must be of the same
        one, in which nothing was said since; there one that still runs does with `fresh` too. A member whose key an
        earlier task has waits for that one, and is asked itself only where it failed or was cancelled.

        Raises:
            CallError: no earlier one does, and a call has an `obstacle`.
            KeyConflictError: an idempotency key was used for another request.
            ConversationBusyError: another task is at work in the conversation.
            ConversationMovedError: more was said in it than was heard, or it is gone.
        """
        ...

    async def claim(self, environment: str, worker: str, most: int) -> list[Claim]:
        """Takes at most `most` of the oldest queued tasks of `environment` for `worker`: queued → running.

        Of a group no more than its `at_once` ever run, over all workers, and what combines its answers is taken last.
        One whose call, or what was asked for it, cannot be read fails instead.
        """
        ...

    async def note_handle(self, task: str, worker: str, handle: str) -> None:
        """Writes down under which name the provider keeps the answer of the open attempt."""
        ...

    async def end_attempt(
        self, task: str, worker: str, failure: Failure, state: AttemptState = AttemptState.FAILED
    ) -> None:
        """Writes down that the open attempt failed, while the task goes on; LOST when it may have been billed."""
        ...

    async def note_answer(self, task: str, worker: str, role: Role, text: str, completion: Completion) -> int:
        """Ends the open attempt with its answer, while the task goes on: it is to be checked, or is a judge's.

        Returns the attempt's number.

        Raises:
            StaleClaimError: the task is not running under `worker` with an open attempt.
        """
        ...

    async def note_turn(self, task: str, worker: str, text: str, completion: Completion, steps: Sequence[Step]) -> int:
        """Ends the open attempt as a turn that asked for `steps` (whose attempt is set here); see `note_answer`."""
        ...

    async def begin_step(self, task: str, worker: str, attempt: int, number: int) -> None:
        """Writes down that a tool is about to be called.

        Raises:
            StaleClaimError: the task is not running under `worker`, is to be cancelled, or the step was begun before.
        """
        ...

    async def end_step(self, task: str, worker: str, step: Step) -> None:
        """Writes down what a tool said: state, result and time of `step`.

        Raises:
            StaleClaimError: the task is not running under `worker`, or the step has ended.
        """
        ...

    async def note_checked(self, task: str, worker: str, number: int, checked: Checked) -> None:
        """Writes down what the checks found of an attempt's answer."""
        ...

    async def attempt_text(self, task: str, number: int) -> str | None:
        """Returns the answer of an attempt, where it was kept apart from the task's."""
        ...

    async def add_pieces(self, worker: str, pieces: Sequence[tuple[str, str]]) -> None:
        """Adds streamed text to running tasks: pairs of task id and text."""
        ...

    async def finish(self, task: str, worker: str, ending: Ending) -> bool:
        """Ends a running task; False when it is not running under `worker` any more, and then nothing changes."""
        ...

    async def review(self, task: str, decision: Decision, guidance: str | None) -> bool:
        """Decides what becomes of an answer that needs review; False when the task is not in needs_review (any more).

        ACCEPT: → completed, as it is, with a warning that says so. STOP: → cancelled; text and completion are kept.
        GUIDE: → queued, for the same call with the answer and `guidance` (which GUIDE needs) as further turns; request,
        attempts and creation stay, the deadline begins anew, a group that had ended goes on; or ConversationBusyError
        when another task is at work in its conversation. ACCEPT too has answers combined anew.
        """
        ...

    async def cancel(self, task: str) -> None:
        """Cancels what is queued of a task or group at once, and asks the worker to stop what is running."""
        ...

    async def abandon(self, task: str) -> None:
        """Ends what waits of a task or group whose cancel was asked for, though its provider may still work on it.

        Only for a process that holds the lock of the task's environment, which proves that no worker sees to it.
        """
        ...

    async def cancel_requests(self, environment: str, worker: str) -> list[str]:
        """Returns the running tasks of `worker` whose cancellation was asked for."""
        ...

    async def recover(self, environment: str, worker: str | None) -> Recovery:
        """Settles running tasks of `environment` that belong to another worker than `worker`.

        Only for a process that holds the environment's lock, which proves that no other worker lives.
        """
        ...

    async def task(self, task: str) -> Task | None:
        """Returns a task whole, with its text, attempts and members; None when there is none of that id."""
        ...

    async def texts(self, group: str, first: int, last: int) -> dict[str, str]:
        """Returns the texts, by id, of those members from place `first` to `last` that have ended."""
        ...

    async def adopt(self, older: str, environment: str) -> None:
        """Gives the tasks of the environment `older` to `environment`.

        Only for a process that holds the lock of `older`, after its running tasks were settled by `recover`.
        """
        ...

    async def recent(
        self, project: str | None, most: int, *, principal: str | None = None, active: bool = False
    ) -> list[Task]:
        """Returns the newest tasks (with `active`, that have not ended) of a project or all, of a principal or all.

        They come without texts or attempts.
        """
        ...

    async def find(self, start: str) -> list[str]:
        """Returns at most two ids that begin with `start`."""
        ...

    async def endings(self, after: int) -> list[tuple[int, str]]:
        """Returns number and id of the tasks that ended after the ending `after`, in order; of each its last ending."""
        ...

    async def last_ending(self) -> int:
        """Returns the number of the newest ending; 0 when none."""
        ...

    def mark_delivered(self, task: str) -> None:
        """Has it written down that the final answer of a task was handed to a client; before any later write here."""
        ...

    async def has_unfinished(self, environment: str) -> bool:
        """Whether a task of `environment` waits for a worker, or is at work under one, dead or alive."""
        ...

    async def has_queued(self, environment: str) -> bool:
        """Whether a task of `environment` waits for a worker."""
        ...

    async def enrol(self, worker: str, environment: str, pid: int, doorbell: int | None) -> None:
        """Makes a worker known, in place of earlier ones of its environment."""
        ...

    async def doorbell(self, environment: str) -> int | None:
        """Returns the UDP port on 127.0.0.1 at which the environment's worker can be rung."""
        ...

    async def fail_overdue(self, environment: str) -> None:
        """Fails queued tasks of `environment` whose deadline went by while they waited."""
        ...

    async def advance(self) -> None:
        """Counts the time that has really gone by since the last call; see `expire`."""
        ...

    async def expire(self, kept_ms: int) -> list[str]:
        """Deletes tasks that ended more than `kept_ms` of counted time ago; returns their ids."""
        ...

    async def prune(self, before: int) -> list[str]:
        """Deletes tasks that ended before `before` (milliseconds since the epoch); returns their ids."""
        ...

    async def changes(self) -> int:
        """Returns a number that differs from the last one when anything was written since, by whatever process."""
        ...
