"""Everything that can go wrong: the exceptions, and the codes of failures."""

import ast
from collections.abc import Iterator
from pathlib import Path

from longcall import errors
from longcall.errors import Failure, LongcallError
from longcall.settings import SettingsError
from longcall_server.proxy.problems import STATUSES
from reference.fields import fields_of
from reference.markdown import code, doc, escaped, page, table

TOOLS = Path(__file__).parents[2] / "tools" / "longcall"
_ABOUT = """\
What cannot be asked is an exception, and nothing was stored or sent. In Python it is one of those below, over MCP a
tool error with the same sentence, on the command line that sentence on stderr and an exit code.
What goes wrong afterwards is told by the result: status `failed`, and `error` with a `code`."""
_CODES = {
    "budget": "What may be spent (`retry.budget`, `max_cost_usd`, `[caps]`) is spent, or would be.",
    "cancelled": "The work was cancelled at the provider, not here.",
    "conflict": "The provider had a conflict; asking again may help.",
    "content_policy": "The provider refused on grounds of its content policy.",
    "context_window": "The prompt is too long for the model.",
    "crashed": "Claude's command line ended without an answer.",
    "disconnected": "The connection closed without an answer. The request may have been billed.",
    "expired": "The batch was not answered within the provider's time.",
    "failed": "It could not be asked, for a reason that is not told. The request may have been billed.",
    "incomplete_stream": "The answer broke off. What came is kept, and may have been billed.",
    "internal": "longcall itself failed; its log says more.",
    "interrupted": "The worker died while the provider, or a judge, was at it.",
    "lost": "The provider keeps no answer under the name that it gave (`background`).",
    "max_turns": "The model still asked for tools in its last turn.",
    "no_access": "The provider refused the key or the model.",
    "no_answer": "No member of the group gave an answer that could be combined.",
    "no_choice": "The model that was to choose the best answer named none; the answers are with the members.",
    "no_key": "There is no key for the provider in the environment or the settings.",
    "not_checked": "A check could not be made, so the answer is neither good nor bad. It is kept as the text.",
    "not_installed": "Claude's command line is not there, or does not start.",
    "not_logged_in": "Claude's command line is not logged in.",
    "quota": "The account has no quota or credit left.",
    "rate_limit": "The provider limits how often it may be asked; `retry_after_s` says when again, if it said so.",
    "rejected": "The request cannot be made in this way; the message says why.",
    "store": "The task store could not be used when the answer came.",
    "timeout": "Time ran out: that of the task (`timeout_s`), or the provider's. The request may have been billed.",
    "too_large": "The provider found the request too large.",
    "tools": "An MCP server could not be started or used.",
    "unavailable": "The provider, or its model, is down or overloaded.",
    "unknown_model": "No provider knows the model.",
    "unreachable": "The provider could not be reached; nothing was sent.",
    "usage_limit": "The subscription of Claude's command line has reached its limit.",
    "validation_failed": "No answer passed its checks. The best one is kept as the text.",
}


def failures_page() -> str:
    """Returns the page of what can go wrong."""
    fields = [[code(one.name), code(one.type), escaped(one.about)] for one in fields_of(Failure)]
    codes = [[code(word), about, str(STATUSES.get(word, (500, ""))[0])] for word, about in _CODES.items()]
    return page(
        "Errors",
        _ABOUT,
        "## Exceptions",
        "\n".join(_tree(LongcallError, 0)),
        "## error",
        table(["field", "type", "meaning"], fields),
        "## Codes",
        "The last column is the HTTP status with which `longcall proxy` answers.",
        table(["code", "meaning", "status"], codes),
    )


def codes_told() -> set[str]:
    """Returns the codes that the page explains."""
    return set(_CODES)


def codes_raised() -> set[str]:
    """Returns the codes that stand in the code where failures are made, and those that the proxy knows."""
    return {word for node in _nodes() for word in _code_in(node)} | set(STATUSES)


def words_written() -> set[str]:
    """Returns every text that stands in the code: a code that is not among them is one of the past."""
    return {node.value for node in _nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _nodes() -> Iterator[ast.AST]:
    for path in TOOLS.rglob("*.py"):
        yield from ast.walk(ast.parse(path.read_text("utf-8")))


def _code_in(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id="Failure" | "ProviderError"), args=[ast.Constant(value=str(word)), *_]):
            yield word
        case _:
            pass


def _tree(kind: type[BaseException], depth: int) -> Iterator[str]:
    first = doc(kind.__doc__).split("\n\n")[0].replace("\n", " ")
    yield f"{'  ' * depth}- `{kind.__name__}`: {first}"
    known = {name for name in dir(errors) if not name.startswith("_")} | {SettingsError.__name__}
    for below in sorted(kind.__subclasses__(), key=lambda one: one.__name__):
        if below.__name__ in known:
            yield from _tree(below, depth + 1)
