"""What one worker sends at most: requests at once, requests and tokens a minute, for a model and for its provider."""

import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext

import anyio

from longcall.call import Call
from longcall.settings import LimitSettings

_MINUTE = 60.0
_BYTES_PER_TOKEN = 4


class Window:
    """So much a minute: what was let through in any 60 s is never more, but one that is larger than all goes alone."""

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._now = now
        self._taken: deque[tuple[float, int]] = deque()
        self._sum = 0
        self._turn = anyio.Lock()

    async def take(self, amount: int) -> None:
        """Waits until `amount` may go, after those that came before."""
        async with self._turn:
            await anyio.sleep(self.delay(amount))
            self._taken.append((self._now(), amount))
            self._sum += amount

    def delay(self, amount: int) -> float:
        """Returns the seconds after which `amount` may be let through, if nothing else comes; 0 for now."""
        now = self._now()
        while self._taken and self._taken[0][0] <= now - _MINUTE:
            self._sum -= self._taken.popleft()[1]
        rest, free = self._sum, 0.0
        for at, taken in self._taken:
            if rest + amount <= self._most:
                break
            rest, free = rest - taken, at + _MINUTE - now
        return free


class Limit:
    """The limits of one model or provider."""

    def __init__(self, settings: LimitSettings, now: Callable[[], float] = time.monotonic) -> None:
        most = settings.max_in_flight
        self._places = None if most is None else anyio.Semaphore(most)
        self._windows = [
            (counts_tokens, Window(most, now))
            for counts_tokens, most in ((False, settings.requests_per_minute), (True, settings.tokens_per_minute))
            if most is not None
        ]

    @asynccontextmanager
    async def place(self, tokens: int) -> AsyncGenerator[None]:
        """Holds a place for a request of so many tokens, once there is one."""
        async with self._places or nullcontext():
            for counts_tokens, window in self._windows:
                await window.take(tokens if counts_tokens else 1)
            yield


class Limits:
    """All limits that the operator has set."""

    def __init__(self, settings: Mapping[str, LimitSettings] | None = None, max_in_flight: int = 64) -> None:
        self._all = anyio.Semaphore(max_in_flight)
        """What waited for a limit goes when there is a place for it among all that goes."""
        self._limits = {name: Limit(limit) for name, limit in (settings or {}).items()}

    @asynccontextmanager
    async def place(
        self, call: Call, waiting: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> AsyncGenerator[None]:
        """Holds a place for a request of `call`, of its model and of its provider; `waiting` is entered until then.

        Tokens are estimated from the prompt and the longest answer that the call allows. A call in a batch needs none:
        providers count batches apart.
        """
        if call.urgency == "batch":
            yield
            return
        found = [self._limits[name] for name in _names(call.model) if name in self._limits]
        async with AsyncExitStack() as held:
            with waiting() if found else nullcontext():
                for limit in found:
                    await held.enter_async_context(limit.place(_tokens(call)))
                await held.enter_async_context(self._all)
            yield


def _names(model: str) -> tuple[str, ...]:
    provider = model.partition("/")[0]
    return (model, provider) if provider != model else (model,)  # who waits for its model holds up no other


def _tokens(call: Call) -> int:
    sent = sum(len(turn.text.encode(errors="replace")) for turn in call.messages)
    return sent // _BYTES_PER_TOKEN + (call.max_tokens or 0)
