"""`longcall call` with several prompts or models: a group, whose answers are written when it has ended."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from longcall.access import open_session
from longcall.cli.checks import read_json
from longcall.cli.status import StatusLine
from longcall.cli.terminal import remark, say
from longcall.errors import CallError
from longcall.lines import TaskLine
from longcall.models import Task
from longcall.page import Page
from longcall.question import Question
from longcall.result import Result, progress_of
from longcall.session import Session
from longcall.settings import Settings

_LOOK_S = 1.0
"""Seconds between looks at how many have ended."""


@dataclass(frozen=True, slots=True)
class Group:
    """What is asked of whom."""

    prompt: str | None
    prompts: list[Any] | None
    models: list[str] | None
    combine: str | dict[str, Any] | None
    at_once: int | None


def read_prompts(path: Path | None) -> list[Any] | None:
    """Returns the prompts in a file: one a line, or of a `.jsonl` file one JSON text or object a line.

    Raises:
        CallError: it cannot be read, or holds none.
    """
    if path is None:
        return None
    try:
        lines = [line for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
        found = [json.loads(line) for line in lines] if path.suffix == ".jsonl" else lines
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a line of it is no JSON, or no UTF-8"
        raise CallError(f"The prompts {path} cannot be read: {reason}.") from None
    if not found:
        raise CallError(f"There is nothing to ask in {path}: give it a prompt a line.")
    return found


def read_combine(given: str | None) -> str | dict[str, Any] | None:
    """Returns what `--combine` asks for: `vote`, `best:MODEL`, or all of it as JSON.

    Raises:
        CallError: it begins as JSON and is none.
    """
    if given is None:
        return None
    how, _, model = given.partition(":")
    if given.lstrip().startswith("{"):
        return read_json(given, "--combine", dict)
    return {how: {"model": model}} if model else given


@dataclass(slots=True)
class AskingGroup:
    """A group on its way, and the id by which it can be found again."""

    settings: Settings
    group: Group
    question: Question
    fresh: bool
    wait_s: float | None
    as_json: bool
    task_id: str | None = None

    async def run(self) -> Task:
        """Asks, waits, and writes what came."""
        ended: list[Task] = []
        # Shielded until the group is durable and somebody is at it, as one call is.
        with anyio.CancelScope(shield=True) as starting:
            async with open_session(self.settings, os.environ) as session:
                begun = await self._start(session)
                self.task_id = begun.task_id
                assert self.task_id is not None
                for warning in begun.warnings:
                    remark(warning)
                await session.client.see_to_worker()
                starting.shield = False
                with StatusLine() as status, anyio.move_on_after(self.wait_s):
                    async for task in session.follow(self.task_id, _LOOK_S):
                        status.draw(progress_of(task))
                ended.append(await session.client.task(self.task_id))
                if ended[0].state.is_final:
                    await self._write(session, self.task_id)
        return ended[0]

    def break_off(self) -> None:
        """Leaves what was written as it is: nothing is, before the end."""

    async def _start(self, session: Session) -> Result:
        asked = self.group
        return await session.start_task(
            asked.prompt,
            prompts=asked.prompts,
            models=asked.models,
            at_once=asked.at_once,
            combine=asked.combine,
            fresh=self.fresh,
            **self.question,
        )

    async def _write(self, session: Session, task_id: str) -> None:
        result = await session.poll_task(task_id)
        if not result.tasks:  # there was one prompt and one model
            return say(result.model_dump_json(exclude_none=True) + "\n" if self.as_json else f"{result.text or ''}\n")
        lines = [*result.tasks]
        while len(lines) < (result.counts or {})["total"]:
            lines += (await session.poll_task(task_id, page=Page(len(lines)))).tasks or []
        if self.as_json:
            whole = result.model_copy(update={"tasks": None, "next": None, "offset": None})
            return say("".join(f"{line.model_dump_json(exclude_none=True)}\n" for line in [*lines, whole]))
        return say(f"{result.text}\n" if result.combined else _told(lines))


def _told(lines: list[TaskLine]) -> str:
    """Returns the answers one after the other, each below a line that says whose it is."""
    shown = [line for line in lines if not line.model.startswith("combine/")]
    return "\n".join(
        f"--- {number}/{len(shown)} {line.model}: {line.head}\n{line.text or _fate(line)}\n"
        for number, line in enumerate(shown, 1)
    )


def _fate(line: TaskLine) -> str:
    return f"({line.status}) {line.error}" if line.error else f"({line.status})"
