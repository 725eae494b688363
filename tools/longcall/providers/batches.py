"""Calls that can wait, asked together: gathered into batches, handed over once, looked at gently, fetched by anybody.

Each call is written down as sent, with a token of ours, before its batch leaves, and with the provider's name for the
batch as soon as that is known. Whoever holds either finds the answer. A batch is never handed over twice.
"""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from longcall.errors import ProviderError
from longcall.providers import Handle, Sending
from longcall.providers.batch import Batch, Line, Seen, Target
from longcall.providers.batch_handle import Place

log = logging.getLogger(__name__)

_QUIET_S = 1.0
"""Seconds without another request after which a batch is handed over."""
GATHER_S = 30.0
"""Seconds after which it is handed over in any case."""
FIRST_PAUSE_S = 2.0
_GROWTH = 1.5
_FIND_S = (0.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each search for a batch of which nobody knows whether the provider has it: it may be on its way."""
_MISSES = 3
"""Looks in a row that must find no batch before it counts as gone."""
_UNCLEAR = frozenset({"timeout", "disconnected", "failed", "unavailable"})
"""Errors that leave open whether the provider has made the batch."""
_KEPT_S = 60.0
"""Seconds for which fetched answers are kept for those of the batch whose tasks are taken up later."""


class Wire(Protocol):
    """A way to providers that take batches. Every method may raise ProviderError."""

    async def upload(self, target: Target, bodies: Mapping[int, bytes]) -> str:
        """Brings requests, JSON by number, to the provider, which bills nothing yet; returns the name of the file."""
        ...

    async def create(self, target: Target, file: str, token: str) -> Seen:
        """Makes a batch of a file, once, marked with a token."""
        ...

    async def find(self, target: Target, token: str) -> Seen | None:
        """Returns the batch that is marked with a token; None when there is none."""
        ...

    async def look(self, target: Target, batch: str) -> Seen:
        """Returns a batch as it is now."""
        ...

    async def read(self, target: Target, files: tuple[str, ...]) -> Mapping[str, Line]:
        """Returns what these files of a batch say, by the requests' numbers in words."""
        ...

    async def cancel(self, target: Target, batch: str) -> None:
        """Stops the work on a batch; what is done already may be billed."""
        ...


class Batches:
    """All batches of a worker."""

    def __init__(self, wire: Wire, longest_pause_s: float, *, quiet_s: float = _QUIET_S) -> None:
        self._wire = wire
        self._longest_s = longest_pause_s
        self._quiet_s = quiet_s
        self._forming: dict[Target, Batch] = {}
        self._fetched: dict[str, Batch] = {}
        """Batches of earlier workers, by token."""
        self._begun = anyio.Event()
        self._tasks: TaskGroup

    async def run(self) -> None:
        """Sees to the batches until cancelled. Nothing is asked or fetched before it runs."""
        async with anyio.create_task_group() as self._tasks:
            self._begun.set()
            await anyio.sleep_forever()

    async def ask(self, target: Target, body: bytes, sending: Sending) -> AsyncGenerator[Handle | Line]:
        """Yields a handle before the batch leaves, another when the provider has it, and the answer at its end.

        Closing the generator leaves the batch; the last to leave has it cancelled at the provider.

        Raises:
            ProviderError: there is no answer; the code says why.
        """
        await self._begun.wait()
        batch = self._forming.get(target)
        if batch is None or batch.full.is_set():
            batch = self._form(target)
        number = batch.join(body)
        try:
            await batch.reach(batch.closed)
            await sending()
            yield batch.place(number).handle
            batch.ready(number)
            await batch.reach(batch.named)
            yield batch.place(number).handle
            await batch.reach(batch.ended)
            yield batch.line(number)
        finally:
            batch.leave(number)

    async def fetch(self, place: Place, model: str) -> AsyncGenerator[Handle | Line]:
        """Yields the answer to a request that an earlier worker handed over; its handle first where it was incomplete.

        Raises:
            ProviderError: it cannot be had; the code is `interrupted` where the provider has no such batch.
        """
        await self._begun.wait()
        batch = self._fetched.get(place.token) or self._adopt(place, model)
        try:
            if place.batch is None:
                await batch.reach(batch.named)
                yield batch.place(place.number).handle
            await batch.reach(batch.ended)
            yield batch.line(place.number)
        finally:
            batch.leave(place.number)

    def _form(self, target: Target) -> Batch:
        batch = self._forming[target] = Batch(target)
        self._tasks.start_soon(self._see_to, batch, self._hand_over)
        return batch

    def _adopt(self, place: Place, model: str) -> Batch:
        batch = Batch(Target(place.provider, model), place.token, place.size)
        batch.closed.set()
        if place.batch is not None:
            batch.call(place.batch)
        self._fetched[place.token] = batch
        self._tasks.start_soon(self._see_to, batch, self._take_over)
        return batch

    async def _see_to(self, batch: Batch, work: Callable[[Batch], Awaitable[None]]) -> None:
        try:
            await work(batch)
        except ProviderError as error:
            log.warning("batch %s: %s", batch.name or batch.token, error)
            batch.fail(error)
        except Exception as error:
            log.exception("batch %s", batch.name or batch.token)
            message = f"longcall failed at this batch ({type(error).__name__}); the worker's log says more."
            batch.fail(ProviderError("internal", message))
        if self._fetched.get(batch.token) is batch:
            await anyio.sleep(_KEPT_S)
            del self._fetched[batch.token]

    async def _hand_over(self, batch: Batch) -> None:
        await self._gather(batch)
        await batch.settled.wait()
        if batch.deserted.is_set():
            return
        seen = await self._send(batch)
        if seen is None:
            return
        batch.call(seen.name)
        log.info("⇡ batch %s of %s", batch.name, batch.target.model)
        await self._watch(batch, self._paced(FIRST_PAUSE_S))

    async def _take_over(self, batch: Batch) -> None:
        if batch.name is None:
            seen = await self._find(batch)
            if seen is None:
                raise _never_handed_over(batch)
            batch.call(seen.name)
        await self._watch(batch, 0)

    async def _gather(self, batch: Batch) -> None:
        with anyio.move_on_after(GATHER_S):
            known = 0
            while batch.joined > known and not batch.full.is_set():
                known = batch.joined
                with anyio.move_on_after(self._quiet_s):
                    await batch.full.wait()
        if self._forming.get(batch.target) is batch:
            del self._forming[batch.target]
        batch.close()

    async def _send(self, batch: Batch) -> Seen | None:
        """Returns the batch that is made; None where nobody waits for it any more when it could be."""
        file = await self._wire.upload(batch.target, batch.sent())
        if batch.deserted.is_set():
            return None
        try:
            return await self._wire.create(batch.target, file, batch.token)
        except ProviderError as error:
            if error.failure.code not in _UNCLEAR:
                raise
            log.warning("whether %s has the batch %s is looked up: %s", batch.target.provider, batch.token, error)
            seen = await self._find(batch)
            if seen is None:
                raise
            return seen

    async def _find(self, batch: Batch) -> Seen | None:
        """Looks for a batch under its token, for a while, and for as long as the provider cannot be reached."""
        pauses = list(_FIND_S)
        while pauses:
            await anyio.sleep(self._paced(pauses[0]))
            try:
                if seen := await self._wire.find(batch.target, batch.token):
                    return seen
                pauses.pop(0)
            except ProviderError as error:
                _demand_passing(error)
                await anyio.sleep(self._paced(error.retry_after or FIRST_PAUSE_S))
        return None

    async def _watch(self, batch: Batch, pause: float) -> None:
        """Looks at a batch, ever less often, until it ends or nobody waits for it."""
        assert batch.name is not None
        misses = 0
        while True:
            with anyio.move_on_after(pause):
                await batch.deserted.wait()
            if batch.deserted.is_set():
                return await self._cancel(batch, batch.name)
            pause = self._paced(max(pause, FIRST_PAUSE_S / _GROWTH) * _GROWTH)
            try:
                seen = await self._wire.look(batch.target, batch.name)
                log.info("batch %s is %s%s", batch.name, seen.state, seen.counts)
                misses = 0
                if seen.has_ended:
                    return batch.end(seen, await self._wire.read(batch.target, seen.files))
            except ProviderError as error:
                misses = misses + 1 if error.failure.code == "lost" else 0
                if misses != 0 and misses < _MISSES:
                    continue
                _demand_passing(error)
                pause = max(pause, error.retry_after or 0)

    async def _cancel(self, batch: Batch, name: str) -> None:
        try:
            await self._wire.cancel(batch.target, name)
        except ProviderError as error:  # nothing more can be done about work that will not be fetched
            log.warning("batch %s could not be cancelled at its provider: %s", name, error)

    def _paced(self, seconds: float) -> float:
        return min(seconds, self._longest_s)


def _demand_passing(error: ProviderError) -> None:
    """Raises what surely stays so: looking costs nothing, and the answers may be paid for.

    Whoever is turned away at a look is not turned away with the batch, which works on and bills.
    """
    if not error.failure.retryable and error.failure.code != "failed":
        raise error.anew(refused=False) from error


def _never_handed_over(batch: Batch) -> ProviderError:
    return ProviderError(
        "interrupted",
        f"The worker died while it handed a batch to {batch.target.provider}, which has no such batch, so that most"
        " likely nothing was billed. It was not sent again: call again.",
    )
