"""The commands and their options, as the command line itself knows them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import typer

from longcall.cli.exits import Exit
from longcall_server.__main__ import command_line
from reference.markdown import code, doc, escaped, page, table

_ABOUT = """\
`longcall` alone, without a command, serves MCP over stdio: that is what hosts start. `-h` after any command tells the
same as this page."""
_ENDS = {
    Exit.COMPLETED: "done",
    Exit.FAILED: "the model failed, the task was lost, or nothing matched",
    Exit.USAGE: "it cannot be asked so; nothing was done",
    Exit.TROUBLE: "the task store or the worker cannot be used",
    Exit.STILL_WORKING: "`--wait` ran out; the work goes on",
    Exit.INTERRUPTED: "Ctrl-C; the work goes on",
    Exit.READER_GONE: "whoever read the output closed it, as `head` does",
}
_NAMES = {str: "TEXT", int: "NUMBER", float: "NUMBER", Path: "PATH"}


def commands_page() -> str:
    """Returns the page of the commands."""
    group: Any = typer.main.get_command(command_line())
    parts = [part for names, command in _commands(group, ()) for part in _told(names, command)]
    ends = table(["exit code", "meaning"], [[str(int(end)), _ENDS[end]] for end in Exit])
    return page("Command line", _ABOUT, *parts, "## Exit codes", ends)


def _commands(group: Any, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        yield (*above, name), command
        if hasattr(command, "commands"):
            yield from _commands(command, (*above, name))


def _told(names: tuple[str, ...], command: Any) -> Iterator[str]:
    is_group = hasattr(command, "commands")
    takes = "" if is_group and not command.invoke_without_command else _usage(command)
    yield f"{'##' if len(names) == 1 else '###'} longcall {' '.join(names)}{takes}"
    yield doc(command.help)
    rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
    if rows:
        yield table(["argument or option", "default", "meaning"], rows)


def _usage(command: Any) -> str:
    arguments = [one for one in command.params if not one.opts[0].startswith("-")]
    return "".join(f" {_name(one)}" if one.required else f" \\[{_name(one)}\\]" for one in arguments)


def _row(parameter: Any) -> list[str]:
    is_option = parameter.opts[0].startswith("-")
    spelt = ", ".join(parameter.opts) if is_option else _name(parameter)
    takes = f" {_value(parameter)}" if is_option and not parameter.is_flag else ""
    default = parameter.default
    shown = "" if default in (None, False, "") or callable(default) else str(default)
    return [code(spelt + takes), code(shown), escaped(parameter.help or "")]


def _name(parameter: Any) -> str:
    return parameter.metavar or parameter.name.upper()


def _value(parameter: Any) -> str:
    if parameter.metavar:
        return parameter.metavar
    kind = parameter.type_descriptor.annotation
    (kind,) = get_args(kind) if parameter.multiple and get_args(kind) else (kind,)
    return _NAMES.get(kind) or "|".join(map(str, get_args(kind))) or "TEXT"
