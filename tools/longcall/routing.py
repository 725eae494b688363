"""From a model's name to what serves it. Pure."""

from enum import StrEnum

DEMO = "demo/"
MAX = "max/"
CHECK = "validate_code"
"""Stands in a task's model where no model is asked: the task checks code."""
COMBINE = "combine/"
"""Stands in a task's model where the answers of its group are combined."""
GIVEN = "meta-task/"
"""Models of this name are asked nothing: the text that was given is what is validated."""


BATCHING = ("openai",)
"""The providers that take many calls as one batch, by the names that stand before a model's."""


class Route(StrEnum):
    """Who answers."""

    SCRIPTED = "scripted"
    CLAUDE = "claude"
    GIVEN = "given"
    CHECK = "check"
    COMBINE = "combine"
    LITELLM = "litellm"


_PREFIXES = ((DEMO, Route.SCRIPTED), (MAX, Route.CLAUDE), (GIVEN, Route.GIVEN), (COMBINE, Route.COMBINE))


def route(model: str) -> Route:
    """Returns who answers for `model`."""
    if model == CHECK:
        return Route.CHECK
    for prefix, who in _PREFIXES:
        if model.lower().startswith(prefix):
            return who
    return Route.LITELLM


def may_batch(model: str) -> bool:
    """Whether `model` may be one of a provider that takes batches; a name without its provider may be."""
    provider, slash, _ = model.partition("/")
    return route(model) is Route.LITELLM and (not slash or provider.lower() in BATCHING)
