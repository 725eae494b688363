"""What a store knows of money: a part of the seam. Requests held against caps, and what they cost."""

from typing import Protocol

from longcall.models import Role
from longcall.money.toll import Scope, Spent, Toll
from longcall.money.usage import Line


class SpendingStore(Protocol):
    """Where it is kept what requests cost, for longer than their tasks are. Every method may raise StoreError.

    A request is added in the transaction that ends its attempt, under the UTC day of that end.
    """

    async def mark_sent(
        self, task: str, worker: str, model: str, role: Role = Role.ANSWER, request: str | None = None,
        toll: Toll | None = None,
    ) -> int:  # fmt: skip
        """Writes down that a request is about to leave; returns the attempt's number.

        The text so far of an earlier answer gives way to that of this one; it stays with its attempt. `request` is a
        hash of what a judge is asked. The estimate in `toll` counts against caps until what it cost is known.

        Raises:
            ProviderError: `budget`; one of the caps in `toll` has no room for it, all on this store together.
            StaleClaimError: the task is not running under `worker`, or its cancellation was asked for.
        """
        ...

    async def spent(self, task: str, scope: Scope) -> Spent:
        """Returns what counts against caps: of a task, of today (UTC) on this store, or of the task's project."""
        ...

    async def spending(self, days: int) -> list[Line]:
        """Returns what was spent today and on the days before, `days` in all, as lines by day, project and model."""
        ...
