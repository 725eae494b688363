"""One answer as it comes from a provider."""

import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Protocol

import anyio

from longcall.call import Call
from longcall.errors import Failure, ProviderError
from longcall.models import Checked, Completion, Role, Step
from longcall.providers import Event, Handle, Talk, ToolCall, ToolCalls
from longcall.telemetry.logs import enter_attempt
from longcall.telemetry.watch import SILENCE, RequestWatch, Sent, TaskWatch
from longcall.text import Pieces

OnText = Callable[[str], None]


class Ledger(Protocol):
    """Where attempts are written down; for one task."""

    async def sent(self, call: Call, role: Role, talk: Talk | None = None) -> int:
        """Commits that a request for `call` is about to leave; returns the attempt's number.

        Whatever it raises stops the request.

        Raises:
            ProviderError: `budget`; a cap leaves no room for it.
            StoreError: it cannot be committed.
        """
        ...

    async def keeps(self, handle: Handle) -> None:
        """Commits under which name the provider keeps the answer."""
        ...

    async def failed(self, failure: Failure, *, may_be_paid: bool = False) -> None:
        """Commits that the request failed and the task goes on."""
        ...

    async def answered(self, role: Role, text: str, completion: Completion) -> int:
        """Commits the answer to the request, while its task goes on, and returns the attempt's number."""
        ...

    async def asked_for_tools(self, text: str, completion: Completion, steps: Sequence[Step]) -> int:
        """Commits that the answer asks for tools, and for which; returns the attempt's number."""
        ...

    async def begun(self, step: Step) -> None:
        """Commits that a tool is about to be called. Whatever it raises stops the call."""
        ...

    async def stepped(self, step: Step) -> None:
        """Commits what a tool said."""
        ...

    async def checked(self, number: int, checked: Checked) -> None:
        """Commits what the checks found of an attempt's answer."""
        ...


class Hearing:
    """One answer as it comes; that of a judge is not shown."""

    def __init__(self, ledger: Ledger, on_text: OnText, role: Role, watch: TaskWatch) -> None:
        self._ledger = ledger
        self._on_text = on_text
        self._role = role
        self._watch = watch
        self._watching: RequestWatch = SILENCE
        self.is_sent = False
        self._scope = anyio.CancelScope()
        self._text: list[str] = []
        self._pieces = Pieces()
        self._began = False
        self.asked: tuple[ToolCall, ...] = ()
        """The tools that it asks for."""

    async def sending(self, call: Call, talk: Talk | None = None) -> None:
        """Is awaited as the last thing before the request leaves."""
        number = await self._ledger.sent(call, self._role, talk)
        self.is_sent = True
        enter_attempt(number, call.model)
        self._watching = self._watch.sent(Sent(call, self._role, number, talk))
        self._expect(call.first_byte_s)

    def fetching(self, call: Call) -> None:
        """Is called before the answer to a request of an earlier worker is fetched."""
        self._watching = self._watch.sent(Sent(call, self._role, None))

    async def take(self, stream: AsyncGenerator[Event], call: Call) -> tuple[str, Completion]:
        """Returns the whole text, valid, and how it ended.

        Raises:
            ProviderError: it is not complete, did not begin in time, or stood still for too long.
        """
        try:
            text, completion = await self._take(stream, call)
        except BaseException as error:
            self._watching.failed(error)
            raise
        self._watching.answered(text, completion, self.asked)
        return text, completion

    async def _take(self, stream: AsyncGenerator[Event], call: Call) -> tuple[str, Completion]:
        completion: Completion | None = None
        with self._scope:
            async with aclosing(stream) as events:
                async for event in events:
                    self._expect(None)
                    completion = await self._heard(event) or completion
                    self._began = True
                    self._expect(call.idle_s if completion is None else None)
        if self._scope.cancelled_caught and completion is None:
            raise _too_slow(call, began=self._began)
        if completion is None:
            message = "The provider ended the answer without saying that it was complete."
            raise ProviderError("incomplete_stream", message, retryable=True)
        return "".join(self._text), completion

    async def _heard(self, event: Event) -> Completion | None:
        match event:
            case str():
                if not self._text:
                    self._watching.heard()
                self._text.append(self._pieces.take(event))
                if self._role is Role.ANSWER and self._text[-1]:
                    self._on_text(self._text[-1])
            case Handle():
                await self._ledger.keeps(event)
            case ToolCalls():
                self.asked = event.calls
            case Completion():
                return event
        return None

    def _expect(self, seconds: float | None) -> None:
        """Has the next sign of life within so many seconds; None gives it all the time there is."""
        self._scope.deadline = math.inf if seconds is None else anyio.current_time() + seconds


def _too_slow(call: Call, *, began: bool) -> ProviderError:
    late = f"said nothing for {call.idle_s:g} s (`idle_s`)" if began else (
        f"did not begin to answer within {call.first_byte_s:g} s (`first_byte_s`)"
    )  # fmt: skip
    message = f"{call.model} {late} and was given up. The request may have been billed; the text so far is kept."
    return ProviderError("timeout", message, retryable=True)
