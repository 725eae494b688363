"""The caller's own function decides; it runs in an interpreter that has no way out."""

import ast
import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from longcall.validators.base import Answer, Issue, ValidatorError
from longcall.validators.local import TextValidator
from longcall.validators.outcome import issues
from longcall.validators.target import Part

SECONDS = 2.0
MEMORY_BYTES = 100_000_000
_STOPPED = "raise KeyError('longcall')\n"
"""Put before the code at the door: all of it is compiled, and none of it runs."""
_CALL = "validate(longcall_text, longcall_json)"


class Python(TextValidator, frozen=True, extra="forbid"):
    """`code` defines `validate(text, json)`; `json` is the text's JSON, or None where it has none.

    It returns None or true when nothing is wrong; false, a text or a list of texts when something is. A failed
    assertion and a ValueError mean that too; any other exception, and a limit that is reached, that it could not check.
    It runs in Monty: a subset of Python, without files, network or environment, for 2 s and in 100 MB at most.
    """

    cost: ClassVar[int] = 2

    type: Literal["python"] = "python"
    code: str = Field(max_length=50_000)

    @field_validator("code")
    @classmethod
    def _compiles(cls, code: str) -> str:
        _check(code)
        return code

    def look(self, part: Part, answer: Answer) -> list[Issue]:
        """Finds what the function says, under the code `rejected`."""
        del answer
        outcome = _run(self.code, {"longcall_text": part.text, "longcall_json": part.json()})
        if isinstance(outcome, _Rejection):
            return [self.issue("rejected", str(outcome) or "The check did not accept it.", path=part.path)]
        return issues(self, outcome, part.path)


class _Rejection(str):
    """What an exception said that means that the answer is wrong."""

    __slots__ = ()


@functools.lru_cache(maxsize=64)
def _check(code: str) -> None:
    """Raises a ValueError when `code` cannot be what a python validator runs."""
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        raise ValueError(f"the code does not compile: {error.msg} (line {error.lineno})") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"the code does not compile: {error}") from None
    if not any(_defines_validate(node) for node in tree.body):
        raise ValueError("the code must define `def validate(text, json):` at its top level")
    import pydantic_monty as monty  # noqa: PLC0415  # the front imports this file at its start

    try:
        with _session() as feed:
            feed(_STOPPED + code)
    except (monty.MontyError, OSError) as error:
        was_stopped = isinstance(error, monty.MontyRuntimeError) and isinstance(error.exception(), KeyError)
        if not was_stopped:
            raise ValueError(f"the code does not compile: {error}") from None


def _defines_validate(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef) or node.name != "validate":
        return False
    taken = len(node.args.posonlyargs + node.args.args)
    needed = taken - len(node.args.defaults)
    return needed <= 2 and (taken >= 2 or node.args.vararg is not None)


@contextmanager
def _session() -> Generator[Callable[..., Any]]:
    """Yields what runs a snippet in a fresh interpreter, in a process of its own, and returns the snippet's value."""
    import pydantic_monty as monty  # noqa: PLC0415  # the front imports this file at its start

    limits: monty.ResourceLimits = {
        "max_feed_duration_secs": SECONDS,
        "max_memory": MEMORY_BYTES,
        "max_recursion_depth": 300,
        "max_total_sleep_secs": 0.0,
    }
    policy: monty.OSPolicy = {"sleep": "zero"}
    with (
        monty.Monty(max_processes=1, request_timeout=SECONDS * 2) as pool,
        pool.checkout(limits=limits, os_policy=policy) as session,
    ):
        printed = monty.CollectString(max_bytes=1_000_000)
        yield functools.partial(session.feed_run, print_callback=printed)


def _run(code: str, inputs: dict[str, Any]) -> Any:
    import pydantic_monty as monty  # noqa: PLC0415  # the front imports this file at its start

    defined = False
    try:
        with _session() as feed:
            feed(code)
            defined = True
            return feed(_CALL, inputs=inputs)
    except monty.MontyRuntimeError as error:
        if defined and isinstance(error.exception(), AssertionError | ValueError):
            return _Rejection(error.display("msg"))
        told = error.display("type-msg")
    except (monty.MontyError, OSError) as error:
        told = str(error)
    raise ValidatorError(f"The caller's function could not check the answer: {told[:300]}")
