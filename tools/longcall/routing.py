"""From a model's name to what serves it. Pure."""

from enum import StrEnum

DEMO = "demo/"
MAX = "max/"
GIVEN = "meta-task/"
"""Models of this name are asked nothing: the text that was given is what is validated."""


class Route(StrEnum):
    """Who answers."""

    SCRIPTED = "scripted"
    CLAUDE = "claude"
    GIVEN = "given"
    LITELLM = "litellm"


def route(model: str) -> Route:
    """Returns who answers for `model`."""
    for prefix, who in ((DEMO, Route.SCRIPTED), (MAX, Route.CLAUDE), (GIVEN, Route.GIVEN)):
        if model.lower().startswith(prefix):
            return who
    return Route.LITELLM
