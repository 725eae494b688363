"""The public names of the Python API."""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from textwrap import dedent
from typing import Any

import longcall
from longcall.call import Call
from longcall.errors import LongcallError
from longcall.question import Question
from longcall.result import Result
from longcall.retry import Budget, Retry, ToolStage
from longcall.session import Session
from reference.fields import demand, fields_of, type_text
from reference.markdown import code, doc, escaped, page, table

_ABOUT = """\
`import longcall` is cheap: nothing heavy is imported before a call is made. Every function opens the task store, and
takes keys and settings from the environment of the process and from `longcall.toml`. All are asynchronous. For many
calls open the store once: `async with longcall.connect() as session`, whose methods have the same names."""
_QUESTION = """\
What may be said of a call besides its prompt, in `llm_call` and `start_task`, here, over MCP and in a session."""
_RETRY = """\
The parts of `retry`, as a dict; [answers](../answers.md#asking-again) tells how they work together."""


def python_page(arguments: Mapping[str, str]) -> str:
    """Returns the page of the Python API; `arguments` is what the tools say of the arguments that they share."""
    public = [getattr(longcall, name) for name in longcall.__all__]
    functions = [one for one in public if inspect.isfunction(one)]
    errors = [one.__name__ for one in public if inspect.isclass(one) and issubclass(one, LongcallError)]
    return page(
        "Python",
        _ABOUT,
        *(part for function in functions for part in _function(function)),
        "## Session",
        doc(Session.__doc__),
        *(part for function in _methods(Session) for part in _method(function)),
        "## Question",
        _QUESTION,
        _question(arguments),
        "## Retry",
        _RETRY,
        *(part for kind in (Retry, Budget, ToolStage) for part in _model(kind)),
        "## Result and errors",
        f"`Result` and `TaskLine` are told in [Result](result.md). {', '.join(map(code, errors))} are told in"
        " [Errors](errors.md).",
    )


def _function(function: Callable[..., Any]) -> Iterator[str]:
    yield f"## {function.__name__}"
    yield _signature(function)
    yield doc(function.__doc__)


def _method(function: Callable[..., Any]) -> Iterator[str]:
    yield f"### {function.__name__}"
    yield _signature(function)
    yield doc(function.__doc__)


def _methods(owner: type) -> Iterator[Callable[..., Any]]:
    """Yields the methods that tell of a task; the others are for the doors."""
    for name, found in vars(owner).items():
        if (
            inspect.iscoroutinefunction(found)
            and not name.startswith("_")
            and found.__annotations__["return"] is Result
        ):
            yield found


def _signature(function: Callable[..., Any]) -> str:
    (node,) = ast.parse(dedent(inspect.getsource(function))).body
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    asynchronous = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    lines = "".join(f"    {one},\n" for one in _parameters(node.args) if one != "self")
    returns = f" -> {type_text(node.returns)}" if node.returns else ""
    return f"```text\n{asynchronous}{node.name}(\n{lines}){returns}\n```"


def _parameters(given: ast.arguments) -> Iterator[str]:
    missing = [None] * (len(given.args) - len(given.defaults))
    for one, default in zip(given.args, [*missing, *given.defaults], strict=True):
        yield _parameter(one, default)
    if given.kwonlyargs:
        yield "*"
    for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _parameter(one, default)
    if given.kwarg:
        yield f"**{_parameter(given.kwarg, None)}"


def _parameter(one: ast.arg, default: ast.expr | None) -> str:
    kind = f": {type_text(one.annotation)}" if one.annotation else ""
    return f"{one.arg}{kind}" + (f" = {ast.unparse(default)}" if default else "")


def _question(arguments: Mapping[str, str]) -> str:
    declared = {one.name: one.about for one in fields_of(Call)}
    rows: list[list[str]] = []
    for one in fields_of(Question):
        about = arguments.get(one.name) or declared.get(one.name) or one.about
        rows.append([code(one.name), code(one.type), escaped(demand(about, f"The argument {one.name!r}"))])
    return table(["argument", "type", "meaning"], rows)


def _model(kind: type) -> Iterator[str]:
    yield f"### {kind.__name__}"
    yield doc(kind.__doc__).split("\n\n")[0]
    rows = [
        [code(one.name), code(one.type), code(one.default), escaped(demand(one.about, f"{kind.__name__}.{one.name}"))]
        for one in fields_of(kind)
    ]
    yield table(["field", "type", "default", "meaning"], rows)
