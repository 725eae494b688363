"""`longcall demo`: the promise, kept before your eyes."""

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from longcall.access import open_session
from longcall.cli.attach import attaching
from longcall.cli.choice import Choice, choose, scripted
from longcall.cli.exits import Exit, run
from longcall.cli.story import Story
from longcall.cli.terminal import complain, count, is_terminal, remark, say, tell
from longcall.settings import Settings, here, with_keys

if TYPE_CHECKING:
    from longcall.cli.proof import Proof


def demo(
    model: Annotated[str | None, typer.Option("--model", "-m", help="provider/model to ask.", metavar="MODEL")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before paying a provider.")] = False,
) -> None:
    """Shows a call outliving its server: the server is killed in mid-answer, and another one brings the whole answer.

    It takes half a minute, needs no key, and uses your task store.
    """
    settings = here()
    run(partial(_try_store, settings))
    chosen = choose(model, settings, with_keys(settings, os.environ))
    tell("longcall demo: a call that outlives the server it was made through\n", "bold")
    say(f"Model: {chosen.model} ({chosen.why}).\n")
    if chosen.is_paid and not yes and not _may_pay(chosen):
        chosen = scripted("nothing is paid for it")
        say(f"Going on with {chosen.model}: {chosen.why}.\n")
    try:
        proof = _prove(chosen)
    except KeyboardInterrupt:
        remark("Stopped. What was asked goes on; `longcall tasks` lists it.")
        raise typer.Exit(Exit.INTERRUPTED) from None
    _tell(proof)
    if not proof.is_kept:
        raise typer.Exit(Exit.FAILED)
    tell("\nAttach it:", "bold")
    for title, text in attaching(os.environ).items():
        tell(f"\n{title}", "cyan")
        tell("\n".join(f"  {line}" for line in text.split("\n")))


async def _try_store(settings: Settings) -> None:
    async with open_session(settings, os.environ):
        pass  # its trouble is better told before the story begins


def _may_pay(chosen: Choice) -> bool:
    say(f"It will be asked once: {chosen.prompt}\n{chosen.price}\n")
    if is_terminal(sys.stdin) and is_terminal(sys.stdout):
        return typer.confirm("Ask it?", default=True)
    remark("Without a terminal to ask at, paying needs --yes.")
    return False


def _prove(chosen: Choice) -> "Proof":
    from longcall.cli.proof import ModelFailedError, prove  # noqa: PLC0415  # an MCP client's imports take a second

    try:
        return run(partial(prove, chosen, Story()))
    except ModelFailedError as error:
        complain(f"{chosen.model} did not answer: {error}")
        if chosen.is_scripted:
            raise typer.Exit(Exit.FAILED) from None
    fallback = scripted("it needs no key")
    say(f"Going on with {fallback.model}: {fallback.why}.\n")
    return run(partial(prove, fallback, Story()))


def _tell(proof: "Proof") -> None:
    if not proof.is_kept:
        complain("The second server did not bring the whole answer that the first one had begun.")
        return
    tell("\nThe answer, as the second server told it:\n", "bold")
    say("".join(f"  {line}\n" for line in proof.lines()))
    asked = count(proof.requests, "request")
    say(f"\nServer {proof.first_pid} was killed, server {proof.second_pid} told it all; {asked} to the model.\n")
