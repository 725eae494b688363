"""Endings that the store could not take: kept in files of their own, so that a paid answer outlives its worker too."""

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from longcall.errors import StoreError
from longcall.tasks.store import Ending, TaskStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Unsaved:
    """An ending on its way into the store."""

    task: str
    worker: str
    ending: Ending
    text: str = ""
    """Streamed text that the store has not taken, when the ending has none of its own."""


@cache
def _json() -> TypeAdapter[Unsaved]:
    return TypeAdapter(Unsaved)  # built when it is needed, which is hardly ever


def keep(folder: Path, unsaved: Unsaved) -> None:
    """Writes an ending to a file, as well as the disk allows; its worker keeps it in memory all the same."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / f"{unsaved.task}.draft"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(_json().dump_json(unsaved))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / f"{unsaved.task}.json")


def forget(folder: Path, task: str) -> None:
    """Removes the file of an ending that the store has taken."""
    for name in (f"{task}.json", f"{task}.draft"):
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)


def kept(folder: Path) -> Iterator[Unsaved]:
    """Yields the ending in every file; one that cannot be read is left where it is."""
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, ValidationError):
            yield _json().validate_json(path.read_bytes())


async def save_kept(store: TaskStore, folder: Path) -> None:
    """Stores what workers could not; an ending that no store takes is left in its file.

    Raises:
        StoreError: the store cannot take them yet.
    """
    for unsaved in kept(folder):
        try:
            if unsaved.text and unsaved.ending.text is None:
                await store.add_pieces(unsaved.worker, [(unsaved.task, unsaved.text)])
            taken = await store.finish(unsaved.task, unsaved.worker, unsaved.ending)
        except StoreError as error:
            log.warning("the ending of %s stays in its file: %s", unsaved.task, error)
            raise
        except Exception:
            log.exception("the ending of %s cannot be stored and stays in its file", unsaved.task)
            continue
        forget(folder, unsaved.task)
        state = unsaved.ending.state
        log.info("↩ %s %s, from its file%s", unsaved.task, state, "" if taken else " (came too late)")
