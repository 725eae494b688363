"""Four fronts on one store, 500 tasks each: with one worker for all, and with a worker for each."""

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
from mcp import Client

from benchmarks.report import Figure
from benchmarks.stage import Stage, call, stage

_FRONTS = 4
_TASKS = 500
_AT_ONCE = 16
"""Tasks of one front at once."""
_MODEL = "demo/echo"
_WAIT_S = 45
_RIGHT = "right"


async def run(*, quick: bool) -> list[Figure]:
    """Has every front at work until all tasks have ended, and counts what the users were told."""
    each = 50 if quick else _TASKS
    count = _FRONTS * each
    figures: list[Figure] = []
    for name, own in (("one worker", False), ("a worker each", True)):
        with stage() as here:
            async with _fronts(here, own_workers=own) as clients:
                wall_s, answers = await _burst(clients, each)
        right = answers.count(_RIGHT)
        locked = sum("locked" in answer for answer in answers)
        figures += [
            Figure(f"{_FRONTS} fronts with {each} tasks each, {name}", wall_s, "s"),
            Figure("  rate", count / wall_s, "/s"),
            Figure("  completed with the right text", right, "", None, f"{count}", right == count),
            Figure("  errors of a locked store", locked, "", None, "0", not locked),
        ]
    return figures


@asynccontextmanager
async def _fronts(here: Stage, *, own_workers: bool) -> AsyncGenerator[list[Client]]:
    """Attaches the fronts; every worker that they need has already answered."""
    async with AsyncExitStack() as stack:
        clients: list[Client] = []
        for number in range(_FRONTS):
            if own_workers:  # another key is another environment, and each of these has a worker of its own
                here.including(OPENAI_API_KEY=f"sk-nothing-{number}")
            clients.append(await stack.enter_async_context(here.front()))
            await _ask(clients[-1], f"front {number} begins")
        yield clients


async def _burst(clients: list[Client], each: int) -> tuple[float, list[str]]:
    """Returns the seconds until the last answer, and what each task's user was told."""
    answers: list[str] = []

    async def user(client: Client, prompts: Iterator[str]) -> None:
        for prompt in prompts:
            answer = await _ask(client, prompt)
            answers.append(answer)

    begun = time.perf_counter()
    async with anyio.create_task_group() as users:
        for number, client in enumerate(clients):
            prompts = iter([f"front {number}, task {task}" for task in range(each)])
            for _ in range(_AT_ONCE):
                users.start_soon(user, client, prompts)
    return time.perf_counter() - begun, answers


async def _ask(client: Client, prompt: str) -> str:
    try:
        result = await call(client, "start_task", prompt=prompt, model=_MODEL)
        while result["status"] == "working":
            result = await call(client, "poll_task", task_id=result["task_id"], wait_s=_WAIT_S)
    except Exception as error:  # noqa: BLE001  # whatever a user is told is counted
        return repr(error)
    is_right = result["status"] == "completed" and result["text"] == prompt
    return _RIGHT if is_right else repr(result)
