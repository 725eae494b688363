"""Which failures are worth another request, and after how long. Pure."""

import random
from dataclasses import dataclass

from longcall.errors import ProviderError

SENT_AT_MOST = 3
"""Times a request is sent at most for a caller who wants it sent again after a crash."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays between requests: exponential with full jitter, and the provider's own wish where it has one."""

    attempts: int = 3
    """Requests at most, the first included."""
    first_s: float = 1.0
    longest_s: float = 30.0

    def delay(
        self, number: int, error: ProviderError, jitter: float | None = None, *, may_be_paid: bool = False
    ) -> float | None:
        """Returns the seconds to wait after request `number` (from 1) failed with `error`; None to give up.

        Only a request that was turned away is repeated, or any that broke where the caller lets it be paid again
        (`may_be_paid`). `jitter` in 0..1 is drawn when not given. A provider that asks for more than `longest_s` is not
        waited for.
        """
        may_repeat = error.failure.retryable and (error.refused or may_be_paid)
        if not may_repeat or number >= self.attempts:
            return None
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= self.longest_s else None
        share = random.random() if jitter is None else jitter  # noqa: S311  # spreads load, guards nothing
        return min(self.longest_s, self.first_s * 2 ** (number - 1)) * (0.5 + share / 2)
