"""Models and judges to try a worker's checks with, and calls that are checked."""

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.tasks.bench import Answers
from tools.tasks.samples import new_task

from longcall.call import Call
from longcall.errors import ProviderError
from longcall.message import Message
from longcall.models import Completion, Role, Task, Usage
from longcall.providers import Event, Sending
from longcall.retry import Retry, plain_retry
from longcall.tasks.store import NewTask
from longcall.validators.judge import Judge

COSTS = Completion("really", "stop", Usage(15, 5), cost_usd=0.5)
"""What every request costs: 20 tokens."""
_NONCE = re.compile(r"<answer-([0-9a-f]{16})>\n(.*)\n</answer-\1>", re.DOTALL)
BY_CRITERIA = Judge(criteria=("It is right.",), models=("j",))
FREELY = Judge(prompt="Is it right? {TEXT_TO_VALIDATE}", models=("j",))
Halt = Callable[[Call, int], Awaitable[None]]


async def nothing(_call: Call, _number: int) -> None:
    """Lets a request go."""


def judged_text(call: Call) -> str:
    """Returns the answer that a judge is asked about."""
    found = _NONCE.search(call.messages[1].text)
    assert found is not None
    return found[2]


def verdict(call: Call) -> str:
    """Returns the report of a judge that wants "right" in an answer."""
    found = _NONCE.search(call.messages[1].text)
    assert found is not None
    passes = "right" in found[2]
    one: dict[str, Any] = {"id": 1, "reason": "look", "evidence": [], "verdict": "pass" if passes else "fail"}
    by_criteria = {"nonce": found[1], "criteria": [one], "injection_attempt": False}
    return json.dumps(by_criteria if call.response_schema else {"validation_passed": passes, "reasoning": "look"})


@dataclass
class Models:
    """Models of which those called j… judge and the others say one thing after another; and what was sent to them."""

    says: Sequence[str]
    judge: Callable[[Call], str] = verdict
    before: Halt = nothing
    """Is awaited before a request is written down; with its number, from 1."""
    during: Halt = nothing
    """Is awaited after it was sent, before the answer comes."""
    completion: Completion = COSTS
    entered: list[str] = field(default_factory=list[str])
    sent: list[Call] = field(default_factory=list[Call])

    @property
    def models(self) -> list[str]:
        """Who was sent a request, in order."""
        return [call.model for call in self.sent]

    @property
    def provider(self) -> Answers:
        """The provider of all of them."""
        return Answers(self.answer)

    async def answer(self, call: Call, sending: Sending) -> AsyncGenerator[Event]:
        """Answers."""
        self.entered.append(call.model)
        await self.before(call, len(self.entered))
        await sending()
        self.sent.append(call)
        await self.during(call, len(self.sent))
        if call.model.startswith("j"):
            yield self.judge(call)
        else:
            answers = sum(not model.startswith("j") for model in self.models)
            yield self.says[min(answers, len(self.says)) - 1]
        yield self.completion


def down(_call: Call) -> str:
    """Is a judge that is down."""
    raise ProviderError("unavailable", "The judge is down.", refused=True)


def checked_task(*validators: Judge, model: str = "m", given: str | None = None, **options: Any) -> NewTask:
    """Returns a task whose answer is judged; `given` is a text that an assistant said."""
    retry = Retry.model_validate(plain_retry(options.pop("retry", {})))
    turns = [Message(role="user", content="why?")]
    turns += [Message(role="assistant", content=given)] if given is not None else []
    return new_task(
        validators=validators or (BY_CRITERIA,), retry=retry, model=model, messages=tuple(turns), **options
    )  # fmt: skip


def roles(task: Task) -> list[tuple[Role, str]]:
    """Returns what each attempt of a task was for, and what became of it."""
    return [(attempt.role, attempt.state.value) for attempt in task.attempts]


ANSWERED, JUDGED = (Role.ANSWER, "answered"), (Role.JUDGE, "answered")
