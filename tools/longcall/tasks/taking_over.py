"""The answer of the task that had a key before, for a task with the same key: nothing is sent, and nothing paid."""

from dataclasses import replace

from longcall.models import AttemptState, Completion, Task
from longcall.tasks.store import Ending


def taken_over(earlier: Task) -> Ending:
    """Returns how a task ends for which `earlier`, which has ended, has the answer or has lost it."""
    found = earlier.completion or Completion(earlier.model, "unknown")
    warning = f"The task {earlier.id} had this idempotency_key: its answer was taken over, and nothing more was sent."
    completion = replace(found, usage=None, cost_usd=0.0, warnings=(warning, *found.warnings))
    return Ending(
        earlier.state,
        AttemptState.CANCELLED,
        earlier.text,
        completion,
        earlier.failure,
        earlier.validation,
    )
