"""Where the attempts of one task at work are written down."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import anyio

from longcall.call import Call
from longcall.errors import Failure, ProviderError, StoreError
from longcall.models import AttemptState, Checked, Completion, Role, Step, TaskState
from longcall.money.estimating import estimate
from longcall.money.prices import Prices
from longcall.money.toll import Toll
from longcall.providers import Handle, Talk
from longcall.tasks.store import Claim, Ending, TaskStore
from longcall.tasks.unsaved import Unsaved, forget, keep
from longcall.telemetry.watch import SILENCE, TaskWatch

log = logging.getLogger(__name__)

AGAIN_S = 1.0
"""Seconds before what the store could not take is tried again."""
_UNCHECKED = Failure(
    "store", "The answer came when the task store could not be written, and its worker died before it was checked."
)


class AtWork(Protocol):
    """A task at work."""

    claim: Claim
    unsaved: list[str]
    """Pieces of the answer that is coming; another list with each answer."""


class TaskLedger:
    """A Ledger over the task store; see `longcall.caller`."""

    def __init__(
        self,
        store: TaskStore,
        worker: str,
        running: AtWork,
        unsaved: Path,
        prices: Prices,
        watch: TaskWatch = SILENCE,
    ) -> None:
        self._store = store
        self._prices = prices
        self._worker = worker
        self._running = running
        self._unsaved = unsaved
        self._task = running.claim.id
        self._watch = watch

    async def sent(self, call: Call, role: Role, talk: Talk | None = None) -> int:
        """Commits that a request is about to leave, with which another answer begins; returns the attempt's number.

        Raises:
            ProviderError: `budget`; a cap leaves no room for it.
            StaleClaimError: the task is not this worker's any more, or is to be cancelled.
            StoreError: it cannot be committed; the text of before is kept.
        """
        toll = Toll(call.model, estimate(self._prices, call, talk), self._running.claim.call.caps)
        toll.demand_priced()
        request = call.request if role is Role.JUDGE else None
        pieces = self._running.unsaved
        if role is Role.ANSWER:
            self._running.unsaved = []
        try:
            return await self._store.mark_sent(self._task, self._worker, call.model, role, request, toll)
        except (StoreError, ProviderError):
            self._running.unsaved = pieces
            raise

    async def keeps(self, handle: Handle) -> None:
        """Commits under which name the provider keeps the answer."""
        try:
            await self._store.note_handle(self._task, self._worker, handle.name)
        except StoreError as error:  # the answer still comes here; only a crash would now lose it
            log.warning("the handle of %s is not stored: %s", self._task, error)

    async def failed(self, failure: Failure, *, may_be_paid: bool = False) -> None:
        """Commits that the request failed, as soon as the store can take it."""
        state = AttemptState.LOST if may_be_paid else AttemptState.FAILED
        while True:
            try:
                return await self._store.end_attempt(self._task, self._worker, failure, state)
            except StoreError as error:
                log.warning("that a request of %s failed is not stored yet: %s", self._task, error)
                await anyio.sleep(AGAIN_S)

    async def answered(self, role: Role, text: str, completion: Completion) -> int:
        """Commits an answer that is paid for; until the store can take it, it is kept here and in a file.

        Nothing comes in between, neither a cancel nor a deadline: they act when the answer is safe.
        """
        number = 0
        with anyio.CancelScope(shield=True):
            while not number:
                try:
                    number = await self._answered(role, text, completion)
                except StoreError as error:
                    log.warning("an answer of %s is kept until the store takes it: %s", self._task, error)
                    if role is Role.ANSWER:
                        unchecked = Ending(TaskState.FAILED, AttemptState.ANSWERED, text, completion, _UNCHECKED)
                        keep(self._unsaved, Unsaved(self._task, self._worker, unchecked))
                    await anyio.sleep(AGAIN_S)
        return number

    async def asked_for_tools(self, text: str, completion: Completion, steps: Sequence[Step]) -> int:
        """Commits a turn that is paid for, with the tools that it asked for; see `answered`."""
        number = 0
        with anyio.CancelScope(shield=True):
            while not number:
                pieces, self._running.unsaved = self._running.unsaved, []
                try:
                    number = await self._store.note_turn(self._task, self._worker, text, completion, steps)
                except StoreError as error:
                    self._running.unsaved = pieces
                    log.warning("a turn of %s is kept until the store takes it: %s", self._task, error)
                    await anyio.sleep(AGAIN_S)
        return number

    async def begun(self, step: Step) -> None:
        """Commits that a tool is about to be called.

        Raises:
            StaleClaimError: the task is not this worker's any more, or is to be cancelled.
            StoreError: it cannot be committed, and the tool is not to be called.
        """
        await self._store.begin_step(self._task, self._worker, step.attempt, step.number)

    async def stepped(self, step: Step) -> None:
        """Commits what a tool said, as soon as the store can take it; nothing comes in between."""
        self._watch.used(step)
        with anyio.CancelScope(shield=True):
            while True:
                try:
                    return await self._store.end_step(self._task, self._worker, step)
                except StoreError as error:
                    log.warning("what a tool of %s said is not stored yet: %s", self._task, error)
                    await anyio.sleep(AGAIN_S)

    async def _answered(self, role: Role, text: str, completion: Completion) -> int:
        pieces, self._running.unsaved = self._running.unsaved, []  # the store makes them whole
        try:
            number = await self._store.note_answer(self._task, self._worker, role, text, completion)
        except Exception:
            self._running.unsaved = pieces
            raise
        forget(self._unsaved, self._task)
        return number

    async def checked(self, number: int, checked: Checked) -> None:
        """Commits what the checks found of an attempt's answer."""
        self._watch.checked(number, checked)
        try:
            await self._store.note_checked(self._task, self._worker, number, checked)
        except StoreError as error:  # after a crash it would be checked once more, and that is all
            log.warning("what checks found of %s is not stored: %s", self._task, error)
