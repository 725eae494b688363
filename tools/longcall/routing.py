"""From a model's name to what serves it. Pure."""

from enum import StrEnum

DEMO = "demo/"
MAX = "max/"


class Route(StrEnum):
    """Who answers."""

    SCRIPTED = "scripted"
    CLAUDE = "claude"
    LITELLM = "litellm"


def route(model: str) -> Route:
    """Returns who answers for `model`."""
    if model.startswith(DEMO):
        return Route.SCRIPTED
    return Route.CLAUDE if model.lower().startswith(MAX) else Route.LITELLM
