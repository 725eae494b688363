"""The command line: the tools' words for people and scripts."""

import re
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from longcall.cli import config, conversations, tasks, tokens, worker
from longcall.cli.call import call
from longcall.cli.check import check
from longcall.cli.demo import demo
from longcall.cli.doctor import doctor
from longcall.cli.exits import ending
from longcall.cli.install import install, uninstall
from longcall.cli.models import models
from longcall.cli.terminal import prepare, say
from longcall.cli.usage import usage


class _Commands(TyperGroup):
    """The commands, whose complaints about a value are rid of the words that pydantic sets before them."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command that was named."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            told = error.message.removeprefix("Value error, ").partition(", unable to parse")[0]
            error.message = re.sub(r"^Input should ", "it must ", told)
            raise


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="[b]longcall[/b] alone, without a command, serves MCP over stdio: that is what hosts start."
    " [b]longcall install[/b] attaches it to them.",
)
app.command()(call)
app.command()(check)
app.add_typer(tasks.app, name="tasks")
app.add_typer(conversations.app, name="conversations")
app.command()(models)
app.command()(usage)
app.add_typer(worker.app, name="worker")
app.add_typer(tokens.app, name="token")
app.add_typer(config.app, name="config")
app.command()(demo)
app.command()(install)
app.command()(uninstall)
app.command()(doctor)


def _tell_version(asked: bool) -> None:
    if asked:
        say(f"longcall {version('longcall')}\n")
        raise typer.Exit


@app.callback()
def longcall(
    told: Annotated[
        bool, typer.Option("--version", help="Tell the version.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """LLM calls that no timeout cuts off, that are never lost, and never paid for twice.

    Exit codes: 0 done, 1 failed, 2 cannot be asked so, 3 trouble with the task store or the worker, 4 still working
    when --wait ran out, 130 Ctrl-C.
    """


def main() -> None:
    """Runs the command that the arguments name, and exits."""
    prepare()
    ending(lambda: app(prog_name="longcall"))
