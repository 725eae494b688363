"""What is made of the answers of a group: which one stands for all of them, and who says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import BaseModel, Field

from longcall.text import clean

CRITERIA = "It is correct, answers all of what was asked, and says nothing more than is needed."
"""What the best answer is where nobody says otherwise."""


class Combine(BaseModel, frozen=True, extra="forbid", defer_build=True):
    """How the answers of a group become one."""

    how: Literal["best", "vote"]
    model: str | None = None
    """For `best`: who chooses."""
    criteria: str = Field(default=CRITERIA, min_length=1)
    """For `best`: what a good answer is."""


@dataclass(frozen=True, slots=True)
class Combined:
    """How the answers of a group became one."""

    how: Literal["best", "vote"]
    members: int
    answered: int
    """How many of these members gave an answer that could count."""
    votes: int
    """How many gave the answer that was taken, or for `best` 1."""
    chosen: tuple[str, ...]
    """Ids of the members whose answer it is, the first of them."""
    tie: bool = False
    """Whether another answer had as many votes."""
    judge: str | None = None
    """The model that chose."""
    reason: str | None = None
    """Why, in its words."""


def parse_combine(given: str | Mapping[str, Any] | None) -> Combine | None:
    """Returns what a caller means by "list", "vote", "best" or {"best": {"model": …, "criteria": …}}; None for a list.

    Raises:
        ValueError: it is none of these; the sentence says so.
    """
    if given is None or given == "list":
        return None
    if given in ("vote", "best"):
        return Combine.model_validate({"how": given})
    told: Any = given.get("best") if isinstance(given, Mapping) and list(given) == ["best"] else None
    if not isinstance(told, Mapping) or not {"model", "criteria"}.issuperset(cast("Mapping[str, Any]", told)):
        raise ValueError('give "list", "vote", "best" or {"best": {"model": …, "criteria": …}}')
    said = {name: value for name, value in cast("Mapping[str, Any]", told).items() if value is not None}
    if not all(isinstance(value, str) and value.strip() for value in said.values()):
        raise ValueError("`model` and `criteria` of the best answer must be texts")
    return Combine.model_validate({"how": "best", **{name: clean(value) for name, value in said.items()}})
