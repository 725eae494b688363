"""What whoever asks is told when an earlier task answers the same request."""

from longcall.result import Result
from longcall.tasks.added import Added, Attached

_ATTACHED = {
    Attached.RUNNING: "The same request was already running: this is that task, and nothing more was sent. `fresh` asks"
    " anew.",
    Attached.UNDELIVERED: "The same request had been answered and nobody was handed the answer: this is it, and nothing"
    " more was sent. `fresh` asks anew.",
    Attached.KEY: "The idempotency_key was used before: this is its task, and nothing more was sent.",
}
_IN_CONVERSATION = (
    "The same request was already at work in this conversation: this is that task, and nothing more was sent. Another"
    " prompt has to wait for its end."
)


def with_attachment(result: Result, added: Added) -> Result:
    """Returns the result, with a warning that says so where it is an earlier task's."""
    if added.attached is None:
        return result
    waits = added.attached is Attached.RUNNING and result.conversation is not None
    said = _IN_CONVERSATION if waits else _ATTACHED[added.attached]
    return result.model_copy(update={"warnings": [said, *result.warnings]})
