"""One call, asked until there is a good answer: request, check, and ask again."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import anyio

from longcall.backoff import Backoff
from longcall.budget import Spent, reached
from longcall.call import Call
from longcall.checking import check
from longcall.errors import Failure, ProviderError
from longcall.judge import Bench
from longcall.models import Attempt, AttemptState, Checked, Completion, Role, TaskState
from longcall.providers import Event, Handle, Provider, Sending
from longcall.rounds import Next, Outcome, Round, Stop, conclude, given, next_step
from longcall.text import Pieces
from longcall.validators.base import Answer, ValidatorError

OnText = Callable[[str], None]


class Ledger(Protocol):
    """Where attempts are written down; for one task."""

    async def sent(self, model: str, role: Role) -> None:
        """Commits that a request is about to leave. Whatever it raises stops the request."""
        ...

    async def keeps(self, handle: Handle) -> None:
        """Commits under which name the provider keeps the answer."""
        ...

    async def failed(self, failure: Failure) -> None:
        """Commits that the request failed and another may follow."""
        ...

    async def answered(self, role: Role, text: str, completion: Completion) -> int:
        """Commits the answer to the request, while its task goes on, and returns the attempt's number."""
        ...

    async def checked(self, number: int, checked: Checked) -> None:
        """Commits what the checks found of an attempt's answer."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """One task's call, as a worker takes it up."""

    call: Call
    ledger: Ledger
    on_text: OnText
    """Takes the pieces of an answer as they come; another answer begins where the ledger hears of its request."""
    past: tuple[Attempt, ...] = ()
    """What an earlier worker has asked for it, with the answers."""
    handle: Handle | None = None
    """Under which name the provider keeps the answer of a request that is still open."""
    secret: str = ""
    """What nobody but this store knows of the task."""
    seconds: Callable[[], float] = field(default=lambda: 0.0)
    """How long ago the task was made, or last guided."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Asks providers on behalf of tasks."""

    find: Callable[[str], Provider]
    """From a model's name to its provider; raises ProviderError or CallError for a name nobody serves."""
    backoff: Backoff
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep

    async def answer(self, work: Work) -> Outcome:
        """Asks until there is an answer that passes the call's validators, or nothing more may be asked.

        A request is repeated only when the provider turned it away, for a reason that may pass. When an answer fails
        its checks, the model is asked again and told what was wrong.

        Raises:
            ProviderError: no answer; the last failure.
        """
        if not work.call.validators:
            text, completion = await _Asking(self, work).request(work.call, work.handle)
            return Outcome(TaskState.COMPLETED, text, completion)
        return await _Asking(self, work).run()


class _Asking:
    """A call with validators on its way to an answer that holds."""

    def __init__(self, caller: Caller, work: Work) -> None:
        self._caller = caller
        self._work = work
        self._call = work.call
        self._rounds, self._judged = _resumed(work)
        self._spent = Spent().of(work.past)
        self._bench = Bench(self._judge, work.call.model, work.secret, work.call.timeout_s)

    async def run(self) -> Outcome:
        """Returns what the call came to."""
        handle = self._work.handle
        while True:
            if self._rounds and self._rounds[-1].checked is None:
                await self._check()
            step = next_step(self._call, self._rounds, self._limit())
            if isinstance(step, Stop) and handle is None:
                return conclude(self._call, self._rounds, step)
            asked = step.call if isinstance(step, Next) else self._call  # what was sent before is fetched in any case
            await self._caller.sleep(step.delay_s if isinstance(step, Next) else 0)
            try:
                text, completion = await self.request(asked, handle)
            except ProviderError as error:
                if not self._rounds:
                    raise
                await self._work.ledger.failed(error.failure)
                stop = Stop(f"The next answer could not be had: {error.failure.message}", failure=error.failure)
                return conclude(self._call, self._rounds, stop)
            handle = None
            self._note(asked, text, completion)
            number = await self._work.ledger.answered(Role.ANSWER, text, completion)
            self._rounds.append(Round(number, text, completion))

    async def request(
        self, call: Call, handle: Handle | None = None, role: Role = Role.ANSWER
    ) -> tuple[str, Completion]:
        """Asks, or fetches what is kept under `handle`, and again while the provider turns it away."""
        number = 0
        while True:
            number += 1
            hearing = _Hearing(self._work, role)
            try:
                provider = self._caller.find(call.model)
                stream = provider.resume(call, handle) if handle else provider.stream(call, hearing.sending(call.model))
                return await hearing.take(stream)
            except ProviderError as error:
                delay = None if handle else self._delay(number, error)
                if delay is None:
                    raise
                await self._work.ledger.failed(error.failure)
                await self._caller.sleep(delay)

    def _delay(self, number: int, error: ProviderError) -> float | None:
        broken = error.failure.retryable and not error.refused
        if broken and self._call.policy.resend_broken and not self._limit():
            self._spent = self._spent.plus_unknown()
            return self._caller.backoff.delay(number, error, may_be_paid=True)
        return self._caller.backoff.delay(number, error)

    async def _check(self) -> None:
        last = self._rounds[-1]
        usage = last.completion.usage
        counted = None if usage is None else usage.output_tokens - (usage.reasoning_tokens or 0)
        answer = Answer(last.text, self._call.original_prompt or self._call.prompt, counted)
        checked = await check(answer, last.completion, self._call.validators, self._bench.judge)
        if last.number is not None:
            await self._work.ledger.checked(last.number, checked)
        self._rounds[-1] = replace(last, checked=checked)

    async def _judge(self, call: Call) -> str:
        if self._judged and self._judged[0].model == call.model:
            return self._judged.pop(0).text or ""
        self._judged.clear()
        if limit := self._limit():
            raise ValidatorError(f"the budget allows no judge: {limit}")
        try:
            text, completion = await self.request(call, role=Role.JUDGE)
        except ProviderError as error:
            await self._work.ledger.failed(error.failure)
            raise
        self._note(call, text, completion)
        await self._work.ledger.answered(Role.JUDGE, text, completion)
        return text

    def _note(self, call: Call, text: str, completion: Completion) -> None:
        asked = sum(len(turn.text.encode(errors="replace")) for turn in call.messages)
        self._spent = self._spent.plus(completion, asked + len(text.encode(errors="replace")))

    def _limit(self) -> str | None:
        return reached(self._call.policy.budget, self._spent, self._work.seconds())


def _resumed(work: Work) -> tuple[list[Round], list[Attempt]]:
    """Returns the answers that an earlier worker got, and the judges' words on the last of them."""
    text = given(work.call)
    rounds = [text] if text else list[Round]()
    judged: list[Attempt] = []
    for attempt in work.past:
        if attempt.state is not AttemptState.ANSWERED or attempt.completion is None:
            continue
        if attempt.role is Role.JUDGE:
            judged.append(attempt)
        else:
            rounds.append(Round(attempt.number, attempt.text or "", attempt.completion, attempt.checked))
            judged.clear()
    return rounds, judged


class _Hearing:
    """One answer as it comes; that of a judge is not shown."""

    def __init__(self, work: Work, role: Role) -> None:
        self._work = work
        self._role = role

    def sending(self, model: str) -> Sending:
        """Returns what is awaited as the last thing before the request leaves."""
        return partial(self._work.ledger.sent, model, self._role)

    async def take(self, stream: AsyncGenerator[Event]) -> tuple[str, Completion]:
        """Returns the whole text, valid, and how it ended."""
        text: list[str] = []
        pieces = Pieces()
        completion: Completion | None = None
        async with aclosing(stream) as events:
            async for event in events:
                match event:
                    case str():
                        text.append(pieces.take(event))
                        if self._role is Role.ANSWER:
                            self._work.on_text(text[-1])
                    case Handle():
                        await self._work.ledger.keeps(event)
                    case Completion():
                        completion = event
        if completion is None:
            raise ProviderError(
                "incomplete_stream", "The provider ended the answer without saying that it was complete."
            )
        return "".join(text), completion
