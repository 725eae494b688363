"""One call, asked until there is a good answer: request, check, and ask again."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial

import anyio

from longcall.backoff import SENT_AT_MOST, Backoff
from longcall.budget import Spent, reached, within
from longcall.call import Call
from longcall.checking import check
from longcall.combining import combine
from longcall.errors import CallError, Failure, ProviderError, StoreError
from longcall.fallback import Fallbacks
from longcall.hearing import Hearing
from longcall.judge import Bench
from longcall.limits import Limits
from longcall.models import Attempt, AttemptState, Completion, Role, TaskState
from longcall.providers import Event, Handle, Provider, Sending, Talk, ToolUser
from longcall.rounds import Next, Outcome, Round, Stop, conclude, given, next_step
from longcall.routing import Route, route
from longcall.text import clean
from longcall.turns import Heard, Servers, ToolTalk, turns_so_far
from longcall.validators.base import Answer, ValidatorError
from longcall.work import Work


@dataclass(frozen=True, slots=True)
class Caller:
    """Asks providers on behalf of tasks."""

    find: Callable[[str], Provider]
    """From a model's name to its provider; raises ProviderError or CallError for a name nobody serves."""
    backoff: Backoff
    servers: Servers | None = None
    """Where the tools of MCP servers come from, for models whose providers use none by themselves."""
    limits: Limits = field(default_factory=Limits)
    """What is sent at most, by model and provider."""
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep

    async def answer(self, work: Work) -> Outcome:
        """Asks until there is an answer that passes the call's validators, or nothing more may be asked.

        A request is repeated only when the provider turned it away, for a reason that may pass. When an answer fails
        its checks, the model is asked again and told what was wrong.

        Raises:
            ProviderError: no answer; the last failure.
        """
        if route(work.call.model) is Route.CHECK:
            return await _Asking(self, work).check_code()
        if work.call.combine is not None:
            return await _Asking(self, work).combine()
        if not work.call.validators:
            text, completion = await _Asking(self, work).answer(work.call, work.handle)
            return Outcome(TaskState.COMPLETED, text, completion)
        return await _Asking(self, work).run()


class _Asking:
    """A call with validators on its way to an answer that holds."""

    def __init__(self, caller: Caller, work: Work) -> None:
        self._caller = caller
        self._work = work
        self._call = work.call
        self._rounds = _rounds(work)
        self._turns = turns_so_far(work.past, work.steps)
        self._judged, self._broken = _judged(work), _broken(work)
        self._spent = Spent().of(work.past, _size(work.call))
        self._fallbacks = Fallbacks(work.call, work.asked)
        self._may_be_paid = False
        """Whether the request that failed last may have been billed."""

    async def run(self) -> Outcome:
        """Returns what the call came to."""
        handle = self._work.handle
        while True:
            asked = await self._next(handle)
            if isinstance(asked, Stop):
                return conclude(self._call, self._rounds, asked)
            try:
                text, completion = await self.answer(asked, handle)
            except ProviderError as error:
                if not self._rounds:
                    raise
                await self._work.ledger.failed(error.failure, may_be_paid=self._may_be_paid)
                return conclude(self._call, self._rounds, _unanswered(error.failure))
            handle = None
            self._note(asked, text, completion)
            number = await self._work.ledger.answered(Role.ANSWER, text, completion)
            self._rounds.append(Round(number, text, completion, model=self._fallbacks.current(asked).model))

    async def check_code(self) -> Outcome:
        """Returns the report of validate_code as the text."""
        bench = Bench(self._judge, self._call.model, self._work.secret, self._call.judging_s)
        from longcall.code_check import check_code  # noqa: PLC0415  # few workers ever check code

        report = await check_code(self._call, bench)
        text = json.dumps(report.as_dict(), ensure_ascii=False)
        return Outcome(TaskState.COMPLETED, clean(text), Completion(self._call.model, "stop", cost_usd=0.0))

    async def combine(self) -> Outcome:
        """Returns the answer that stands for those of the group."""
        return await combine(self._call, self._work.members, self._judge, self._work.secret)

    async def _next(self, handle: Handle | None) -> Call | Stop:
        """Returns what to ask once it is time for it, or why nothing is asked any more."""
        if self._rounds and self._rounds[-1].checked is None:
            await self._check()
        if handle is not None:
            # What was sent before is fetched in any case, from whoever was asked for it.
            step = next_step(self._call, self._rounds, None)
            return step.call if isinstance(step, Next) else self._call
        step = next_step(self._call, self._rounds, self._limit())
        if isinstance(step, Stop):
            return step
        if self._broken is not None:
            return _unanswered(self._broken)
        await self._caller.sleep(step.delay_s)
        limit = self._limit()  # the delay took seconds too
        return Stop(limit) if limit else step.call

    async def answer(self, call: Call, handle: Handle | None) -> tuple[str, Completion]:
        """Asks for an answer, in several turns where the model uses tools that its provider has us call.

        Raises:
            ProviderError: no answer.
        """
        if not (call.servers or call.mcp_config) or route(call.model) is not Route.LITELLM:
            return (await self.request(call, handle))[:2]
        if self._caller.servers is None:
            raise ProviderError("rejected", f"{call.model!r} cannot be handed tools here.")
        turns, self._turns = self._turns, []
        return await ToolTalk(self._caller.servers, self._work.ledger, self._ask_turn, self._limit).answer(call, turns)

    async def _ask_turn(self, call: Call, talk: Talk) -> Heard:
        text, completion, asked = await self.request(call, talk=talk)
        if asked:
            self._note(call, text, completion)
        return text, completion, asked

    async def request(
        self, call: Call, handle: Handle | None = None, role: Role = Role.ANSWER, talk: Talk | None = None
    ) -> Heard:
        """Asks, or fetches what is kept under `handle`, and again while the provider turns it away, then its fallbacks.

        Raises:
            ProviderError: no answer; or what is to be asked could not be written down first.
        """
        while True:
            asked = self._fallbacks.current(call)
            try:
                text, completion, tools = await self._request(asked, handle, role, talk)
            except ProviderError as error:
                paid = self._may_be_paid
                if handle or self._limit() or not self._fallbacks.after(call, asked.model, error, may_be_paid=paid):
                    raise
                await self._work.ledger.failed(error.failure, may_be_paid=paid)
            else:
                return text, self._fallbacks.told(call, completion), tools

    async def _request(self, call: Call, handle: Handle | None, role: Role, talk: Talk | None) -> Heard:
        number = 0
        while True:
            number += 1
            hearing = Hearing(self._work.ledger, self._work.on_text, role, self._work.watch)
            try:
                async with nullcontext() if handle else self._caller.limits.place(call, self._work.waiting):
                    if handle is not None:
                        hearing.fetching(call)
                    stream = self._stream(call, handle, partial(hearing.sending, call, talk), talk)
                    return (*await hearing.take(stream, call), hearing.asked)
            except StoreError as error:
                self._may_be_paid = False
                message = f"The request was not sent, since it could not be written down first: {error}"
                raise ProviderError("store", message, retryable=True) from error
            except ProviderError as error:
                self._may_be_paid = (hearing.is_sent or handle is not None) and not error.refused
                if self._may_be_paid:
                    self._spent = self._spent.plus_unknown(_size(call))
                delay = self._delay(number, error) if handle is None else self._delay_anew(call, error)
                if delay is None:
                    raise
                handle = None
                await self._work.ledger.failed(error.failure, may_be_paid=self._may_be_paid)
                await self._caller.sleep(delay)
                if self._limit():
                    raise

    def _stream(self, call: Call, handle: Handle | None, sending: Sending, talk: Talk | None) -> AsyncGenerator[Event]:
        try:
            provider = self._caller.find(call.model)
        except CallError as error:
            raise ProviderError("rejected", str(error)) from error
        within_budget = within(call, self._call.policy.budget, self._spent)
        if talk is None:
            return provider.resume(call, handle) if handle else provider.stream(within_budget, sending)
        if not isinstance(provider, ToolUser):
            raise ProviderError("rejected", f"{call.model!r} cannot be handed tools.")
        return provider.turn(within_budget, talk, sending)

    def _delay_anew(self, call: Call, error: ProviderError) -> float | None:
        """Returns 0 where a request that a worker's death kept from its provider is sent again, as in recovery."""
        wanted = call.on_interrupt == "retry" and error.failure.code == "interrupted"
        unanswered = 1 + sum(attempt.state is not AttemptState.ANSWERED for attempt in self._work.past)
        return 0.0 if wanted and unanswered < SENT_AT_MOST else None

    def _delay(self, number: int, error: ProviderError) -> float | None:
        may_resend = self._may_be_paid and self._call.policy.resend_broken and not self._limit()
        return self._caller.backoff.delay(number, error, may_be_paid=may_resend)

    async def _check(self) -> None:
        last = self._rounds[-1]
        usage = last.completion.usage
        counted = None if usage is None else usage.output_tokens - (usage.reasoning_tokens or 0)
        answer = Answer(last.text, self._call.original_prompt or self._call.prompt, output_tokens=counted)
        bench = Bench(self._judge, last.model or self._call.model, self._work.secret, self._call.judging_s)
        checked = await check(answer, last.completion, self._call.validators, bench.judge)
        if last.number is not None:
            await self._work.ledger.checked(last.number, checked)
        self._rounds[-1] = replace(last, checked=checked)

    async def _judge(self, call: Call) -> str:
        if told := self._judged.get(call.request):
            return _told(told.pop(0))
        if limit := self._limit():
            raise ValidatorError(f"the budget allows no judge: {limit}")
        try:
            text, completion, _ = await self.request(call, role=Role.JUDGE)
        except ProviderError as error:
            await self._work.ledger.failed(error.failure, may_be_paid=self._may_be_paid)
            raise
        self._note(call, text, completion)
        await self._work.ledger.answered(Role.JUDGE, text, completion)
        return text

    def _note(self, call: Call, text: str, completion: Completion) -> None:
        self._spent = self._spent.plus(completion, _size(call) + len(text.encode(errors="replace")))

    def _limit(self) -> str | None:
        return reached(self._call.policy.budget, self._spent, self._work.seconds())


def _size(call: Call) -> int:
    return sum(len(turn.text.encode(errors="replace")) for turn in call.messages)


def _rounds(work: Work) -> list[Round]:
    """Returns the answers that an earlier worker got, or the text that was given."""
    text = given(work.call)
    return [text] if text else [
        Round(attempt.number, attempt.text or "", attempt.completion, attempt.checked, attempt.model)
        for attempt in work.past
        if attempt.role is Role.ANSWER and attempt.state is AttemptState.ANSWERED and attempt.completion is not None
    ]  # fmt: skip


def _judged(work: Work) -> dict[str, list[Attempt]]:
    """Returns what an earlier worker's judges came to, by what they were asked: nobody is paid for that again."""
    judged: dict[str, list[Attempt]] = {}
    for attempt in work.past:
        is_settled = attempt.state is AttemptState.ANSWERED or _is_broken(work, attempt)
        if attempt.request is not None and is_settled:
            judged.setdefault(attempt.request, []).append(attempt)
    return judged


def _told(judged: Attempt) -> str:
    if judged.failure is not None:
        raise ProviderError(judged.failure.code, judged.failure.message)
    return judged.text or ""


def _broken(work: Work) -> Failure | None:
    """Returns why the last answer that an earlier worker asked for never came, where it may not be asked for again."""
    answers = [attempt for attempt in work.past if attempt.role is Role.ANSWER]
    return answers[-1].failure if answers and _is_broken(work, answers[-1]) else None


def _is_broken(work: Work, attempt: Attempt) -> bool:
    is_lost = attempt.state is AttemptState.LOST and attempt.failure is not None
    return is_lost and not work.call.policy.resend_broken


def _unanswered(failure: Failure) -> Stop:
    return Stop(f"The next answer could not be had: {failure.message}", failure=failure)
