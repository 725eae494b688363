"""The caps that one task is held to, as they travel with it."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import Field

from longcall.settings.reading import SettingsError, find_settings
from longcall.settings.settings import Settings
from longcall.settings.tables import Caps

ARGUMENT = "max_cost_usd"
"""The argument by which a caller lowers what its call may cost."""


class TaskCaps(Caps, frozen=True, extra="forbid", defer_build=True):
    """What may be spent on a task, and beside it: the settings' caps when it was made, which a project may lower."""

    origins: Mapping[str, str] = Field(default_factory=dict)
    """Cap → the file, variable or argument that it comes from."""


def task_caps(
    settings: Settings, max_cost_usd: float | None, environ: Mapping[str, str], project: Path | None
) -> TaskCaps | None:
    """Returns the caps for a task, that of a call lowered to `max_cost_usd`; None where there is none at all.

    Raises:
        ValidationError: `max_cost_usd` is no amount of dollars.
    """
    caps = settings.caps
    if not caps.is_any and max_cost_usd is None:
        return None
    origins: dict[str, str] = {}
    with suppress(SettingsError):  # the caps hold all the same, and only their place is not told
        found = find_settings(environ, project)
        origins = {name: found.origins[f"caps.{name}"] for name in Caps.model_fields if f"caps.{name}" in found.origins}
    told = caps.model_dump(exclude_none=True)
    asked = Caps.model_validate({"call_usd": max_cost_usd}).call_usd
    if asked is not None and (caps.call_usd is None or asked < caps.call_usd):
        told["call_usd"], origins["call_usd"] = asked, ARGUMENT
    return TaskCaps.model_validate({**told, "origins": origins})
