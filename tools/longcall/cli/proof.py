"""The demo's experiment: begin a call through one server, kill that server, and ask another one for the answer."""

import os
import textwrap
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import anyio

from longcall.cli.choice import MAX_TOKENS, Choice
from longcall.cli.server import GONE, Server, ToolFailedError, attached
from longcall.cli.story import Story

_KILL_CHARS = 120
"""Characters of answer after which the first server is killed."""
_KILL_S = 8.0
"""Seconds after which it is killed even when the model has said less."""
_MID_POLL_S = 0.2
"""Seconds into a poll at which the kill falls."""
_POLL_S = 0.5
_WHOLE = 1_000_000
_TIMEOUT_S = 300.0


class ModelFailedError(Exception):
    """The model gave no answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was seen."""

    first_pid: int
    second_pid: int
    heard: str
    """The text that the first server had told when it was killed."""
    text: str
    """The whole answer, from the second server."""
    requests: int

    @property
    def is_kept(self) -> bool:
        """Whether the second server, another process, told all of the answer that the first one had begun."""
        return bool(self.text) and self.text.startswith(self.heard) and self.first_pid != self.second_pid

    def lines(self) -> list[str]:
        """Returns the answer as lines of a readable width."""
        return [line for paragraph in self.text.split("\n") for line in textwrap.wrap(paragraph, 96) or [""]]


async def prove(choice: Choice, story: Story) -> Proof:
    """Runs the experiment and tells it as it goes.

    Raises:
        ModelFailedError: the model gave no answer.
    """
    with story, _model_failures():
        heard = ""
        async with attached() as first:
            story.event(f"server 1 started, pid {first.pid}")
            task = await _begin(first, choice)
            story.event(f"start_task: {choice.model} is asked, task {task[:8]}")
            heard = await _listen_until_killed(first, task, story)
        async with attached() as second:
            story.event(f"server 2 started, pid {second.pid}; it has never heard of the call")
            return await _collect(first.pid, second, task, heard, story)


async def _begin(server: Server, choice: Choice) -> str:
    asked = {
        "prompt": choice.prompt,
        "model": choice.model,
        "max_tokens": MAX_TOKENS,
        "timeout_s": _TIMEOUT_S,
        "fresh": True,
    }
    return (await server.call("start_task", **asked))["task_id"]


async def _listen_until_killed(server: Server, task: str, story: Story) -> str:
    heard = ""
    enough = anyio.Event()
    statuses: list[int] = []

    async def kill() -> None:
        with anyio.move_on_after(_KILL_S):
            await enough.wait()
        await anyio.sleep(_MID_POLL_S)
        statuses.append(await server.kill())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(kill)
        with suppress(*GONE):  # a tool call dies with its server
            while True:
                result = await _poll(server, task, len(heard), _POLL_S)
                heard += result.get("text") or ""
                story.at("server 1", heard)
                if len(heard) >= _KILL_CHARS or result["status"] != "working":
                    enough.set()
    signal = "SIGKILL" if os.name == "posix" else "TerminateProcess"
    story.event(f"server 1 killed with {signal}, {len(heard)} characters in (exit status {statuses[0]})", "red")
    story.event("the tool call of its client died with it; the work has a process of its own")
    return heard


async def _poll(server: Server, task: str, offset: int, wait_s: float) -> dict[str, Any]:
    result = await server.call("poll_task", task_id=task, wait_s=wait_s, offset=offset, limit=_WHOLE)
    if result["status"] not in ("working", "completed"):
        raise ModelFailedError(_why(result))
    return result


def _why(result: dict[str, Any]) -> str:
    error: dict[str, Any] = result.get("error") or {}
    return error.get("message") or f"the task ended as {result['status']}."


async def _collect(first_pid: int, server: Server, task: str, heard: str, story: Story) -> Proof:
    text = ""
    requests = 0
    status = "working"
    wait_s = 0.0
    while status == "working":
        result = await _poll(server, task, len(text), wait_s)
        grown = result.get("text") or ""
        if not text and grown:
            meanwhile = max(0, len(grown) - len(heard))
            story.event(f"poll_task: {len(grown)} characters, {meanwhile} of them written while there was no server")
        text += grown
        story.at("server 2", text)
        status, requests, wait_s = result["status"], result.get("attempts") or 0, _POLL_S
    story.event(f"poll_task: completed, the whole answer of {len(text)} characters", "green")
    return Proof(first_pid, server.pid, heard, text, requests)


@contextmanager
def _model_failures() -> Generator[None]:
    """Takes a failure out of the groups that the concurrent parts wrap it in."""
    try:
        yield
    except* (ModelFailedError, ToolFailedError) as group:
        leaf: BaseException = group
        while isinstance(leaf, BaseExceptionGroup):
            leaf = leaf.exceptions[0]
        message = str(leaf)
        failed = ModelFailedError(message)
    else:
        return
    raise failed
