"""How an attempt is written down before its request leaves: held against caps in the same transaction."""

import sqlite3

from longcall.models import Role
from longcall.money.toll import Scope, Spent, Toll
from longcall.tasks.transactions import Values, fetch_all, run_all


def send(values: Values, toll: Toll | None, connection: sqlite3.Connection) -> int | None:
    """Writes an attempt down and returns its number; None when the task is not the worker's to send.

    Raises:
        ProviderError: a cap has no room for it; whoever runs this takes back what was written.
    """
    held = {"usd": toll.estimate.usd if toll else None, "tokens": toll.estimate.tokens if toll else None}
    rows = fetch_all("mark_sent", {**values, **held}, connection)
    if not rows:
        return None
    if toll is not None:
        for scope in toll.scopes():
            toll.demand_room(scope, spent(scope, values, connection))
    if values["role"] == Role.ANSWER:
        run_all(("drop_pieces",), values, connection)  # of an answer before
    return rows[0]["number"]


def spent(scope: Scope, values: Values, connection: sqlite3.Connection) -> Spent:
    """Returns what counts against the caps of a task, a day or a project; see `SpendingStore.spent`."""
    (found,) = fetch_all(f"spent_by_{scope}", values, connection)
    return Spent(**dict(found))
