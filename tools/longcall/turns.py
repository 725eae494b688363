"""An answer whose model uses tools: request, tools, request, until it answers.

Each turn is committed before its tools are called, each tool's result before the next request leaves. So a later worker
goes on behind the last of them: no turn is paid twice, and no tool that may have changed something is called twice.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from longcall.call import Call
from longcall.errors import CallError, ProviderError
from longcall.hearing import Ledger
from longcall.mcp_client.toolbox import Toolbox
from longcall.mcp_client.warm import ServerError
from longcall.models import Attempt, AttemptState, Completion, Role, Step, StepState
from longcall.providers import Talk, ToolCall

MOST_TURNS = 10
_MOST_STEPS = 50
"""Tools that one turn may ask for."""
_UNKNOWN = "This call was interrupted: it may have been done or not. Look before you do it again."

Heard = tuple[str, Completion, tuple[ToolCall, ...]]
Ask = Callable[[Call, Talk], Awaitable[Heard]]


class Servers(Protocol):
    """Where tools come from."""

    async def toolbox(
        self, names: Sequence[str], mcp_config: dict[str, Any] | None, tools: Sequence[str], roots: Sequence[str]
    ) -> Toolbox:
        """Returns the tools of servers; see `longcall.mcp_client.pool.Pool.toolbox`."""
        ...


@dataclass(slots=True)
class Turn:
    """One request that asked for tools, and what they said."""

    text: str
    steps: list[Step]


def turns_so_far(past: Sequence[Attempt], steps: Sequence[Step]) -> list[Turn]:
    """Returns the turns that an earlier worker has behind it on the way to the next answer."""
    turns: list[Turn] = []
    for attempt in past:
        if attempt.state is not AttemptState.ANSWERED:
            continue
        if attempt.role is Role.ANSWER:
            turns = []
        elif attempt.role is Role.TURN:
            turns.append(Turn(attempt.text or "", [step for step in steps if step.attempt == attempt.number]))
    return turns


class ToolTalk:
    """The way to one answer."""

    def __init__(self, servers: Servers, ledger: Ledger, ask: Ask, limit: Callable[[], str | None]) -> None:
        self._servers = servers
        self._ledger = ledger
        self._ask = ask
        self._limit = limit
        """Returns which limit of the budget is reached, as a sentence."""

    async def answer(self, call: Call, turns: list[Turn]) -> tuple[str, Completion]:
        """Returns the model's answer, after the turns that it needs beyond those it has had.

        Raises:
            ProviderError: there is none: `tools` when servers do not start, `max_turns`, `budget`, or a request's own.
        """
        box = await self._box(call)
        most = call.max_turns or MOST_TURNS
        while True:
            for turn in turns:
                await self._use(box, turn)
            if turns and (limit := self._limit()):
                raise ProviderError("budget", f"The model was still using tools. {limit}")
            must_answer = len(turns) + 1 >= most
            talk = Talk(box.schemas(), [said for turn in turns for said in _said(turn)], must_answer)
            text, completion, asked = await self._ask(call, talk)
            if not asked:
                return text, completion
            turns.append(await self._turn(text, completion, asked))
            if must_answer:
                raise ProviderError("max_turns", _too_many(most))

    async def _box(self, call: Call) -> Toolbox:
        try:
            return await self._servers.toolbox(call.servers, call.mcp_config, call.tools, call.roots)
        except (ServerError, CallError) as error:
            raise ProviderError("tools", str(error), retryable=isinstance(error, ServerError)) from error

    async def _turn(self, text: str, completion: Completion, asked: Sequence[ToolCall]) -> Turn:
        steps = [
            Step(0, number, wanted.id, wanted.name, wanted.arguments)
            for number, wanted in enumerate(asked[:_MOST_STEPS], 1)
        ]
        attempt = await self._ledger.asked_for_tools(text, completion, steps)
        return Turn(text, [replace(step, attempt=attempt) for step in steps])

    async def _use(self, box: Toolbox, turn: Turn) -> None:
        for place, step in enumerate(turn.steps):
            if step.result is None:
                turn.steps[place] = await self._step(box, step)

    async def _step(self, box: Toolbox, step: Step) -> Step:
        if step.state is StepState.BEGUN and not box.reads(step.tool):
            done = replace(step, state=StepState.FAILED, result=_UNKNOWN)
            await self._ledger.stepped(done)
            return done
        if step.state is StepState.ASKED:
            await self._ledger.begun(step)
        begun = time.monotonic()
        result = await box.call(step.tool, step.arguments)
        state = StepState.FAILED if result.is_error else StepState.DONE
        done = replace(step, state=state, result=result.text, ms=round((time.monotonic() - begun) * 1000))
        await self._ledger.stepped(done)
        return done


def _said(turn: Turn) -> list[dict[str, Any]]:
    calls = [
        {"id": step.id, "type": "function", "function": {"name": step.tool, "arguments": step.arguments or "{}"}}
        for step in turn.steps
    ]
    results = [{"role": "tool", "tool_call_id": step.id, "content": step.result or "(empty)"} for step in turn.steps]
    return [{"role": "assistant", "content": turn.text or None, "tool_calls": calls}, *results]


def _too_many(most: int) -> str:
    return (
        f"The model still asked for tools in its turn {most} of {most} (`max_turns`), so there is no answer. What it"
        " did is in `steps`; raise `max_turns`, or ask for less."
    )
