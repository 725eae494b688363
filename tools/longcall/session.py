"""The tools' words over an open task store: what every door offers, in one place."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Unpack

from longcall.attachment import with_attachment
from longcall.attempts import answer_of
from longcall.call import Call
from longcall.code_task import with_report
from longcall.conversations import Conversations
from longcall.errors import CallError
from longcall.fan_out import FanOut, wanted
from longcall.models import Decision, Task
from longcall.page import Page
from longcall.preparing import Desk, Pairs
from longcall.question import Question, without
from longcall.result import Fit, Result, listing, result_of
from longcall.tasks.added import Added
from longcall.tasks.client import TaskClient
from longcall.tasks.members import with_texts

OnProgress = Callable[[Result], Awaitable[None]]


class Session:
    """An open store, seen from one project folder, by the operator or by one principal.

    The operator (`principal` None) sees every task, and begins tasks as the user of this machine (""). A principal sees
    its own tasks alone; to it another's id is unknown.
    """

    def __init__(
        self, client: TaskClient, project: str, desk: Desk, fit: Fit = result_of, principal: str | None = None
    ) -> None:
        self._desk = desk
        self.client = client
        self._project = project
        self._fit = fit
        self._principal = principal
        self.conversations = Conversations(client, desk, project, principal)

    def as_principal(self, principal: str) -> "Session":
        """Returns the same open store as `principal` sees it; costs nothing."""
        return Session(self.client, self._project, self._desk, self._fit, principal)

    async def llm_call(
        self,
        prompt: str | None = None,
        *,
        wait_s: float | None = None,
        patience_s: float | None = None,
        fresh: bool = False,
        idempotency_key: str | None = None,
        dry_run: bool = False,
        on_progress: OnProgress | None = None,
        **question: Unpack[Question],
    ) -> Result:
        """Asks a model and waits for the answer.

        The task is durable before anything is sent. When the wait ends first, or is cancelled, the work goes on.

        Args:
            prompt: the text to ask; or give `messages`.
            wait_s: seconds to wait, after which the result says `working`; None takes `patience_s`.
            patience_s: seconds that whoever asks has by nature, none for a model that is known to need long; None waits
                for as long as it takes.
            fresh: asks anew even when the same request runs, or was answered and nobody was handed the answer;
                otherwise the result is that earlier task's, and says so in `warnings`.
            idempotency_key: a name for this request: the same key always leads to the same task, `fresh` or not.
            dry_run: tells what would be sent, with its tokens and price, and stores and sends nothing.
            on_progress: called about every 2 s with the result so far.
            question: see Question.

        Raises:
            CallError: it cannot be asked so; nothing was stored or sent.
            StoreError: the task store cannot be used.
            WorkerStartError: no worker can be started; the task stays queued.
        """
        if dry_run:
            return await self._dry_run([(prompt, question.get("model"))], question)
        call, added = await self._begin([(prompt, question.get("model"))], question, fresh, idempotency_key)
        if wait_s is None and patience_s is not None:
            wait_s = 0 if call.long_running else patience_s
        result = await self._await(added.id, wait_s, on_progress)
        return with_attachment(result, added)

    async def begin(
        self,
        prompt: str | None = None,
        *,
        fresh: bool = False,
        idempotency_key: str | None = None,
        **question: Unpack[Question],
    ) -> Added:
        """Begins a task, raising as llm_call does, and tells nothing of it: no answer counts as handed over."""
        return (await self._begin([(prompt, question.get("model"))], question, fresh, idempotency_key))[1]

    async def start_task(
        self,
        prompt: str | None = None,
        *,
        prompts: Sequence[str | Mapping[str, Any]] | None = None,
        models: Sequence[str] | None = None,
        at_once: int | None = None,
        combine: str | Mapping[str, Any] | None = None,
        resume: str | None = None,
        guidance: str | None = None,
        fresh: bool = False,
        idempotency_key: str | None = None,
        dry_run: bool = False,
        **question: Unpack[Question],
    ) -> Result:
        """Begins a task and returns at once; several `prompts` or `models` (or both: every pair) make a group.

        Each of `prompts` is a text, or has a `prompt` and an `idempotency_key`. At most `at_once` members run at once.
        `combine` makes one answer of theirs: see `longcall.combine`. `resume` names a task that needs review instead:
        its model is asked again with `guidance`. The rest is as in llm_call; a group is compared as a whole.

        Raises:
            CallError: it cannot be asked so; nothing was stored or sent.
            StoreError: the task store cannot be used.
        """
        others = [prompt, prompts, models, at_once, combine, dry_run, *question.values()]
        if resume is not None:
            return await self._resume(resume, guidance, others)
        if guidance is not None:
            raise CallError("`guidance` goes with `resume`: the task_id of the task that needs review.")
        asked = wanted(prompt, prompts, question.get("model"), models, at_once, combine)
        if dry_run:
            return await self._dry_run(asked.pairs, question)
        calls, fan_out = await self._desk.fan_out(asked, without(question, "model", "conversation"))
        added = await self._start(calls, question, fresh, idempotency_key, fan_out)
        return with_attachment(await self._tell(await self.client.task(added.id), None), added)

    async def _resume(self, task_id: str, guidance: str | None, asked: Sequence[Any]) -> Result:
        if any(value is not None and value is not False for value in asked):
            raise CallError("With `resume` give `guidance` alone: the task keeps its prompt, model and checks.")
        return await self.review(task_id, Decision.GUIDE, guidance)

    async def validate_code(
        self,
        request: Mapping[str, Any],
        *,
        paths: Sequence[str] = (),
        wait_s: float | None = None,
        timeout_s: float | None = None,
        fresh: bool = True,
        on_progress: OnProgress | None = None,
        **judging: Any,
    ) -> Result:
        """Checks code, as a task like any other, and waits for the report.

        Args:
            request: what `longcall.validation.CodeRequest` takes.
            paths: files below the allowed folders, instead of `code` and `files` in the request.
            wait_s: seconds to wait; None waits for as long as it takes.
            timeout_s: seconds after which the work is stopped.
            fresh: False lets the same request that still runs, or was never handed over, answer this one.
            on_progress: called about every 2 s with the result so far.
            judging: `criteria`, `judge` and `task`; see `longcall.code_task.check_call`.

        Raises:
            CallError: it cannot be checked so; nothing was stored.
            StoreError: the task store cannot be used.
            WorkerStartError: no worker can be started; the task stays queued.
        """
        call = await self._desk.code(request, paths, timeout_s=timeout_s, **judging)
        added = await self.conversations.start(None, [call], fresh=fresh, idempotency_key=None)
        return with_attachment(await self._await(added.id, wait_s, on_progress), added)

    async def poll_task(
        self,
        task_id: str | None = None,
        *,
        wait_s: float | None = 0,
        page: Page | None = None,
        attempt: int | None = None,
        on_progress: OnProgress | None = None,
    ) -> Result:
        """Tells of a task, after waiting up to `wait_s` seconds for its end; without an id, of the recent tasks here.

        With `attempt`, the number of one of its attempts, the text is the answer of that one.

        Raises:
            CallError: the task has no such attempt, or its answer was not kept apart from the task's.
            UnknownTaskError: no task has that id.
            StoreError: the task store cannot be used.
        """
        if task_id is None:
            return await self.list_tasks()
        if attempt is not None:
            task = await self.look(task_id)
            return answer_of(task, attempt, await self.client.store.attempt_text(task.id, attempt), page, self._fit)
        return await self._await(task_id, wait_s, on_progress, page or Page())

    async def look(self, task_id: str) -> Task:
        """Returns a task as it is now.

        Raises:
            UnknownTaskError: no task has that id.
            StoreError: the task store cannot be used.
            WorkerStartError: no worker can be started to run it; the task stays queued.
        """
        return await self.client.wait(task_id, 0, principal=self._principal)

    def follow(self, task_id: str, every_s: float) -> AsyncGenerator[Task]:
        """Yields a task as it is, about every `every_s` seconds and when it has ended; see `TaskClient.follow`."""
        return self.client.follow(task_id, every_s, principal=self._principal)

    async def active(self, most: int = 1000) -> list[Task]:
        """Returns the newest tasks that have not ended, of all projects, whatever process began them."""
        return await self.client.store.recent(None, most, principal=self._principal, active=True)

    async def tell(self, task: Task) -> Result:
        """Returns what to tell of a task, whose answer counts as handed over with it."""
        return await self._tell(task, None)

    async def cancel_task(self, task_id: str) -> Result:
        """Stops a task, down to the provider's connection; one that had ended keeps its answer.

        Raises:
            UnknownTaskError: no task has that id.
            StoreError: the task store cannot be used.
        """
        return await self._tell(await self.client.cancel(task_id, principal=self._principal), Page())

    async def review(self, task_id: str, decision: Decision, guidance: str | None = None) -> Result:
        """Decides what becomes of an answer that needs review, and tells of the task as it then is.

        Args:
            task_id: the task.
            decision: ACCEPT takes the answer, STOP gives the task up, GUIDE asks the model again in the same task.
            guidance: what the model is to do better; for GUIDE alone.

        Raises:
            CallError: guidance is missing, or the task needs no review; nothing was changed.
            UnknownTaskError: no task has that id.
            StoreError: the task store cannot be used.
        """
        task = await self.client.review(task_id, decision, guidance, principal=self._principal)
        return await self._tell(task, Page())

    async def list_tasks(self, *, everywhere: bool = False, most: int = 20) -> Result:
        """Tells of the newest tasks of this project folder, or of all.

        Raises:
            StoreError: the task store cannot be used.
        """
        project = None if everywhere else self._project
        return listing(await self.client.store.recent(project, most, principal=self._principal))

    async def _begin(self, pairs: Pairs, question: Question, fresh: bool, key: str | None) -> tuple[Call, Added]:  # noqa: FBT001
        calls = await self._desk.calls(pairs, without(question, "model", "conversation"))
        return calls[0], await self._start(calls, question, fresh, key)

    async def _start(
        self, calls: Sequence[Call], question: Question, fresh: bool, key: str | None, fan_out: FanOut | None = None  # noqa: FBT001
    ) -> Added:  # fmt: skip
        start = partial(self.conversations.start, question.get("conversation"), calls, fan_out=fan_out)
        return await start(fresh=fresh, idempotency_key=key)

    async def _dry_run(self, pairs: Pairs, question: Question) -> Result:
        history = await self.conversations.history(question.get("conversation"), len(pairs))
        return await self._desk.dry_run(pairs, without(question, "model", "conversation"), history)

    async def _await(
        self, task_id: str, wait_s: float | None, on_progress: OnProgress | None, page: Page | None = None
    ) -> Result:
        report = None if on_progress is None else partial(_report, on_progress)
        return await self._tell(await self.client.wait(task_id, wait_s, report, principal=self._principal), page)

    async def _tell(self, task: Task, page: Page | None) -> Result:
        if task.members and (page or task.state.is_final):
            task = await with_texts(task, page or Page(), self.client.store)
        result = self._fit(with_report(task), page, stranded=self.client.estate.is_stranded(task))
        self.client.delivered(task)
        return result


async def _report(on_progress: OnProgress, task: Task) -> None:
    await on_progress(result_of(task, Page()))
