"""Uses of tools as they come in the pieces of a stream."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from longcall.providers import ToolCall


@dataclass(slots=True)
class _Coming:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])


class ToolsHeard:
    """Puts the pieces together: each names the place of its tool, and most have a part of the arguments alone."""

    def __init__(self) -> None:
        self._coming: dict[int, _Coming] = {}

    def take(self, pieces: Sequence[Any]) -> None:
        """Takes the pieces of one chunk."""
        for piece in pieces:
            coming = self._coming.setdefault(piece.index or 0, _Coming())
            coming.id = coming.id or piece.id or ""
            coming.name = coming.name or (piece.function.name or "")
            coming.arguments.append(piece.function.arguments or "")

    def calls(self) -> tuple[ToolCall, ...]:
        """Returns the tools that are wanted, in their order."""
        ordered = [self._coming[place] for place in sorted(self._coming)]
        return tuple(
            ToolCall(coming.id or f"call_{place}", coming.name, "".join(coming.arguments))
            for place, coming in enumerate(ordered, 1)
        )
