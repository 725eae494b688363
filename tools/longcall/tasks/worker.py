"""Runs the tasks of one environment: takes them from the store, asks the models, writes down what comes."""

import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from longcall.caller import Caller, Work
from longcall.errors import ProviderError, StaleClaimError, StoreError
from longcall.models import AttemptState, TaskState
from longcall.money.prices import Prices
from longcall.providers import Handle
from longcall.tasks.doorbell import Doorbell
from longcall.tasks.failing import failure_of
from longcall.tasks.ledger import AGAIN_S, TaskLedger
from longcall.tasks.nearing import with_nearing
from longcall.tasks.output import with_output
from longcall.tasks.store import Claim, Ending, TaskStore
from longcall.tasks.taking_over import taken_over
from longcall.tasks.unsaved import Unsaved, forget, keep, save_kept
from longcall.telemetry.logs import enter_task
from longcall.telemetry.watch import SILENCE, Observer, Taken, TaskWatch

log = logging.getLogger(__name__)

_LOOK_S = 0.25
"""Seconds between looks at the store when nothing rings, while something runs here."""
_IDLE_LOOK_S = 1.0
"""The same while nothing does. Whoever adds a task rings; this is for where nobody can."""
_PIECES_S = 0.25
"""Seconds between writes of streamed text, for all tasks together."""
_MOST_RUNNING = 2_000
"""Tasks at work here at most, those that only wait for a limit included: each is held in memory."""
_FETCH_S = 30.0
"""Seconds to fetch an answer that a provider keeps, even when the task's own time ran out meanwhile."""


@dataclass(slots=True)
class _Running:
    """A task at work here."""

    claim: Claim
    watch: TaskWatch
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    unsaved: list[str] = field(default_factory=list[str])
    """Pieces of the answer that is coming; another list with each answer."""
    cancelled: bool = False
    is_waiting: bool = False
    """Whether it only waits for a limit, and takes no place."""
    begun: float = field(default_factory=time.monotonic)

    def hear(self, piece: str) -> None:
        """Takes a piece of the answer that is coming."""
        self.unsaved.append(piece)

    def seconds(self) -> float:
        """Returns how long ago the task was made, or last guided."""
        return self.claim.spent_s + time.monotonic() - self.begun


class Worker:
    """One environment's worker; run by a process that holds the environment's lock."""

    def __init__(
        self,
        *,
        name: str,
        environment: str,
        store: TaskStore,
        bell: Doorbell,
        caller: Caller,
        unsaved: Path,
        max_in_flight: int,
        idle_s: float,
        prices: Prices | None = None,
        holds_lock: Callable[[], bool] = lambda: True,
        observer: Observer = SILENCE,
    ) -> None:
        self._name = name
        self._environment = environment
        self._store = store
        self._bell = bell
        self._caller = caller
        self._prices = prices or Prices()
        self._unsaved = unsaved
        """Folder for endings that the store could not take."""
        self._holds_lock = holds_lock
        self._observer = observer
        self._max_in_flight = max_in_flight
        self._idle_s = idle_s
        self._running: dict[str, _Running] = {}
        self._saving = anyio.Lock()
        self._busy = anyio.Event()
        """Set where tasks run."""
        self._seen = -1
        """The store's change that was acted upon last; -1 has the next look act in any case."""
        self._tasks: TaskGroup

    async def run(self) -> None:
        """Works until there has been nothing to do for the idle time."""
        await self._save_kept_endings()
        recovery = await self._store.recover(self._environment, self._name)
        log.info("⇡ worker %s serves environment %s; found %s", self._name, self._environment, recovery)
        self._observer.found_interrupted(recovery.interrupted)
        async with anyio.create_task_group() as self._tasks:
            self._tasks.start_soon(self._save_pieces)
            await self._take_tasks()
            self._tasks.cancel_scope.cancel()
        log.info("⇣ worker %s leaves: nothing to do for %g s", self._name, self._idle_s)

    async def _take_tasks(self) -> None:
        busy_at = time.monotonic()
        while self._running or (self._holds_lock() and time.monotonic() - busy_at < self._idle_s):
            try:
                seen = await self._store.changes()
                if seen != self._seen:
                    self._seen = seen  # before acting: a task that ends meanwhile has us act again
                    if await self._act():
                        busy_at = time.monotonic()
            except StoreError as error:
                self._seen = -1
                log.warning("the store cannot be read now: %s", error)
            if self._running:
                busy_at = time.monotonic()
            await self._bell.wait(_LOOK_S if self._running else _IDLE_LOOK_S)

    async def _act(self) -> bool:
        """Does what the store asks for; returns whether it asked for anything."""
        if self._running:
            await self._cancel_requested()
        # Without the lock (somebody removed its file) another worker may live: what runs here ends, nothing begins.
        room = self._room() if self._holds_lock() else 0
        claims = await self._store.claim(self._environment, self._name, room) if room > 0 else []
        if len(claims) == room and any(claim.call.urgency == "batch" for claim in claims):
            self._look_again()
        if claims:
            self._busy.set()
        for claim in claims:
            self._running[claim.id] = _Running(claim, self._observer.took(_taken(claim)))
            self._tasks.start_soon(self._run_one, self._running[claim.id])
        return bool(claims)

    def _room(self) -> int:
        # Who waits for a batch has no connection of its own, and thousands may.
        others = [running for running in self._running.values() if running.claim.call.urgency == "now"]
        waiting = sum(running.is_waiting for running in others)
        return min(self._max_in_flight + waiting, _MOST_RUNNING) - len(others)

    @contextmanager
    def _waiting(self, running: _Running) -> Generator[None]:
        running.is_waiting = True
        self._look_again()
        try:
            yield
        finally:
            running.is_waiting = False

    def _look_again(self) -> None:
        self._seen = -1  # there is room for another, which is no change of the store
        self._bell.ring_self()

    async def _cancel_requested(self) -> None:
        for task in await self._store.cancel_requests(self._environment, self._name):
            if task in self._running:
                self._running[task].cancelled = True
                self._running[task].scope.cancel()

    async def _run_one(self, running: _Running) -> None:
        enter_task(running.claim.id, running.claim.call.model)
        log.info("↪ %s %s", running.claim.id, running.claim.call.model)
        try:
            with running.scope:
                await self._finish(running, await self._ask(running))
            if running.scope.cancelled_caught and running.cancelled:
                await self._finish(running, Ending(TaskState.CANCELLED, AttemptState.CANCELLED))
        finally:
            del self._running[running.claim.id]
            self._look_again()

    async def _ask(self, running: _Running) -> Ending:
        claim = running.claim
        if claim.earlier is not None:
            return taken_over(claim.earlier)
        work = Work(
            claim.call,
            TaskLedger(self._store, self._name, running, self._unsaved, self._prices, running.watch),
            running.hear,
            past=claim.past,
            steps=claim.steps,
            members=claim.members,
            handle=Handle(claim.handle) if claim.handle is not None else None,
            asked=claim.asked,
            waiting=partial(self._waiting, running),
            secret=claim.id,
            seconds=running.seconds,
            watch=running.watch,
        )
        try:
            with anyio.fail_after(_seconds_left(claim)):
                await anyio.lowlevel.checkpoint()  # where it is too late already, nothing is written down as sent
                outcome = await self._caller.answer(work)
        except StaleClaimError:
            return Ending(TaskState.CANCELLED, AttemptState.CANCELLED)
        except Exception as error:  # noqa: BLE001  # whatever one call raises ends that task alone
            failure = failure_of(error, claim)
            if claim.handle is not None and failure.code == "interrupted":
                return Ending(TaskState.INTERRUPTED, AttemptState.LOST, failure=failure)
            refused = isinstance(error, ProviderError) and error.refused
            return Ending(TaskState.FAILED, AttemptState.FAILED, failure=failure, refused=refused)
        return Ending(
            outcome.state,
            AttemptState.ANSWERED,
            outcome.text,
            await with_nearing(self._store, claim, outcome.completion),
            outcome.failure,
            outcome.validation,
        )

    async def _finish(self, running: _Running, ending: Ending) -> None:
        """Stores how the task ended. What was paid for is kept, here and in a file, until the store can take it."""
        task = running.claim.id
        with anyio.CancelScope(shield=True):
            if running.claim.call.output is not None and running.claim.earlier is None:
                # No store has the answer yet, and a file system may take its time.
                keep(self._unsaved, Unsaved(task, self._name, ending, "".join(running.unsaved)))
                ending = await with_output(running.claim.call, ending)
            while True:
                try:
                    if ending.text is None:
                        await self._save([running])
                    taken = await self._store.finish(task, self._name, ending)
                    break
                except StoreError as error:
                    log.warning("the ending of %s is kept until the store takes it: %s", task, error)
                    keep(self._unsaved, Unsaved(task, self._name, ending, "".join(running.unsaved)))
                    await anyio.sleep(AGAIN_S)
                except Exception as error:  # noqa: BLE001  # an ending that no store takes ends its task all the same
                    ending = Ending(TaskState.FAILED, AttemptState.FAILED, failure=failure_of(error, running.claim))
            forget(self._unsaved, task)
            running.watch.ended(ending.state, ending.failure)
            log.info("↩ %s %s%s", task, ending.state, "" if taken else " (came too late)")
            self._bell.ring_listeners()

    async def _save_kept_endings(self) -> None:
        """Stores what earlier workers could not."""
        while True:
            try:
                await save_kept(self._store, self._unsaved)
            except StoreError as error:
                log.warning("endings in files wait until the store takes them: %s", error)
                await anyio.sleep(AGAIN_S)
            else:
                return

    async def _save_pieces(self) -> None:
        while True:
            if not self._running:
                self._busy = anyio.Event()
                await self._busy.wait()
            await anyio.sleep(_PIECES_S)
            try:
                await self._save(list(self._running.values()))
            except StoreError as error:
                log.warning("streamed text is kept here until the store takes it: %s", error)

    async def _save(self, of: list[_Running]) -> None:
        async with self._saving:
            unsaved = [(running.claim.id, running.unsaved, len(running.unsaved)) for running in of if running.unsaved]
            if unsaved:
                # Nothing is awaited before the store has it: an answer that begins meanwhile is written after this.
                await self._store.add_pieces(self._name, [(task, "".join(pieces)) for task, pieces, _ in unsaved])
            for _, pieces, count in unsaved:
                del pieces[:count]


def _taken(claim: Claim) -> Taken:
    is_fresh = not claim.past and claim.handle is None
    return Taken(claim.id, claim.call, claim.project, claim.spent_s if is_fresh else None)


def _seconds_left(claim: Claim) -> float:
    left = claim.call.timeout_s - claim.spent_s
    return left if claim.handle is None else max(left, _FETCH_S)  # an answer that may be there deserves a look
