"""Prompts that lead a model to good use of the tools; hosts offer them as slash commands.

Claude Code cuts what its user types after the command at every space, hands over the first pieces as the arguments, and
shows its model the whole beside the prompt. So a prompt must make sense of one word, of none, and of a second word that
stands where a model's name was expected.
"""

from typing import Annotated

import anyio.to_thread
from mcp.server.mcpserver import MCPServer
from mcp_types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference
from pydantic import Field

from longcall.settings import keyed
from longcall_server.opening import Opening

_MOST_COMPLETED = 100
_WAIT = (
    "If the status is `working`, call poll_task with the task_id and wait_s=45 until it changes; never repeat the call."
)
_ALONE = "It sees neither this conversation nor any file, so put all it needs into the prompt, code as it is."
_JUDGE = "Say which model answered and what it cost, as far as the result tells."

Model = Annotated[str, Field(description="provider/model as list_models shows it; empty takes the configured default")]


def delegate(
    task: Annotated[str, Field(description="What the other model is to do; empty: what the talk is about")] = "",
    model: Model = "",
) -> str:
    """Hand a piece of work to another model and check what comes back."""
    said, names = _sorted(task, model)
    return _steps(
        f"Let another model do this through longcall: {said}",
        f"Write a prompt that stands on its own. {_ALONE}",
        f"Call llm_call{_with(names)}. {_WAIT}",
        f"Check the answer yourself before you use it; ask again with what was wrong if need be. {_JUDGE}",
    )


def second_opinion(
    question: Annotated[str, Field(description="What to ask; empty: what the talk is about")] = "",
    models: Annotated[str, Field(description="Models to ask, separated by commas; empty: two of your choice")] = "",
) -> str:
    """Ask other models the same question and weigh their answers against your own."""
    said, names = _sorted(question, models)
    choice = (
        f"Ask {', '.join(names)}."
        if names
        else "Choose two models of different providers that have a key here; list_models shows them."
    )
    return _steps(
        f"Get a second opinion through longcall on this: {said}",
        "Make up your own mind first, and keep it out of the prompt: ask neutrally.",
        f"{choice} {_ALONE.replace('It sees', 'They see')}",
        "Call start_task with `models`: one call asks them all. Then poll_task the group with wait_s=45 until its"
        " status changes, and each member for its text.",
        f"Tell where the answers agree, where they differ and who is right, and then what you conclude. {_JUDGE}",
    )


def review_code(
    code: Annotated[str, Field(description="Files, a folder or a change; empty: what the talk is about")] = "",
    model: Model = "",
) -> str:
    """Have another model review code, and check its findings."""
    said, names = _sorted(code, model)
    return _steps(
        f"Have this code reviewed by another model through longcall: {said}",
        f"Read the code and what it depends on. {_ALONE} Name the file and the line numbers of each part.",
        "Ask for defects alone, the most serious first: for each the file and line, how it fails, and a fix. Ask it to"
        " say so when there are none.",
        f"Call llm_call{_with(names)}. {_WAIT}",
        f"Check each finding against the code; drop what is wrong, and show the rest with your verdict. {_JUDGE}",
    )


def add_prompts(server: MCPServer[Opening]) -> None:
    """Adds the prompts, and the completion of model names in their arguments."""
    for prompt, name, title in (
        (delegate, "delegate", "Delegate to another model"),
        (second_opinion, "second-opinion", "Ask for a second opinion"),
        (review_code, "review-code", "Have code reviewed"),
    ):
        server.prompt(name, title=title, description=prompt.__doc__)(prompt)
    server.completion()(complete)


async def complete(
    reference: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> Completion | None:
    """Completes the name of a model, also the last of several; None for anything else."""
    del context
    if not isinstance(reference, PromptReference) or argument.name not in ("model", "models"):
        return None
    from longcall.catalog import find_models  # noqa: PLC0415  # only who completes a name

    first, comma, begun = argument.value.rpartition(",")
    found = await anyio.to_thread.run_sync(find_models, begun.strip(), keyed())
    names = [f"{first}{comma}{model.name}" for model in found]
    return Completion(values=names[:_MOST_COMPLETED], total=len(names), has_more=len(names) > _MOST_COMPLETED)


def _sorted(text: str, models: str) -> tuple[str, list[str]]:
    """Returns what it is about and the models' names; a word in their place that names no provider is text."""
    names = [name.strip() for name in models.split(",") if name.strip()]
    if not all("/" in name for name in names):
        text, names = f"{text} {models}", []
    return text.strip() or "what this conversation is about", names


def _with(names: list[str]) -> str:
    return f" with model={names[0]!r}" if names else ""


def _steps(aim: str, *steps: str) -> str:
    whole = "If the user's own words after the command say more than that, those count."
    return "\n".join([aim, whole, "", *(f"{number}. {step}" for number, step in enumerate(steps, 1))])
