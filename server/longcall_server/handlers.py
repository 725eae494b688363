"""One function for each tool: flat typed arguments in, one result shape out."""

import os
from typing import Annotated

import anyio
import anyio.to_thread
from mcp_types import CallToolResult
from pydantic import Field

from longcall.page import POLL_S, Page
from longcall_server.answering import Ctx, opening_of, patience_of, progress, promise, reply_to
from longcall_server.asking import session_of
from longcall_server.models import models_reply
from longcall_server.parameters import (
    AtOnce,
    Background,
    CombineArgument,
    Conversation,
    DryRun,
    Effort,
    Fallbacks,
    Files,
    Fresh,
    Guidance,
    IdempotencyKey,
    MaxCostUsd,
    MaxTokens,
    MaxTurns,
    Messages,
    Model,
    OnInterrupt,
    OutputFile,
    Overwrite,
    Part,
    Prompt,
    Prompts,
    Resume,
    RetryArgument,
    Schema,
    Servers,
    System,
    TaskIdOrNone,
    Temperature,
    TimeoutS,
    Tools,
    Urgency,
    Validate,
    WaitS,
)
from longcall_server.reply import tool_errors


async def llm_call(
    ctx: Ctx,
    prompt: Prompt = "",
    messages: Messages = None,
    model: Model = "",
    system: System = "",
    conversation: Conversation = "",
    files: Files = None,
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    reasoning_effort: Effort = None,
    response_schema: Schema = None,
    validate: Validate = None,
    retry: RetryArgument = None,
    servers: Servers = None,
    tools: Tools = None,
    max_turns: MaxTurns = None,
    output_file: OutputFile = "",
    output_part: Part = None,
    overwrite: Overwrite = False,
    fallbacks: Fallbacks = None,
    max_cost_usd: MaxCostUsd = None,
    timeout_s: TimeoutS = None,
    wait_s: WaitS = None,
    on_interrupt: OnInterrupt = None,
    background: Background = False,
    dry_run: DryRun = False,
    fresh: Fresh = False,
    idempotency_key: IdempotencyKey = "",
) -> CallToolResult:
    """Ask another model and get its answer. Use it to delegate work or to get a second opinion.

    If the model needs longer than your host waits, you get status `working` and a task_id: the work goes on, nothing is
    lost or paid twice. Then call poll_task; never repeat the same llm_call. For several questions, or with other work
    to do meanwhile, use start_task.
    """
    with tool_errors():
        session = await session_of(ctx.request_context)
        result = await session.llm_call(
            prompt or None,
            wait_s=wait_s,
            patience_s=patience_of(ctx),
            on_progress=progress(ctx),
            messages=messages,
            model=model or None,
            system=system or None,
            conversation=conversation or None,
            files=files,
            temperature=temperature,
            max_tokens=max_tokens,
            reasoning_effort=reasoning_effort,
            response_schema=response_schema,
            validate=validate,
            retry=retry,
            servers=servers,
            tools=tools,
            max_turns=max_turns,
            output_file=output_file or None,
            output_part=output_part,
            overwrite=overwrite or None,
            fallbacks=fallbacks,
            max_cost_usd=max_cost_usd,
            timeout_s=timeout_s,
            on_interrupt=on_interrupt,
            background=background,
            dry_run=dry_run,
            fresh=fresh,
            idempotency_key=idempotency_key or None,
        )
    return promise(ctx, result, failure_is_error=True)


async def start_task(
    ctx: Ctx,
    prompt: Prompt = "",
    prompts: Prompts = None,
    messages: Messages = None,
    model: Model = "",
    models: Annotated[list[str] | None, Field(description="Several models: each is asked the same.")] = None,
    at_once: AtOnce = None,
    combine: CombineArgument = None,
    system: System = "",
    conversation: Conversation = "",
    files: Files = None,
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    reasoning_effort: Effort = None,
    response_schema: Schema = None,
    validate: Validate = None,
    retry: RetryArgument = None,
    servers: Servers = None,
    tools: Tools = None,
    max_turns: MaxTurns = None,
    output_file: OutputFile = "",
    output_part: Part = None,
    overwrite: Overwrite = False,
    fallbacks: Fallbacks = None,
    max_cost_usd: MaxCostUsd = None,
    timeout_s: TimeoutS = None,
    on_interrupt: OnInterrupt = None,
    background: Background = False,
    urgency: Urgency = None,
    resume: Resume = "",
    guidance: Guidance = "",
    dry_run: DryRun = False,
    fresh: Fresh = False,
    idempotency_key: IdempotencyKey = "",
) -> CallToolResult:
    """Begin a call in the background and get its task_id at once. Durable: it survives this chat and this server.

    `prompts` or `models` make one group, run in parallel; poll_task pages its members by offset and limit. Arguments
    not described here are llm_call's.
    """
    with tool_errors():
        session = await session_of(ctx.request_context)
        result = await session.start_task(
            prompt or None,
            prompts=prompts,
            models=models,
            at_once=at_once,
            combine=combine,
            resume=resume or None,
            guidance=guidance or None,
            messages=messages,
            model=model or None,
            system=system or None,
            conversation=conversation or None,
            files=files,
            temperature=temperature,
            max_tokens=max_tokens,
            reasoning_effort=reasoning_effort,
            response_schema=response_schema,
            validate=validate,
            retry=retry,
            servers=servers,
            tools=tools,
            max_turns=max_turns,
            output_file=output_file or None,
            output_part=output_part,
            overwrite=overwrite or None,
            fallbacks=fallbacks,
            max_cost_usd=max_cost_usd,
            timeout_s=timeout_s,
            on_interrupt=on_interrupt,
            background=background,
            urgency=urgency,
            dry_run=dry_run,
            fresh=fresh,
            idempotency_key=idempotency_key or None,
        )
    return promise(ctx, result)


async def poll_task(
    ctx: Ctx,
    task_id: TaskIdOrNone = "",
    wait_s: Annotated[float, Field(ge=0, le=POLL_S, description="Wait up to this long for the end.")] = 0,
    offset: Annotated[int, Field(ge=0, description="First character to show.")] = 0,
    limit: Annotated[int | None, Field(ge=1, description="Characters at most.")] = None,
    attempt: Annotated[
        int | None, Field(ge=1, description="This attempt's answer, `n` in validation.attempts.")
    ] = None,
) -> CallToolResult:
    """Look at a task: its status, the text so far or the whole answer, and what to do next.

    Set wait_s to 45 while a task is `working`, instead of asking again and again. Page long texts with offset and
    limit.
    """
    with tool_errors():
        session = await session_of(ctx.request_context)
        page = Page(offset, limit) if offset or limit else None
        result = await session.poll_task(
            task_id or None, wait_s=wait_s, page=page, attempt=attempt, on_progress=progress(ctx)
        )
    return reply_to(ctx, result)


async def cancel_task(
    ctx: Ctx, task_id: Annotated[str, Field(description="The task, or group of tasks, to stop.")]
) -> CallToolResult:
    """Stop a task, down to the connection to its provider. One that has ended keeps its answer."""
    with tool_errors():
        session = await session_of(ctx.request_context)
        return reply_to(ctx, await session.cancel_task(task_id))


async def list_models(
    ctx: Ctx,
    query: Annotated[str, Field(description="Words in the name; empty lists what has a key here.")] = "",
    limit: Annotated[int, Field(ge=1, le=200, description="Models to show at most.")] = 40,
) -> CallToolResult:
    """List models that can be asked here and now, with context window and price per million tokens; `?` is unknown.

    Any LiteLLM name provider/model works, listed or not.
    """
    from longcall import listing  # noqa: PLC0415  # a server that starts lists no models
    from longcall.mcp_client.offered import offered  # noqa: PLC0415  # as above

    settings = opening_of(ctx).settings
    with tool_errors():
        servers = await anyio.to_thread.run_sync(offered, settings)
        found = await listing.list_models(query, settings, os.environ)
    return models_reply(found, limit, servers)
