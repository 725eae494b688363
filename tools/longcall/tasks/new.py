"""Calls as the rows that they become: one task, or a group and its members."""

from collections.abc import Callable, Sequence
from functools import partial

from longcall.call import Call, request_hash
from longcall.models import new_task_id
from longcall.tasks.store import NewTask


def new_tasks(calls: Sequence[Call], new: Callable[..., NewTask], key: str | None) -> list[NewTask]:
    """Returns the task for one call, or for several a group with its members after it.

    `new` fills in what all of them have in common; `key` is the idempotency key of the whole.
    """
    first = partial(new, id=new_task_id(), head=calls[0].head, idempotency_key=key)
    if len(calls) == 1:
        return [first(model=calls[0].model, call=calls[0], request=calls[0].request)]
    models = ", ".join(dict.fromkeys(call.model for call in calls))
    group = first(model=models, call=None, request=request_hash(" ".join(call.request for call in calls)))
    members = [
        new(id=new_task_id(), model=call.model, head=call.head, call=call, parent=group.id, position=index)
        for index, call in enumerate(calls)
    ]
    return [group, *members]
