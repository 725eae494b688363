"""A worker's log lines: each tells which task it belongs to, as text or as one JSON object a line."""

import json
import logging
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class _Place:
    """What the work at hand is."""

    task: str | None = None
    model: str | None = None
    attempt: int | None = None


_NOWHERE = _Place()
_place: ContextVar[_Place] = ContextVar("longcall_place", default=_NOWHERE)


def enter_task(task: str, model: str) -> None:
    """Has what is logged from here on, by this coroutine and whatever it starts, tell the task."""
    _place.set(_Place(task, model))


def enter_attempt(number: int, model: str) -> None:
    """Has what is logged from here on tell the attempt that was sent last, too."""
    _place.set(replace(_place.get(), attempt=number, model=model))


def formatter(log_format: str) -> logging.Formatter:
    """Returns what writes lines in the format `text` or `json`."""
    return JSONFormatter() if log_format == "json" else TextFormatter("%(asctime)s %(levelname)s %(message)s")


class TextFormatter(logging.Formatter):
    """Adds the task to a line that does not name it anyway."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the base class names it
        """Returns the first line."""
        line, task = super().formatMessage(record), _place.get().task
        return line if task is None or task in line else f"{line} [{task}]"


class JSONFormatter(logging.Formatter):
    """Writes one object a line: time, level, message, logger, and where they are known task, attempt and model."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line; an exception is a field of it."""
        place = _place.get()
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            "task": place.task,
            "attempt": place.attempt,
            "model": place.model,
            "logger": record.name,
            "exception": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps({name: value for name, value in told.items() if value is not None}, ensure_ascii=False)
