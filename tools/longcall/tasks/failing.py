"""What becomes of a call that an exception ended, in words."""

import logging

from longcall.call import Call
from longcall.errors import CallError, Failure, ProviderError, StoreError
from longcall.tasks.store import Claim

log = logging.getLogger(__name__)


def failure_of(error: Exception, claim: Claim) -> Failure:
    """Returns what is told of a call that an exception ended."""
    match error:
        case ProviderError():
            return error.failure
        case TimeoutError():
            return Failure("timeout", _out_of_time(claim.call), retryable=True)
        case CallError():
            return Failure("rejected", str(error))
        case StoreError():
            return Failure("store", f"The task store could not be used: {error}", retryable=True)
        case _:
            log.error("task %s", claim.id, exc_info=error)
            return Failure("internal", f"longcall failed at this call ({type(error).__name__}); its log says more.")


def _out_of_time(call: Call) -> str:
    earlier = " Answers before it are kept with their attempts." if call.validators else ""
    return (
        f"The task did not end within its {call.timeout_s:g} s (`timeout_s`) and was stopped. The text so far is kept;"
        f" a request that had been sent may have been billed.{earlier}"
    )
