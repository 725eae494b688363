"""A validator that another package brings, by an entry point of the group `longcall.validators`."""

import importlib.metadata
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from longcall.text import reason_of
from longcall.validators.base import Answer, Issue, ValidatorError
from longcall.validators.local import TextValidator
from longcall.validators.outcome import issues
from longcall.validators.target import Part

GROUP = "longcall.validators"


class Plugin(TextValidator, frozen=True, extra="forbid"):
    """The operator's own check: a callable that gets the Answer, cut to the target, and `args`.

    It runs in a thread. It returns None or true when nothing is wrong, and false, a text, a list of texts or of Issues
    when something is. Whatever it raises means that it could not check.
    """

    verbatim: ClassVar[dict[str, str]] = {"plugin": "name", "args": "args"}
    cost: ClassVar[int] = 2

    type: Literal["plugin"] = "plugin"
    plugin: str = Field(alias="name")
    """The name of the entry point, such as `acme.invoice`."""
    args: dict[str, Any] = Field(default_factory=dict[str, Any])

    @field_validator("plugin")
    @classmethod
    def _is_installed(cls, plugin: str) -> str:
        _entry_point(plugin)
        return plugin

    def look(self, part: Part, answer: Answer) -> list[Issue]:
        """Finds what the callable says, under the code `rejected` or that of its own Issues."""
        try:
            outcome = _entry_point(self.plugin).load()(replace(answer, text=part.text), self.args)
        except Exception as error:
            told = f"it raised {type(error).__name__} ({reason_of(error)})"
            raise ValidatorError(f"The plugin {self.plugin} could not check the answer: {told}.") from error
        return issues(self, outcome, part.path)


def _entry_point(name: str) -> importlib.metadata.EntryPoint:
    installed = importlib.metadata.entry_points(group=GROUP)
    if name not in installed.names:
        there = ", ".join(sorted(installed.names)) or "none"
        raise ValueError(f"no plugin {name!r} is installed (entry point group {GROUP}; there are: {there})")
    return installed[name]
