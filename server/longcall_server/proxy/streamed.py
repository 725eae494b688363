"""An answer as server-sent events, on its way while the task works."""

from collections.abc import AsyncGenerator

import anyio
from starlette.types import Receive, Scope

from longcall.models import Task
from longcall_server.connection import WaitingEndedError, while_connected, why_nobody_waits
from longcall_server.proxy.answers import chunk, content_of, ending
from longcall_server.proxy.asked import Asked
from longcall_server.proxy.problems import ProblemError, problem_of, problem_with, still_working

LOOK_S = 0.25
"""Seconds between looks for new text: a worker writes it down as often."""
_ALIVE_S = 10.0
"""Seconds of silence after which a comment tells client, and whatever is between, that somebody is here."""
_BROKEN = "The answer began anew after a part of it had been sent. The whole of it is at the task's status."


class Streamed:
    """One answer that is followed; `tasks` is its task, again and again."""

    def __init__(self, tasks: AsyncGenerator[Task], asked: Asked, scope: Scope, attached: str | None) -> None:
        self._tasks = tasks
        self._asked = asked
        self._scope = scope
        self._attached = attached
        self._until = anyio.current_time() + (asked.wait_s if asked.wait_s is not None else float("inf"))
        self._sent = ""
        self.task: Task | None = None
        """As it was seen last."""

    async def begin(self, receive: Receive) -> None:
        """Waits until there is something to send, or the status must not be held back any longer.

        Raises:
            ProblemError: the task has ended without an answer, or the wait is over.
            WaitingEndedError: nobody waits any more.
        """
        async with while_connected(self._scope, receive):
            until = min(self._until, anyio.current_time() + self._asked.hold_s)
            # By the clock, not by a timeout: cancelling what is awaited here would end the following.
            while self.task is None or not (self._new() or self.task.state.is_final or anyio.current_time() >= until):
                self.task = await anext(self._tasks)
        if self.task.state.is_final and (problem := problem_with(self.task)):
            raise problem
        self._demand_time()

    async def events(self) -> AsyncGenerator[str]:
        """Yields the events; the last one stands for the end of the answer, or for why there is none."""
        spoken_at, begun = anyio.current_time(), False
        try:
            while True:
                task = self.task = self.task or await anext(self._tasks)
                if not begun:
                    yield chunk(task, {"role": "assistant", "content": ""})
                    begun = True
                if new := self._new():
                    self._sent += new
                    yield chunk(task, {"content": new})
                    spoken_at = anyio.current_time()
                if task.state.is_final:
                    yield self._end(task)
                    return
                if anyio.current_time() - spoken_at >= _ALIVE_S:
                    yield ": still working\n\n"
                    spoken_at = anyio.current_time()
                self._demand_time()
                self.task = await anext(self._tasks)
        except (ProblemError, WaitingEndedError) as error:
            yield problem_of(error).event

    def _new(self) -> str:
        """Returns what has come and was not sent."""
        task = self.task
        if task is None or task.is_held:
            return ""
        if task.state.is_final and problem_with(task):
            return ""
        return content_of(task, json_alone=self._asked.json_alone and task.state.is_final)[len(self._sent) :]

    def _end(self, task: Task) -> str:
        if problem := problem_with(task):
            raise problem
        if content_of(task, json_alone=self._asked.json_alone) != self._sent:
            raise ProblemError(502, _BROKEN, code="began_anew")
        return ending(task, include_usage=self._asked.include_usage, attached=self._attached)

    def _demand_time(self) -> None:
        """Raises ProblemError when the wait is over, and WaitingEndedError when nobody waits."""
        if self.task is not None and anyio.current_time() >= self._until:
            raise still_working(self.task.id, self._asked.wait_s)
        if reason := why_nobody_waits(self._scope):
            raise WaitingEndedError(reason)
