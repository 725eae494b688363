"""`longcall check`: checks code and tells what is wrong with it."""

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from longcall.access import open_session
from longcall.cli.checks import read_json
from longcall.cli.exits import Exit, run
from longcall.cli.terminal import complain, is_terminal, remark, say
from longcall.code_task import sarif_of
from longcall.errors import CallError
from longcall.result import Result
from longcall.settings import here

_EXITS = {"pass": Exit.COMPLETED, "fail": Exit.FAILED}
_STYLES = {"pass": "bold green", "fail": "bold red"}


def check(
    files: Annotated[list[Path], typer.Argument(help="Files of code; `-` reads one from stdin.", metavar="FILE…")],
    language: Annotated[str | None, typer.Option(help="Else by the file's name or its looks.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="syntax, lint, types, security, expected, tests or run; repeatable.", metavar="C"),
    ] = None,
    tests: Annotated[Path | None, typer.Option(help="A file of tests to run in a sandbox.", metavar="FILE")] = None,
    cases: Annotated[
        Path | None, typer.Option(help="A JSON file: a list of cases with args and expected.", metavar="FILE")
    ] = None,
    entry_point: Annotated[str | None, typer.Option(help="The function that cases call.", metavar="NAME")] = None,
    task: Annotated[str | None, typer.Option(help="What the code was to do, for a judge.", metavar="TEXT")] = None,
    criterion: Annotated[
        list[str] | None, typer.Option(help="What a judge must find true; repeatable.", metavar="TEXT")
    ] = None,
    judge: Annotated[list[str] | None, typer.Option(help="A model that judges; repeatable.", metavar="MODEL")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the whole report as JSON.")] = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="Write the report as SARIF 2.1.0.")] = False,
) -> None:
    """Checks code: syntax, lint, types, security, and runs with cases or tests in a sandbox.

    Exit codes: 0 passed, 1 failed, 3 nothing is decided.
    """
    if criterion and not judge:
        raise CallError("Name who judges with `--judge`, as in `--judge anthropic/claude-sonnet-4-5`.")
    if judge and not criterion:
        raise CallError("Say with `--criterion` what the judge must find true of the code.")
    request: dict[str, Any] = {
        **_read(files),
        "language": language,
        "checks": only,
        "tests": None if tests is None else _text(tests),
        "cases": None if cases is None else read_json(_text(cases), f"--cases {cases}", list),
        "entry_point": entry_point,
    }
    judging: dict[str, Any] = {"task": task, "criteria": criterion, "judge": {"models": judge} if judge else None}
    result = run(partial(_ask, request, judging))
    raise typer.Exit(_tell(result, as_json=as_json, as_sarif=as_sarif))


async def _ask(request: dict[str, Any], judging: dict[str, Any]) -> Result:
    async with open_session(here(), os.environ) as session:
        return await session.validate_code(request, **judging)


def _read(files: list[Path]) -> dict[str, Any]:
    if [str(path) for path in files] == ["-"]:
        return {"code": sys.stdin.buffer.read().decode("utf-8-sig", "replace")}
    folder = Path(os.path.commonpath([path.absolute().parent for path in files]))
    return {"files": {path.absolute().relative_to(folder).as_posix(): _text(path) for path in files}}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise CallError(f"{path} cannot be read: {reason}.") from None


def _tell(result: Result, *, as_json: bool, as_sarif: bool) -> Exit:
    if result.report is None:
        complain(str((result.error or {}).get("message") or f"The task ended as {result.status}."))
        return Exit.FAILED if result.error is None else Exit.USAGE
    report = result.report
    if as_json or as_sarif:
        told = sarif_of(report) if as_sarif else {**report, "feedback": result.text}
        say(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    else:
        style = _STYLES.get(report["verdict"], "bold yellow") if is_terminal(sys.stderr) else ""
        remark(
            f"{report['verdict']} · assurance {report['assurance']} · {report.get('language', 'unknown language')}",
            style,
        )
        say(f"{result.text}\n")
    return _EXITS.get(report["verdict"], Exit.TROUBLE)
