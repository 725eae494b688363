"""From a model's name to what serves it. Pure."""

from enum import StrEnum

from longcall.errors import CallError

DEMO = "demo/"
MAX = "max/"
GIVEN = "meta-task/"
"""Models of this name are asked nothing: the text that was given is what is validated."""


class Route(StrEnum):
    """Who answers."""

    SCRIPTED = "scripted"
    GIVEN = "given"
    LITELLM = "litellm"


def route(model: str) -> Route:
    """Returns who answers for `model`.

    Raises:
        CallError: the name belongs to a provider that this version does not serve.
    """
    if model.startswith(DEMO):
        return Route.SCRIPTED
    if model.startswith(GIVEN):
        return Route.GIVEN
    if model.lower().startswith(MAX):
        raise CallError(
            f"{model!r} names Claude through its command line, which this version cannot call yet. Name an API model,"
            " for example anthropic/claude-sonnet-4-5."
        )
    return Route.LITELLM
