"""Parsers that a hostile text can keep busy for ever, run in a process that can be stopped.

The program reads the text from stdin and writes its findings to stdout as JSON: `[[message, line or path or null], …]`.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from longcall.validators.base import MAX_ISSUES, ValidatorError

SECONDS = 20.0
MEMORY_BYTES = 1 << 30
Finding = tuple[str, Any]


def apart(check: str, text: str) -> list[Finding]:
    """Returns what `check` (toml, yaml or openapi) finds in `text`; blocks.

    Raises:
        ValidatorError: it took too long, or broke.
    """
    command = [sys.executable, "-P", "-m", "longcall.validators.apart", check]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=SECONDS, check=False)  # noqa: S603  # our own module
    except subprocess.TimeoutExpired:
        raise ValidatorError(f"The {check} check took more than {SECONDS:g} s and was stopped.") from None
    if done.returncode != 0:
        raise ValidatorError(
            f"The {check} check broke (exit code {done.returncode}); the text may be nested too deeply."
        )
    return [(message, where) for message, where in json.loads(done.stdout)]


def _toml(text: str) -> list[Finding]:
    import tomllib  # noqa: PLC0415  # only this check needs it

    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = getattr(error, "lineno", None)  # Python 3.14 has it
        return [(f"This is not TOML: {error}", line)]
    except RecursionError:
        return [("The TOML is nested too deeply.", None)]
    return []


def _yaml(text: str) -> list[Finding]:
    from longcall.validators.yaml_text import YamlFaultError, walk  # noqa: PLC0415  # only two checks need it

    try:
        walk(text)
    except YamlFaultError as error:
        return [(str(error), error.line)]
    return []


def _openapi(text: str) -> list[Finding]:
    check: Callable[[str], list[Finding]] = importlib.import_module("longcall.validators.openapi_check").check
    return check(text)


_CHECKS = {"toml": _toml, "yaml": _yaml, "openapi": _openapi}


def _limit_memory() -> None:
    try:
        import resource  # noqa: PLC0415  # Windows has none
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, hard))


def main() -> None:
    """Runs the check that the first argument names."""
    _limit_memory()
    found = _CHECKS[sys.argv[1]](sys.stdin.buffer.read().decode())
    sys.stdout.write(json.dumps(found[:MAX_ISSUES]))


if __name__ == "__main__":
    main()
