"""Calls as the rows that they become: one task, or a group and its members."""

from collections.abc import Callable, Sequence
from functools import partial

from longcall.call import Call, request_hash
from longcall.fan_out import FanOut
from longcall.models import new_task_id
from longcall.tasks.store import NewTask


def new_tasks(
    calls: Sequence[Call], new: Callable[..., NewTask], key: str | None, fan_out: FanOut | None = None
) -> list[NewTask]:
    """Returns the task for one call, or for several a group with its members after it, and with what combines them.

    `new` fills in what all of them have in common; `key` is the idempotency key of the whole.
    """
    how = fan_out or FanOut()
    first = partial(new, id=new_task_id(), head=calls[0].head)
    if len(calls) == 1:
        request = calls[0].request
        return [first(model=calls[0].model, call=calls[0], request=request, idempotency_key=key or how.key(0))]
    models = ", ".join(dict.fromkeys(call.model for call in calls))
    asked = [*calls, how.combiner] if how.combiner is not None else calls
    request = request_hash(" ".join(call.request for call in asked))
    group = first(model=models, call=None, request=request, idempotency_key=key, at_once=how.at_once)
    members = [
        new(
            id=new_task_id(),
            model=call.model,
            head=call.head,
            call=call,
            parent=group.id,
            position=index,
            request=call.request if how.key(index) is not None else None,
            idempotency_key=how.key(index),
        )
        for index, call in enumerate(asked)
    ]
    return [group, *members]
