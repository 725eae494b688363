"""A store under any order of events, crashes included, against a simple model of what must come out."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tools.tasks.samples import BROKEN, DONE, HERE, SetClock, doubtful, new_task

from longcall.errors import StaleClaimError
from longcall.models import AttemptState, Decision, Task, TaskState
from longcall.tasks.added import Attached
from longcall.tasks.sqlite import SqliteStore, open_sqlite_store
from longcall.tasks.store import Ending
from longcall.tasks.transactions import SENT_AT_MOST

TIMEOUT_S = 3600.0
KEPT_MS = 600_000
ENDINGS = {
    TaskState.COMPLETED: Ending(TaskState.COMPLETED, AttemptState.ANSWERED, "whole", DONE),
    TaskState.FAILED: Ending(TaskState.FAILED, AttemptState.FAILED, failure=BROKEN),
    TaskState.CANCELLED: Ending(TaskState.CANCELLED, AttemptState.CANCELLED),
    TaskState.NEEDS_REVIEW: doubtful("perhaps"),
}
ATTACHABLE = (TaskState.QUEUED, TaskState.RUNNING, TaskState.COMPLETED, TaskState.NEEDS_REVIEW)
PRINCIPAL = st.sampled_from(["", "ann"])


@dataclass
class Expected:
    """What a task must be."""

    id: str
    request: str
    principal: str
    retries: bool
    state: TaskState = TaskState.QUEUED
    turns: list[str] = field(default_factory=lambda: ["why?"])
    worker: str | None = None
    attempts: list[AttemptState] = field(default_factory=list[AttemptState])
    handle: str | None = None
    text: str = ""
    spent_ms: int = 0
    ended_ms: int | None = None
    is_cancelled: bool = False
    is_delivered: bool = False

    @property
    def is_sent(self) -> bool:
        """Whether a request is out."""
        return AttemptState.SENT in self.attempts

    def end_attempt(self, state: AttemptState) -> None:
        """Ends the request that is out, if one is."""
        if self.is_sent:
            self.attempts[-1] = state
            self.handle = None

    def facts(self) -> dict[str, Any]:
        """Returns what the store must tell of it."""
        return {
            "state": self.state,
            "principal": self.principal,
            "turns": self.turns,
            "text": self.text,
            "attempts": self.attempts,
            "cancelled": self.is_cancelled,
            "delivered": self.is_delivered,
        }


def facts_of(task: Task) -> dict[str, Any]:
    """Returns what the store tells of a task."""
    return {
        "state": task.state,
        "principal": task.principal,
        "turns": [turn.content for turn in task.call.messages] if task.call else [],
        "text": task.text,
        "attempts": [attempt.state for attempt in task.attempts],
        "cancelled": task.cancel_requested,
        "delivered": task.delivered_at is not None,
    }


TASK = st.runner().flatmap(lambda machine: st.sampled_from(machine.going()))
"""One of the newest tasks, those that have not ended first."""
WORKER = st.runner().flatmap(lambda machine: st.sampled_from(machine.workers()))
"""The living worker, or the one that died last."""


class StoreMachine(RuleBasedStateMachine):
    """One environment, one living worker, and any number of dead ones that still write."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.portal = self.stack.enter_context(start_blocking_portal())
        self.time = SetClock()
        opened = open_sqlite_store(folder / "tasks.sqlite3", clock=self.time.clock)
        self.store: SqliteStore = self.stack.enter_context(self.portal.wrap_async_context_manager(opened))
        self.known: dict[str, Expected] = {}
        self.gone: set[str] = set()
        self.ended: list[str] = []
        self.endings = 0
        self.living = "worker-0"
        self.deaths = 0
        self.counted_ms = 0

    def going(self) -> list[Expected]:
        """Returns the tasks that something may happen to."""
        states = (TaskState.QUEUED, TaskState.RUNNING, TaskState.NEEDS_REVIEW)
        open_tasks = [task for task in self.known.values() if task.state in states]
        return [*open_tasks[-3:], *list(self.known.values())[-2:]]

    def workers(self) -> list[str]:
        """Returns who may write."""
        return [self.living, f"worker-{max(0, self.deaths - 1)}"]

    def teardown(self) -> None:
        """Closes the store."""
        self.stack.close()

    def end(self, task: Expected, state: TaskState) -> None:
        """Has a task end in the model."""
        task.state, task.ended_ms = state, self.counted_ms
        self.ended.append(task.id)
        self.endings += 1

    @initialize()
    def begin(self) -> None:
        """Time is counted from here on, and there is something to do."""
        self.portal.call(self.store.advance)
        self.create("a", "", retries=False, fresh=False)

    @rule(request=st.sampled_from("ab"), principal=PRINCIPAL, retries=st.booleans(), fresh=st.booleans())
    def create(self, request: str, principal: str, retries: bool, fresh: bool) -> None:
        """A front hands a request in."""
        asked = (request, principal)
        same = [task for task in self.known.values() if (task.request, task.principal) == asked]
        same = [task for task in same if task.state in ATTACHABLE]
        earlier = [task for task in same if not (task.is_delivered or task.is_cancelled or fresh)]
        on_interrupt = "retry" if retries else "report"
        new = new_task(request=request, principal=principal, on_interrupt=on_interrupt, timeout_s=TIMEOUT_S)
        result = self.portal.call(lambda: self.store.add([new], fresh=fresh))
        if earlier:
            assert result.id == earlier[-1].id
            assert result.attached is (Attached.UNDELIVERED if earlier[-1].state.is_final else Attached.RUNNING)
            return
        assert (result.id, result.attached) == (new.id, None)
        self.known[new.id] = Expected(new.id, request, principal, retries)

    @rule(most=st.integers(1, 3))
    def claim(self, most: int) -> None:
        """The living worker takes what waits, oldest first."""
        waiting = [task for task in self.known.values() if task.state is TaskState.QUEUED][:most]
        claims = self.portal.call(self.store.claim, HERE, self.living, most)
        assert [(claim.id, claim.handle) for claim in claims] == [(task.id, task.handle) for task in waiting]
        for task in waiting:
            task.state, task.worker = TaskState.RUNNING, self.living

    @rule(task=TASK, worker=WORKER)
    def mark_sent(self, task: Expected, worker: str) -> None:
        """A worker is about to send."""
        if task.is_sent and task.worker == worker:
            return  # no worker sends while its request is out
        may = task.state is TaskState.RUNNING and task.worker == worker and not task.is_cancelled
        try:
            number = self.portal.call(self.store.mark_sent, task.id, worker, "demo/echo")
        except StaleClaimError:
            assert not may
        else:
            assert may
            task.attempts.append(AttemptState.SENT)
            assert number == len(task.attempts)

    @rule(task=TASK, worker=WORKER)
    def note_handle(self, task: Expected, worker: str) -> None:
        """A worker learns where the answer is kept."""
        self.portal.call(self.store.note_handle, task.id, worker, f"kept for {worker}")
        if self.holds(task, worker) and task.is_sent:
            task.handle = f"kept for {worker}"

    @rule(task=TASK, worker=WORKER)
    def end_attempt(self, task: Expected, worker: str) -> None:
        """A worker was refused."""
        self.portal.call(self.store.end_attempt, task.id, worker, BROKEN)
        if self.holds(task, worker):
            task.end_attempt(AttemptState.FAILED)

    @rule(task=TASK, worker=WORKER, text=st.sampled_from(["one ", "two "]))
    def add_pieces(self, task: Expected, worker: str, text: str) -> None:
        """Text streams in."""
        self.portal.call(self.store.add_pieces, worker, [(task.id, text), (task.id, text)])
        if self.holds(task, worker):
            task.text += text + text

    @rule(task=TASK, worker=WORKER, state=st.sampled_from(sorted(ENDINGS)))
    def finish(self, task: Expected, worker: str, state: TaskState) -> None:
        """A worker, living or dead, says how a task ended."""
        taken = self.portal.call(self.store.finish, task.id, worker, ENDINGS[state])
        assert taken is self.holds(task, worker)
        if taken:
            task.end_attempt(ENDINGS[state].attempt)
            task.text = ENDINGS[state].text or task.text
            self.end(task, state)

    def holds(self, task: Expected, worker: str) -> bool:
        """Whether a task is a worker's to write."""
        return task.state is TaskState.RUNNING and task.worker == worker

    @rule(task=TASK, decision=st.sampled_from(sorted(Decision)))
    def review(self, task: Expected, decision: Decision) -> None:
        """Somebody decides, perhaps when there is nothing to decide."""
        taken = self.portal.call(self.store.review, task.id, decision, "better")
        assert taken is (task.state is TaskState.NEEDS_REVIEW)
        if not taken:
            return
        match decision:
            case Decision.ACCEPT:
                task.state = TaskState.COMPLETED
            case Decision.STOP:
                task.state, task.is_cancelled = TaskState.CANCELLED, True
            case Decision.GUIDE:
                task.turns += [task.text, "better"]
                task.state, task.worker, task.text, task.spent_ms = TaskState.QUEUED, None, "", 0
                task.is_cancelled = task.is_delivered = False
                task.ended_ms = None
                self.ended.remove(task.id)

    @rule(task=TASK, is_late=st.booleans())
    def cancel(self, task: Expected, is_late: bool) -> None:
        """Somebody cancels, perhaps just before the request would leave."""
        self.portal.call(self.store.cancel, task.id)
        if not task.state.is_final:
            task.is_cancelled = True
        if task.state is TaskState.QUEUED:
            self.end(task, TaskState.CANCELLED)
        if is_late:
            self.mark_sent(task, self.living)

    @rule()
    def crash(self) -> None:
        """The worker dies, and the next one settles what it left and takes what waits."""
        self.deaths += 1
        self.living = f"worker-{self.deaths}"
        self.portal.call(self.store.recover, HERE, self.living)
        for task in [task for task in self.known.values() if task.state is TaskState.RUNNING]:
            self.settle(task)
        self.claim(10)

    def settle(self, task: Expected) -> None:
        """Has a dead worker's task go its way in the model."""
        is_resent = task.retries and len(task.attempts) < SENT_AT_MOST and not task.is_cancelled
        is_kept = task.handle is not None
        if task.is_sent and not is_kept and not is_resent:
            task.end_attempt(AttemptState.LOST)
            self.end(task, TaskState.INTERRUPTED)
        elif task.is_cancelled and not task.is_sent:
            self.end(task, TaskState.CANCELLED)
        else:
            if task.is_sent:
                task.text = ""
            if not is_kept:
                task.end_attempt(AttemptState.LOST)
            task.state, task.worker = TaskState.QUEUED, None

    @rule(task=TASK, is_asked_again=st.booleans())
    def deliver(self, task: Expected, is_asked_again: bool) -> None:
        """An answer is handed over, and perhaps the same is asked again."""
        self.store.mark_delivered(task.id)
        self.portal.call(self.store.advance)
        task.is_delivered = task.is_delivered or task.state.is_final
        if is_asked_again:
            self.create(task.request, task.principal, retries=False, fresh=False)

    @rule(ms=st.sampled_from([1_000, 900_000, 4_000_000]), jump=st.sampled_from([0, 86_400_000]))
    def spend(self, ms: int, jump: int) -> None:
        """Time goes by, and somebody sets the wall's clock."""
        self.time.spend(ms)
        self.time.wall += jump
        self.portal.call(self.store.advance)
        self.counted_ms += ms
        self.portal.call(self.store.fail_overdue, HERE)
        for task in self.known.values():
            task.spent_ms += ms
        for task in [task for task in self.known.values() if task.state is TaskState.QUEUED]:
            if task.spent_ms > TIMEOUT_S * 1000:
                self.end(task, TaskState.FAILED)

    @rule()
    def expire(self) -> None:
        """What ended long ago goes."""
        old = [
            task.id
            for task in self.known.values()
            if task.ended_ms is not None and task.ended_ms < self.counted_ms - KEPT_MS
        ]
        assert sorted(self.portal.call(self.store.expire, KEPT_MS)) == sorted(old)
        for task in old:
            del self.known[task]
            self.ended.remove(task)
        self.gone.update(old)
        if not self.known:
            self.create("a", "", retries=False, fresh=False)

    @invariant()
    def nothing_is_lost_and_nothing_final_changes(self) -> None:
        """Every task that was acknowledged is what the model says, and none has come back."""
        for expected in self.known.values():
            found = self.portal.call(self.store.task, expected.id)
            assert found is not None
            assert facts_of(found) == expected.facts()
        assert [self.portal.call(self.store.task, task) for task in self.gone] == [None] * len(self.gone)

    @invariant()
    def endings_are_told_once_and_in_order(self) -> None:
        """Whoever waits learns of every ending, in order."""
        told = [task for _, task in self.portal.call(self.store.endings, 0)]
        assert told == self.ended
        assert self.portal.call(self.store.last_ending) == self.endings


def test_no_order_of_events_loses_or_changes_what_was_acknowledged():
    bounds = settings(
        max_examples=40,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(StoreMachine, settings=bounds)
