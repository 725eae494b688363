"""The Python API: the tools' words as async functions.

Each function opens the store and closes it again; `connect()` keeps it open for many.
"""

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Unpack

from longcall.access import open_session
from longcall.conversation import Conversation, Turn
from longcall.errors import CallError
from longcall.money.usage import By, UsageReport, usage_report
from longcall.page import Page
from longcall.predecessor import question_from_config
from longcall.question import Question
from longcall.result import Result
from longcall.session import OnProgress, Session
from longcall.settings import read_settings


@asynccontextmanager
async def connect(project: Path | None = None) -> AsyncGenerator[Session]:
    """Opens the task store that LONGCALL_HOME names, with the keys of this process's environment.

    Args:
        project: the folder whose tasks `list_tasks` shows; None takes the current one.

    Raises:
        SettingsError: a LONGCALL_… variable or a longcall.toml cannot be used.
        StoreError: the store cannot be used; the sentence says why and what to do.
    """
    settings = read_settings(os.environ, project or Path.cwd())
    async with open_session(settings, os.environ, project=project, is_operator=True) as session:
        yield session


async def llm_call(
    prompt: str | Mapping[str, Any] | None = None,
    *,
    wait_s: float | None = None,
    fresh: bool = False,
    idempotency_key: str | None = None,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
    **question: Unpack[Question],
) -> Result:
    """Asks a model and waits for the answer; see `Session.llm_call`.

    Args:
        prompt: the text to ask, or a config dict of longcall's predecessor.
        wait_s: seconds to wait; None waits for as long as it takes.
        fresh: asks anew even when an earlier task answers the same request.
        idempotency_key: a name for this request: the same key always leads to the same task.
        dry_run: tells what would be sent, with its tokens and price, and stores and sends nothing.
        on_progress: called about every 2 s with the result so far.
        question: see Question.

    Raises:
        CallError: it cannot be asked so; nothing was stored or sent.
        StoreError: the task store cannot be used.
        WorkerStartError: no worker can be started; the task stays queued.
    """
    text, question = _asked(prompt, question)
    async with connect() as session:
        return await session.llm_call(
            text,
            wait_s=wait_s,
            fresh=fresh,
            idempotency_key=idempotency_key,
            dry_run=dry_run,
            on_progress=on_progress,
            **question,
        )


async def start_task(
    prompt: str | Mapping[str, Any] | None = None,
    *,
    prompts: Sequence[str | Mapping[str, Any]] | None = None,
    models: Sequence[str] | None = None,
    at_once: int | None = None,
    combine: str | Mapping[str, Any] | None = None,
    resume: str | None = None,
    guidance: str | None = None,
    fresh: bool = False,
    idempotency_key: str | None = None,
    dry_run: bool = False,
    **question: Unpack[Question],
) -> Result:
    """Begins a task, or a group of several, and returns once it is durable and a worker is at hand.

    `at_once`, `combine` and keys in `prompts` are as in `Session.start_task`.

    Raises:
        CallError: it cannot be asked so; nothing was stored or sent.
        StoreError: the task store cannot be used.
        WorkerStartError: no worker can be started; the task stays queued.
    """
    text, question = _asked(prompt, question)
    async with connect() as session:
        result = await session.start_task(
            text,
            prompts=prompts,
            models=models,
            at_once=at_once,
            combine=combine,
            resume=resume,
            guidance=guidance,
            fresh=fresh,
            idempotency_key=idempotency_key,
            dry_run=dry_run,
            **question,
        )
        if not dry_run:
            await session.client.see_to_worker()
        return result


async def validate_code(
    code: str | None = None,
    *,
    paths: Sequence[str] = (),
    wait_s: float | None = None,
    timeout_s: float | None = None,
    on_progress: OnProgress | None = None,
    **asked: Any,
) -> Result:
    """Checks code: syntax, lint, types, security, and runs with cases or tests in a sandbox; a judge if wanted.

    Args:
        code: the text of one file; or give `paths`, or `files` as a dict of paths and texts.
        paths: files below the current folder or the operator's roots.
        wait_s: seconds to wait; None waits for as long as it takes.
        timeout_s: seconds after which the work is stopped.
        on_progress: called about every 2 s with the result so far.
        asked: what else `longcall.validation.CodeRequest` takes, and `criteria`, `judge` and `task`.

    Returns:
        The result, whose `report` has the verdict and what it rests on; its text is for the author of the code.

    Raises:
        CallError: it cannot be checked so; nothing was stored.
        StoreError: the task store cannot be used.
        WorkerStartError: no worker can be started; the task stays queued.
    """
    judging = {name: asked.pop(name) for name in ("criteria", "judge", "task") if name in asked}
    async with connect() as session:
        return await session.validate_code(
            {**asked, "code": code},
            paths=paths,
            wait_s=wait_s,
            timeout_s=timeout_s,
            on_progress=on_progress,
            **judging,
        )


async def poll_task(
    task_id: str, *, wait_s: float | None = 0, offset: int = 0, limit: int | None = None, attempt: int | None = None,
    on_progress: OnProgress | None = None,
) -> Result:  # fmt: skip
    """Tells of a task, after waiting up to `wait_s` seconds (None: for as long as it takes) for its end.

    With `attempt`, the number of one of its attempts, the text is the answer of that one.

    Raises:
        CallError: the task has no such attempt.
        UnknownTaskError: no task has that id.
        StoreError: the task store cannot be used.
    """
    async with connect() as session:
        return await session.poll_task(
            task_id, wait_s=wait_s, page=Page(offset, limit), attempt=attempt, on_progress=on_progress
        )


async def cancel_task(task_id: str) -> Result:
    """Stops a task, down to the provider's connection; one that had ended keeps its answer.

    Raises:
        UnknownTaskError: no task has that id.
        StoreError: the task store cannot be used.
    """
    async with connect() as session:
        return await session.cancel_task(task_id)


async def usage(*, by: By = "day", days: int = 30) -> UsageReport:
    """Tells what the requests of all tasks on this store have cost, those deleted meanwhile included.

    Args:
        by: what to add up by: `day` (UTC), `model` or `project`.
        days: how many UTC days, today included.

    Raises:
        CallError: `days` is below 1.
        StoreError: the task store cannot be used.
    """
    if days < 1:
        raise CallError("`days` must be 1 or more.")
    async with connect() as session:
        return usage_report(await session.client.store.spending(days), by, days)


async def list_tasks(*, everywhere: bool = False, most: int = 20) -> Result:
    """Tells of the newest tasks of the current folder, or of all.

    Raises:
        StoreError: the task store cannot be used.
    """
    async with connect() as session:
        return await session.list_tasks(everywhere=everywhere, most=most)


async def list_conversations(*, everywhere: bool = False) -> list[Conversation]:
    """Returns the conversations of the current folder, or of all; the last used first.

    Raises:
        StoreError: the task store cannot be used.
    """
    async with connect() as session:
        return await session.conversations.all(everywhere=everywhere)


async def show_conversation(conversation: str) -> list[Turn]:
    """Returns all that was said in a conversation, which is named by its name in the current folder, or by its id.

    Raises:
        UnknownConversationError: there is none.
        StoreError: the task store cannot be used.
    """
    async with connect() as session:
        return await session.conversations.turns(conversation)


async def delete_conversation(conversation: str) -> None:
    """Deletes a conversation, which is named by its name in the current folder, or by its id; its tasks stay.

    Raises:
        ConversationBusyError: a task of it has not come to its end.
        UnknownConversationError: there is none.
        StoreError: the task store cannot be used.
    """
    async with connect() as session:
        await session.conversations.delete(conversation)


def _asked(prompt: str | Mapping[str, Any] | None, question: Question) -> tuple[str | None, Question]:
    if not isinstance(prompt, Mapping):
        return prompt, question
    text, from_config = question_from_config(prompt)
    return text, {**from_config, **question}
