"""Everything that can go wrong, as a tree.

LongcallError
├── CallError              what was asked cannot be asked so; nothing was stored or sent
│   ├── UnknownTaskError   no task has that id
│   ├── KeyConflictError   the idempotency key was used for another request
│   ├── UnknownConversationError   no conversation has that name or id
│   └── ConversationBusyError      a task is at work in the conversation
├── StoreError             the task store cannot be used now
│   ├── StoreBusyError     another process holds the database for too long
│   ├── StoreFullError     no room on the disk
│   ├── StoreCorruptError  the file was broken; it has been set aside and a new one begun
│   └── StoreVersionError  a newer longcall wrote it
├── WorkerStartError       the worker process did not come up
├── StaleClaimError        the task is no longer this worker's to write
└── ProviderError          a model did not answer; `code` and `retryable` say more

Every message is one sentence or two that say what to do instead. None holds a key.
"""

from dataclasses import dataclass


class LongcallError(Exception):
    """Base of all errors that longcall raises on purpose."""


class CallError(LongcallError):
    """What was asked cannot be asked so. Nothing was stored and nothing was sent."""


class UnknownTaskError(CallError):
    """No task has that id."""

    def __init__(self, task_id: str) -> None:
        super().__init__(
            f"No task has the id {task_id!r}: it is mistyped, its time to be kept is over, or its store was removed."
            " Call poll_task without an id to list the recent tasks of this project."
        )


class KeyConflictError(CallError):
    """The idempotency key was used for another request."""

    def __init__(self, key: str, task_id: str) -> None:
        super().__init__(
            f"The idempotency_key {key!r} was used for another request (task {task_id}). Use a new key for a new"
            " request, and the same key only to repeat the same one."
        )


class UnknownConversationError(CallError):
    """No conversation has that name or id."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"There is no conversation {said!r} here: a name holds in its own project, an id in any."
            " `longcall conversations --all` lists them."
        )


class ConversationBusyError(CallError):
    """A task is at work in the conversation."""

    def __init__(self, name: str, task_id: str) -> None:
        super().__init__(
            f"The conversation {name!r} is busy: its task {task_id} has not ended, and what comes next builds on that"
            " answer. Wait for it with poll_task, or stop it with cancel_task."
        )


class StoreError(LongcallError):
    """The task store cannot be used now."""


class StoreBusyError(StoreError):
    """Another process holds the database for too long."""


class StoreFullError(StoreError):
    """There is no room on the disk of the task store."""


class StoreCorruptError(StoreError):
    """The task store's file was broken. It has been set aside and a new one begun: asking again works."""


class StoreVersionError(StoreError):
    """The task store was written by a newer longcall."""


class WorkerStartError(LongcallError):
    """The worker process did not come up."""


class StaleClaimError(LongcallError):
    """The task is no longer this worker's to write: it was cancelled, or another worker owns it now."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task or an attempt failed, as stored and shown."""

    code: str
    """A short stable word: `no_key`, `unknown_model`, `rate_limit`, `timeout`, `incomplete_stream`, …"""
    message: str
    """One clear sentence for a person or a model."""
    retryable: bool = False
    """Whether the same request may succeed later without a change."""
    retry_after_s: float | None = None
    """Seconds from the failure after which the provider asks us to come back, when it said so."""


class ProviderError(LongcallError):
    """A model did not answer as asked."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        refused: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.failure = Failure(code, message, retryable, retry_after)
        self.refused = refused
        """Whether the provider turned the request away before it began to answer, so that nothing was paid."""
        self.retry_after = retry_after
        """Seconds after which the provider asks us to come back, when it said so."""

    def anew(self, *, refused: bool) -> "ProviderError":
        """Returns the same error for another to raise."""
        failure = self.failure
        return ProviderError(
            failure.code, failure.message, retryable=failure.retryable, refused=refused, retry_after=self.retry_after
        )
