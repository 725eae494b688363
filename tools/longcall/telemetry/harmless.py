"""Keeps what goes wrong in telling from what is told about."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")
log = logging.getLogger(__name__)


def harmless(tell: Callable[P, None]) -> Callable[P, None]:
    """Returns `tell` as a function that logs what it would raise."""

    @wraps(tell)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            tell(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # no call may fail because it is watched
            # Its name alone: what it says may quote what was asked.
            log.warning("telemetry lost something at %s: %s", tell.__name__, type(error).__name__)

    return told
