"""What a format of config files can do, and what is said when a file cannot be edited."""

from collections.abc import Sequence
from typing import Any, Protocol

from longcall.errors import CallError

Tree = dict[str, Any]
"""A config file as read."""
Keys = Sequence[str]
"""The names that lead to a value, outermost first."""


class ConfigError(CallError):
    """A client's config file cannot be edited as asked. It is as it was."""


class SyntaxFault(Exception):  # noqa: N818  # it never leaves this package: a ConfigError names the file
    """The text is not of the format; the message names line and column."""


class Format(Protocol):
    """One format. What is edited is a text, so that all that is not touched stays as it is, comments included."""

    def read(self, text: str) -> Tree:
        """Returns what the text holds; an empty one holds nothing.

        Raises:
            SyntaxFault: it is not of the format.
        """
        ...

    def put(self, text: str, keys: Keys, value: Any) -> str:
        """Returns the text with the value at `keys`, whose parents are made where they are missing."""
        ...

    def drop(self, text: str, keys: Keys) -> str:
        """Returns the text without what is at `keys`, which must be there."""
        ...

    def show(self, tree: Tree) -> str:
        """Returns a text that holds `tree` alone."""
        ...
