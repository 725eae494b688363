"""What can stand behind `max/`, and where Claude's command line is. Light: the front reads it too."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longcall.errors import CallError
from longcall.routing import MAX
from longcall.text import reason_of

NAMES = ("max/haiku", "max/opus", "max/sonnet")
"""The names that are listed; any model id or alias that the command line knows can stand behind `max/`."""
PATH_VARIABLES = ("LONGCALL_CLAUDE_CLI", "CLAUDE_CLI_PATH")
_PLACES = (".claude/local/claude", ".local/bin/claude", ".local/bin/claude.exe")
"""Below the home folder: where Claude's own installers put it, of which hosts with a bare PATH know nothing."""


@dataclass(frozen=True, slots=True)
class Who:
    """What a name behind `max/` stands for."""

    model: str | None = None
    """An alias or id of the command line's; None takes its default."""
    system: str = ""
    """What it is told before the caller's own system text."""
    every_server: bool = False
    """Whether it has all of the operator's MCP servers when the call names none."""


_JUDGE = (
    "You check whether a text meets what was asked of it. Judge what is there, not what was meant. Answer with JSON"
    " alone, in the form that you are asked for."
)
LABELS: Mapping[str, Who] = {
    "text-general": Who(),
    "code-expert": Who(system="You are an expert programmer. Write complete, correct and idiomatic code."),
    "json-expert": Who(system="Answer with one valid JSON value alone: no explanation, no code fence."),
    "claude-mcp-agent": Who(
        system="Use the tools you are given to do what is asked, and tell what was done.", every_server=True
    ),
    "default_validator_agent": Who(system=_JUDGE),
    "generic_agent_validator": Who(system=_JUDGE),
}
"""Names of an earlier program's, which its users' calls still bear. None is a model of the command line's."""


def who(model: str, labels: Path | None = None) -> Who:
    """Returns what `max/…` stands for: a label, the default model for nothing, otherwise a model's alias or id.

    Args:
        model: the whole name.
        labels: the operator's file of labels, which come before ours.

    Raises:
        CallError: that file cannot be used; the sentence says why.
    """
    name = model[len(MAX) :].strip()
    own = _own_labels(labels) if labels is not None else {}
    return own.get(name.lower()) or LABELS.get(name.lower()) or Who(name or None)


def _own_labels(path: Path) -> dict[str, Who]:
    try:
        found: Any = json.loads(path.read_text("utf-8"))
        return {str(label).lower(): Who(**told) for label, told in found.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise CallError(
            f"The labels in {path} (LONGCALL_CLAUDE_LABELS) cannot be used{_why(error)}: it must be a JSON object of"
            " labels, each an object with `model`, `system` or `every_server`."
        ) from None


def _why(error: Exception) -> str:
    # What Python says of another form speaks of our code, not of the file.
    return f" ({reason_of(error)})" if isinstance(error, OSError | json.JSONDecodeError) else ""


def find_cli(environ: Mapping[str, str]) -> Path | None:
    """Returns Claude's command line: as the operator named it, or on the PATH, or where its installers put it.

    One that was named and is not there is not replaced by another.
    """
    named = next((environ[name] for name in PATH_VARIABLES if environ.get(name)), None)
    path = environ.get("PATH", "")
    if named is not None:
        found = shutil.which(str(Path(named).expanduser()), path=path)
    else:
        home = environ.get("HOME") or environ.get("USERPROFILE")
        places = [str(Path(home) / place) for place in _PLACES] if home else []
        found = next((found for place in ("claude", *places) if (found := shutil.which(place, path=path))), None)
    return Path(found).absolute() if found else None
