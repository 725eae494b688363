"""Everything that the operator says: longcall.toml and the environment, read once."""

from longcall.settings.keys import key_variable, key_variables, keyed, with_keys
from longcall.settings.reading import (
    Found,
    SettingsError,
    find_settings,
    here,
    operated,
    project_file,
    read_settings,
    user_file,
)
from longcall.settings.settings import Settings
from longcall.settings.tables import Caps, LimitSettings, ModelSettings, PriceSettings, ProviderSettings
from longcall.settings.task_caps import TaskCaps, task_caps

__all__ = [
    "Caps",
    "Found",
    "LimitSettings",
    "ModelSettings",
    "PriceSettings",
    "ProviderSettings",
    "Settings",
    "SettingsError",
    "TaskCaps",
    "find_settings",
    "here",
    "key_variable",
    "key_variables",
    "keyed",
    "operated",
    "project_file",
    "read_settings",
    "task_caps",
    "user_file",
    "with_keys",
]
