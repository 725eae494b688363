"""`longcall call`: asks a model and writes its answer as it comes."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import anyio
import typer

from longcall.access import open_session
from longcall.account import cost_of, usage_of
from longcall.call import ReasoningEffort, Urgency
from longcall.cli.checks import read_retry, read_schema, read_validators
from longcall.cli.exits import Exit, run
from longcall.cli.fan_out import AskingGroup, Group, read_combine, read_prompts
from longcall.cli.phrases import in_shell
from longcall.cli.prompt import read_prompt
from longcall.cli.status import StatusLine
from longcall.cli.terminal import complain, count, is_terminal, printable, remark, say, seconds
from longcall.errors import CallError
from longcall.lines import is_lost
from longcall.models import Task, TaskState
from longcall.page import Page
from longcall.question import Question
from longcall.result import progress_of, result_of
from longcall.settings import Settings, here
from longcall.tasks.client import TaskClient
from longcall.text import dollars

_LOOK_S = 0.25
"""Seconds between looks for new text."""


def call(
    prompt: Annotated[str | None, typer.Argument(help="What to ask; `-` or a pipe takes it from stdin.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="provider/model; else LONGCALL_MODEL.", metavar="MODEL")
    ] = None,
    system: Annotated[str | None, typer.Option(help="System text put before the prompt.", metavar="TEXT")] = None,
    conversation: Annotated[
        str | None,
        typer.Option("--conversation", "-c", help="Go on with the conversation of this name or id.", metavar="NAME"),
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option("--file", "-f", help="Show the model a file, path:10-80, a folder or a pattern.", metavar="PATH"),
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="Write the answer to this file too.", metavar="FILE")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --output.")] = False,
    temperature: Annotated[float | None, typer.Option(help="0 to 2.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Longest answer, in tokens.")] = None,
    effort: Annotated[
        ReasoningEffort | None, typer.Option(help="How hard a reasoning model thinks.", show_choices=True)
    ] = None,
    validate: Annotated[
        list[str] | None,
        typer.Option(help="What the answer must be: not_empty, json, or a validator as JSON; repeatable.", metavar="V"),
    ] = None,
    retry: Annotated[
        str | None, typer.Option(help="Answers at most until one passes, or all of `retry` as JSON.", metavar="N")
    ] = None,
    schema: Annotated[
        Path | None, typer.Option(help="A file with a JSON Schema that the answer must fit.", metavar="FILE")
    ] = None,
    server: Annotated[
        list[str] | None,
        typer.Option(help="One of your MCP servers, whose tools the model may use; repeatable.", metavar="NAME"),
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option(help="US dollars that it may cost at most, all its requests together.", metavar="USD"),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds after which the work itself is stopped.", metavar="S")
    ] = None,
    wait: Annotated[
        float | None, typer.Option(help="Seconds to wait; then exit code 4, and the work goes on.", metavar="S")
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", help="Have the provider keep the answer, even through a crash here.")
    ] = False,
    models: Annotated[
        str | None, typer.Option(help="Several models, with commas between them: each is asked.", metavar="A,B")
    ] = None,
    prompts_file: Annotated[
        Path | None, typer.Option(help="Several prompts: a file with one a line, or .jsonl.", metavar="FILE")
    ] = None,
    combine: Annotated[
        str | None, typer.Option(help="One answer of all: vote, best:MODEL, or `combine` as JSON.", metavar="HOW")
    ] = None,
    at_once: Annotated[
        int | None, typer.Option(help="How many of several are asked at once at most.", metavar="N")
    ] = None,
    urgency: Annotated[
        Urgency | None, typer.Option(help="batch: half price, within 24 h, with openai/… alone.", show_choices=True)
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask anew, even if the same runs or was answered and not yet handed over.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write the whole result as JSON, at the end.")] = False,
) -> None:
    """Asks a model and writes its answer as it comes. Ctrl-C ends the waiting, never the work."""
    settings = here()
    question = Question(
        model=model,
        system=system,
        conversation=conversation,
        files=file,
        output_file=output,
        overwrite=overwrite or None,
        temperature=temperature,
        max_tokens=max_tokens,
        reasoning_effort=effort,
        validate=read_validators(validate),
        retry=read_retry(retry),
        response_schema=read_schema(schema),
        servers=server,
        max_cost_usd=max_cost,
        timeout_s=timeout,
        background=background,
        urgency=urgency,
    )
    several = models.split(",") if models else None
    if not (model or several or settings.model):
        raise CallError(
            "No model was named. Name one with `-m` (`longcall models` shows what can be called here), or set"
            " LONGCALL_MODEL."
        )
    if wait is not None and wait < 0:
        raise CallError("`--wait` must be 0 or more seconds.")
    asking: _Asking | AskingGroup
    if several or prompts_file or combine or at_once is not None:
        text = prompt if prompts_file else read_prompt(prompt)
        group = Group(text, read_prompts(prompts_file), several, read_combine(combine), at_once)
        asking = AskingGroup(settings, group, question, fresh, wait, as_json)
    else:
        asking = _Asking(settings, read_prompt(prompt), question, fresh, wait, _Answer(as_json=as_json))
    try:
        task = run(asking.run)
    except KeyboardInterrupt:
        asking.break_off()
        _tell_interrupted(asking.task_id)
        raise typer.Exit(Exit.INTERRUPTED) from None
    except Exception:
        asking.break_off()
        if asking.task_id is not None:
            remark(f"The task is {asking.task_id}; look at it with: longcall tasks show {asking.task_id[:8]}")
        raise
    _tell_end(task)
    raise typer.Exit(exit_of(task))


@dataclass(slots=True)
class _Asking:
    """A question on its way, and the id by which it can be found again."""

    settings: Settings
    prompt: str
    question: Question
    fresh: bool
    wait_s: float | None
    answer: "_Answer"
    task_id: str | None = None

    async def run(self) -> Task:
        ended: list[Task] = []
        # Shielded until the task is durable and somebody is at it: Ctrl-C must find either nothing or all of it.
        with anyio.CancelScope(shield=True) as starting:
            async with open_session(self.settings, os.environ) as session:
                begun = await session.start_task(self.prompt, fresh=self.fresh, **self.question)
                self.task_id = begun.task_id
                assert self.task_id is not None
                for warning in begun.warnings:
                    remark(warning)
                await session.client.see_to_worker()
                starting.shield = False
                with self.answer.status:
                    ended.append(await _follow(session.client, self.task_id, self.wait_s, self.answer))
                self.answer.end(ended[0])
                session.client.delivered(ended[0])
        return ended[0]

    def break_off(self) -> None:
        """Leaves the line that the answer has come to."""
        self.answer.break_off()


async def _follow(client: TaskClient, task_id: str, wait_s: float | None, answer: "_Answer") -> Task:
    with anyio.move_on_after(wait_s):
        while True:
            task = await client.wait(task_id, _LOOK_S)
            answer.show(task)
            if task.state.is_final:
                return task
    return await client.task(task_id)


class _Answer:
    """An answer on its way to stdout."""

    def __init__(self, *, as_json: bool) -> None:
        self.status = StatusLine()
        self._as_json = as_json
        self._written = 0

    def show(self, task: Task) -> None:
        """Writes what is new, and what it is at."""
        new = "" if self._as_json or task.is_held else task.text[self._written :]
        if new:
            self.status.clear()
            say(new)
            self.status.wrote(printable(new))
            self._written = len(task.text)
        if not task.state.is_final:
            self.status.draw(progress_of(task))

    def break_off(self) -> None:
        """Leaves the line that the answer has come to, so that a remark can follow."""
        if self._written and is_terminal(sys.stdout):
            say("\n")

    def end(self, task: Task) -> None:
        """Writes the end of it."""
        if self._as_json:
            say(result_of(task, Page()).model_dump_json(indent=2, exclude_none=True) + "\n")
        elif self._written and not task.text.endswith("\n"):
            say("\n")


def exit_of(task: Task) -> Exit:
    """Returns the exit code that tells of a task."""
    if task.state is TaskState.COMPLETED and (task.completion or not any(map(is_lost, task.members))):
        return Exit.COMPLETED
    return Exit.FAILED if task.state.is_final else Exit.STILL_WORKING


def _tell_end(task: Task) -> None:
    short = task.id[:8]
    if not task.state.is_final:
        remark(f"Still working; the work goes on. `longcall tasks show {short}` shows it. Task {task.id}.")
        return
    stopped = task.validation.stopped if task.validation and task.failure else None
    for warning in task.completion.warnings if task.completion else ():
        if stopped is None or not warning.endswith(stopped):  # the failure says it once more
            remark(f"longcall: {warning}", "yellow")
    if task.failure is not None:
        complain(in_shell(task.failure.message))
    elif task.state is TaskState.NEEDS_REVIEW:
        complain(f"The answer failed its checks. `longcall tasks review {short} accept|guide|stop` decides.")
    elif task.state is not TaskState.COMPLETED:
        complain(f"The task ended as {task.state}.")
    if is_terminal(sys.stderr) and is_terminal(sys.stdout):
        remark(facts(task), "dim")


def facts(task: Task) -> str:
    """Returns one line on what a task took."""
    completion = task.completion
    told: list[Any] = [completion.model if completion else task.model, seconds(task.age_s())]
    told.append(count(len(task.text), "character"))
    if usage := usage_of(task):
        told.append(f"{usage['input_tokens']:,} + {usage['output_tokens']:,} tokens")
    if completion:
        cost = cost_of(task)
        told.append("price unknown" if cost is None else dollars(cost))
    return " · ".join([*told, f"task {task.id[:8]}"])


def _tell_interrupted(task_id: str | None) -> None:
    if task_id is None:
        remark("Nothing was asked.")
        return
    remark(f"No longer waiting; the work goes on as task {task_id}.")
    remark(f"Get the answer with: longcall tasks show {task_id[:8]}")
