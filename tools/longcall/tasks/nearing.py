"""Tells with an answer that a cap is nearly reached."""

from contextlib import suppress
from dataclasses import replace

import anyio

from longcall.errors import StoreError
from longcall.models import Completion
from longcall.money.toll import nearing, scopes_of
from longcall.tasks.store import Claim, TaskStore


async def with_nearing(store: TaskStore, claim: Claim, completion: Completion | None) -> Completion | None:
    """Returns a completion with a warning for each cap of a day or project of which most is spent."""
    caps = claim.call.caps
    if caps is None or completion is None:
        return completion
    told: list[str] = []
    # Neither a cancel nor a broken store may take the answer, which is paid for and not stored yet.
    with anyio.CancelScope(shield=True), suppress(StoreError):
        for scope in scopes_of(caps):
            if scope != "call":
                told += nearing(caps, scope, await store.spent(claim.id, scope))
    return replace(completion, warnings=(*completion.warnings, *told))
